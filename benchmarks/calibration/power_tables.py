"""The tables of the study of planted formulas, and the bars that it has to pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.calibration import methods
from benchmarks.results import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.calibration.signal import CellPower
    from benchmarks.results import Cell as Shown

HOLD_OUT, TWO_FOLDS = methods.HOLD_OUT.name, methods.TWO_FOLDS.name
CALIBRATED = methods.calibrated_folds(None).name
LEAST_POWER = 0.95
PLACE = ["activations", "planted", "positives", "AUC"]


def _place(one: CellPower) -> list[Shown]:
    count = int(one.cell.mask.sum())
    return [one.activations, str(one.cell.formula), count, f"{one.cell.auc:.2f}"]


def power_table(measured: Sequence[CellPower]) -> Table:
    """Return the power of every method and oracle in every cell."""
    names = list(measured[0].rejected)
    rows = [[*_place(one), *(one.power(name) for name in names)] for one in measured]
    return Table([*PLACE, *names], rows)


def difference_table(measured: Sequence[CellPower]) -> Table:
    """Return what cross-fitting gains over one split in every cell."""
    rows: list[list[Shown]] = []
    for one in measured:
        cells: list[Shown] = []
        for method in (TWO_FOLDS, CALIBRATED):
            gain, error = one.difference(method, HOLD_OUT)
            word = "more" if gain > error else "fewer" if gain < -error else "as many"
            cells += [f"{gain:+.3f} ± {error:.3f}", word]
        rows.append([*_place(one), *cells])
    columns = [f"{name} − hold-out" for name in (TWO_FOLDS, CALIBRATED)]
    return Table([*PLACE, columns[0], "finds", columns[1], "finds "], rows)


def recovery_table(measured: Sequence[CellPower]) -> Table:
    """Return what searches of half and of all samples find of the planted formulas."""
    searches = list(measured[0].recovered)
    rows = [
        [*_place(one), *(float(x) for s in searches for x in one.recovered[s].mean(axis=(0, 1)))]
        for one in measured
    ]
    of_each = ("concepts found", "Jaccard", "same set")
    return Table([*PLACE, *(f"{what}, {s}" for s in searches for what in of_each)], rows)


def mean_difference(measured: Sequence[CellPower], method: str, other: str) -> tuple[float, float]:
    """Return the same as `CellPower.difference`, for the mean over cells."""
    paired = [one.rejected[method].astype(float) - one.rejected[other] for one in measured]
    by_seed = np.mean([of_cell.mean(axis=1) for of_cell in paired], axis=0)
    error = float(by_seed.std(ddof=1)) / len(by_seed) ** 0.5 if len(by_seed) > 1 else np.nan
    return float(by_seed.mean()), 2 * error


def bar_table(measured: Sequence[CellPower]) -> Table:
    """Return the goals, the cell that comes nearest to missing each, and whether it is reached."""
    rows: list[list[Shown]] = []
    strong = [one for one in measured if (one.cell.target, one.cell.auc) == (200, 0.75)]
    if strong:
        worst = min(strong, key=lambda one: one.power(HOLD_OUT))
        power = worst.power(HOLD_OUT)
        reached = _reached(power >= LEAST_POWER)
        goal = "AUC 0.75, 200 positives: hold-out finds at least 95 %"
        rows.append([goal, _describe(worst), f"{power:.3f}", reached])

    def lead(one: CellPower, method: str) -> float:
        """Return by how many of its own errors a method is ahead of hold-out."""
        gain, error = one.difference(method, HOLD_OUT)
        return gain / error if error else gain * 1e9

    worst = min(measured, key=lambda one: lead(one, TWO_FOLDS))
    gain, error = worst.difference(TWO_FOLDS, HOLD_OUT)
    goal = "every cell: 2 folds find as many as hold-out, or more, within two standard errors"
    rows.append([goal, _describe(worst), f"{gain:+.3f} ± {error:.3f}", _reached(gain >= -error)])
    weak = [one for one in measured if (one.cell.target, one.cell.auc) == (50, 0.65)]
    for one in weak:
        gain, error = one.difference(CALIBRATED, HOLD_OUT)
        goal = "AUC 0.65, 50 positives: 5 calibrated folds beat hold-out by over two errors"
        rows.append([goal, _describe(one), f"{gain:+.3f} ± {error:.3f}", _reached(gain > error)])
    if weak:
        gain, error = mean_difference(weak, CALIBRATED, HOLD_OUT)
        goal = "AUC 0.65, 50 positives: 5 calibrated folds beat hold-out by over two errors"
        mean = f"the mean of these {len(weak)}"
        rows.append([goal, mean, f"{gain:+.3f} ± {error:.3f}", _reached(gain > error)])
    return Table(["goal", "cell", "measured", "reached"], rows)


def _reached(yes: bool) -> str:
    return "yes" if yes else "NO"


def _describe(one: CellPower) -> str:
    return f"{one.cell.formula}, AUC {one.cell.auc:.2f}, {one.activations}"

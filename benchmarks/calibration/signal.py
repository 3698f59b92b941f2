"""Signal is found: the power of each method on planted formulas, and what it finds in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.calibration import methods
from benchmarks.calibration.emoji_labels import read_labels
from benchmarks.calibration.planted import FORMULAS, Cell, activations_of, cells, search_limits
from benchmarks.calibration.power_tables import (
    bar_table,
    difference_table,
    mean_difference,
    power_table,
    recovery_table,
)
from benchmarks.calibration.steps import report_step
from benchmarks.machine import describe_machine
from benchmarks.results import Report
from invert_captum.significance import Separation, rank_sum_log10_p

if TYPE_CHECKING:
    from numpy.typing import NDArray

    import invert_captum as ic
    from benchmarks.calibration.methods import Method

ALPHA = 0.05
ORACLE_HELD_OUT, ORACLE_ALL = "oracle, held-out half", "oracle, all samples"
# Whose formulas are compared with the planted ones.
SEARCHES = {"hold-out": "half", "permutation, random ties": "all"}


@dataclass(frozen=True)
class SignalSizes:
    """How large the study is.

    Attributes:
        seeds: How many splits, foldings and null tables,
        repetitions: how many binormal neurons of a cell for each,
        relu_repetitions: and how many with a ReLU.
        permutations: Of each null table.
        targets: The numbers of positives.
    """

    seeds: int = 20
    repetitions: int = 20
    relu_repetitions: int = 10
    permutations: int = 999
    targets: tuple[int, ...] = tuple(FORMULAS)


QUICK = SignalSizes(seeds=2, repetitions=2, relu_repetitions=1, permutations=19, targets=(50,))


@dataclass(frozen=True)
class CellPower:
    """What came out of a cell.

    Attributes:
        cell: The cell.
        activations: ``"binormal"`` or ``"ReLU"``.
        rejected: For each method and oracle whether p ≤ 0.05, bool of shape (seeds, repetitions).
        recovered: For a search of half and of all samples: whether all planted concepts are among
            the literals found, the Jaccard overlap of the sets, and whether they are the same,
            float64 of shape (seeds, repetitions, 3).
    """

    cell: Cell
    activations: str
    rejected: dict[str, NDArray[np.bool_]]
    recovered: dict[str, NDArray[np.float64]]

    def power(self, method: str) -> float:
        """Return the share of neurons that a method finds significant."""
        return float(self.rejected[method].mean())

    def difference(self, method: str, other: str) -> tuple[float, float]:
        """Return by how much the power of one method exceeds another's, and two standard errors.

        The neurons are the same. Those of a seed share splits and tables: the standard error is
        that of the mean of the seeds.
        """
        return mean_difference([self], method, other)


def signal_methods(n_permutations: int) -> list[Method]:
    """Return the methods whose power is compared."""
    return [
        methods.HOLD_OUT,
        methods.TWO_FOLDS,
        *(methods.five_folds(name) for name in ("mean", "median", "forward_stouffer")),
        methods.permutation("random_tie_breaks", n_permutations),
        methods.calibrated_folds(n_permutations),
    ]


def oracle_p(
    activations: NDArray[np.float64], mask: NDArray[np.bool_], samples: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the p-value of a set that was known beforehand, for each neuron, shape (d,)."""
    separations = [Separation.of(values[samples], mask[samples]) for values in activations.T]
    return np.array([10 ** rank_sum_log10_p(one, alternative="greater") for one in separations])


def recovery(
    result: ic.LabelingResult, of_cells: list[Cell], concepts: ic.ConceptSet
) -> NDArray[np.float64]:
    """Return how near the found formulas are to the planted ones, float64 of shape (d, 3)."""
    found = [one.formula for one in result.explanations]
    masks = {one: one.evaluate(concepts) for one in set(found) if one is not None}
    per_cell = len(found) // len(of_cells)
    rows = np.zeros((len(found), 3))
    for place, formula in enumerate(found):
        if formula is None:
            continue
        cell, mask = of_cells[place // per_cell], masks[formula]
        names = {literal.name for literal in formula.literals()}
        jaccard = (mask & cell.mask).sum() / (mask | cell.mask).sum()
        rows[place] = cell.names <= names, jaccard, jaccard == 1.0
    return rows


def outcomes(
    activations: NDArray[np.float64], of_cells: list[Cell], seed: int, sizes: SignalSizes
) -> tuple[dict[str, NDArray[np.float64]], dict[str, NDArray[np.float64]]]:
    """Return the p-values (d,) by method and oracle, and the `recovery` (d, 3) by search."""
    concepts, limits = read_labels().concepts, search_limits(of_cells[0].target)
    p_values, near = {}, {}
    for method in signal_methods(sizes.permutations):
        result = methods.label(activations, concepts, method, seed, **limits)
        p_values[method.name] = methods.p_values(result)
        if method.name in SEARCHES:
            near[SEARCHES[method.name]] = recovery(result, of_cells, concepts)
        if method is methods.HOLD_OUT:
            heldout = result.heldout
    assert heldout is not None
    tested = {ORACLE_HELD_OUT: heldout, ORACLE_ALL: np.ones_like(heldout)}
    columns = np.split(activations, len(of_cells), axis=1)
    for name, samples in tested.items():
        of_cell = [
            oracle_p(neurons, cell.mask, samples)
            for neurons, cell in zip(columns, of_cells, strict=True)
        ]
        p_values[name] = np.concatenate(of_cell)
    return p_values, near


def measure(target: int, sizes: SignalSizes, *, relu: bool) -> list[CellPower]:
    """Return the outcome of all cells with a number of positives."""
    of_cells = cells(read_labels().concepts, target)
    repetitions = sizes.relu_repetitions if relu else sizes.repetitions
    p_values: dict[str, list[NDArray[np.float64]]] = {}
    recovered: dict[str, list[NDArray[np.float64]]] = {}
    for seed in range(sizes.seeds):
        report_step(f"{target} positives, {'ReLU' if relu else 'binormal'}, seed {seed}")
        activations = activations_of(of_cells, repetitions, seed, relu=relu)
        of_seed, near = outcomes(activations, of_cells, seed, sizes)
        for name, found in of_seed.items():
            p_values.setdefault(name, []).append(found)
        for name, overlaps in near.items():
            recovered.setdefault(name, []).append(overlaps)
    shape = (sizes.seeds, len(of_cells), repetitions)
    p = {name: np.array(found).reshape(shape) for name, found in p_values.items()}
    all_near = {name: np.array(found).reshape(*shape, 3) for name, found in recovered.items()}
    return [
        CellPower(
            cell,
            "ReLU" if relu else "binormal",
            {name: found[:, place] <= ALPHA * (1 + 1e-9) for name, found in p.items()},
            {name: found[:, place] for name, found in all_near.items()},
        )
        for place, cell in enumerate(of_cells)
    ]


def run(sizes: SignalSizes, command: str, image: str) -> tuple[Report, list[CellPower]]:
    """Run the study.

    Args:
        sizes: How large it is.
        command: What the user called.
        image: Where the figure will be, relative to ``benchmarks/``.

    Returns:
        The report, and the cells for the figure.
    """
    measured = [
        cell
        for relu in (False, True)
        for target in sizes.targets
        for cell in measure(target, sizes, relu=relu)
    ]
    tables = [table(measured) for table in (bar_table, power_table, difference_table)]
    tables.append(recovery_table(measured))
    notes = [
        f"Share of neurons with p ≤ {ALPHA}, not corrected. {sizes.seeds} splits (foldings, null "
        f"tables of {sizes.permutations:,}), {sizes.repetitions} binormal neurons of a cell for "
        f"each, {sizes.relu_repetitions} with a ReLU (half of those outside the set are 0).",
        "L = 3, B = 5; min_positives 12; min_fraction 0.02, but 0 for sets of 20, which that would "
        "leave out. The search grows a formula from a literal within the limits; the parts of an "
        "OR of about 50 are below them.",
        "The oracles test the planted set itself, on the half that is held out or on all samples.",
        "Differences: on the same neurons, ± two standard errors of the mean of the splits.",
        "Found: how often all planted concepts are among the literals of the best formula, the "
        "mean Jaccard overlap of its set with the planted one, and how often they are the same.",
    ]
    title = "Signal is found: power on planted formulas"
    return Report(title, command, describe_machine(), notes, tables, [image]), measured

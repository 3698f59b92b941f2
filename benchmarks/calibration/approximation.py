"""The conditional distribution of held-out rank sums beside its normal approximation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.calibration import methods
from benchmarks.calibration.activations import noise
from benchmarks.calibration.bands import binomial_band, share_at_most
from benchmarks.calibration.emoji_labels import read_labels
from benchmarks.calibration.steps import report_step
from benchmarks.results import Table

if TYPE_CHECKING:
    from benchmarks.results import Cell

KIND = "ReLU, 90 % zeros"
LEVELS = (0.05, 0.001)


def approximation_table(neurons: int, splits: int) -> Table:
    """Return how often both tests reject noise with 90 % zeros.

    Args:
        neurons: How many neurons for each split.
        splits: How many splits, each with activations of its own.
    """
    concepts = read_labels().concepts
    found: dict[str, list[np.ndarray]] = {methods.HOLD_OUT.name: [], methods.NORMAL_NAME: []}
    for seed in range(splits):
        activations = noise(KIND, concepts.n_samples, neurons, seed=500 + seed)
        result = methods.label(activations, concepts, methods.HOLD_OUT, seed)
        found[methods.HOLD_OUT.name].append(methods.p_values(result))
        found[methods.NORMAL_NAME].append(methods.normal_p_values(result, activations, concepts))
        report_step(f"{KIND}: normal approximation, split {seed}")
    rows: list[list[Cell]] = []
    for name, parts in found.items():
        p_values = np.concatenate(parts)
        cells: list[Cell] = []
        for level in LEVELS:
            band, share = binomial_band(level, len(p_values)), share_at_most(p_values, level)
            cells += [share, str(band), band.place(share)]
        rows.append([KIND, name, len(p_values), *cells])
    columns = ["noise", "test of the same formulas", "neurons"]
    for level in LEVELS:
        columns += [f"share p ≤ {level}", "99 % band", "share is"]
    return Table(columns, rows)

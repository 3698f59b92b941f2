"""How often a family of noise neurons has any that is called significant after correction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.stats

from benchmarks.calibration import methods
from benchmarks.calibration.activations import CONTINUOUS, noise
from benchmarks.calibration.bands import COVERAGE
from benchmarks.calibration.emoji_labels import read_labels
from benchmarks.calibration.methods import Method
from benchmarks.calibration.steps import report_step
from benchmarks.results import Table

if TYPE_CHECKING:
    from benchmarks.results import Cell

FAMILY_KINDS = (CONTINUOUS, "ReLU, 90 % zeros")
# Max-T needs 1/α − 1 = 19 permutations to reject; p = 5/100 is the level 0.05 itself.
MAX_T_PERMUTATIONS = 99


def family_methods() -> list[tuple[Method, str]]:
    """Return methods with a correction each; None permutations are as many as Holm's needs."""
    by_ties = methods.permutation("random_tie_breaks", None)
    max_t = methods.permutation("own_null", MAX_T_PERMUTATIONS)
    return [
        (methods.IN_SAMPLE, "holm"),
        (methods.HOLD_OUT, "holm"),
        (methods.TWO_FOLDS, "holm"),
        (by_ties, "holm"),
        (Method("max-T, standardised", methods.EXACT, max_t.arguments), "westfall_young"),
    ]


def most_allowed(repetitions: int) -> int:
    """Return the most families with a false alarm that the level 0.05 allows: 11 of 100."""
    return int(scipy.stats.binom.ppf((1 + COVERAGE) / 2, repetitions, 0.05))


def familywise_table(repetitions: int, family: int) -> Table:
    """Return how many families name any neuron.

    Args:
        repetitions: The number of families, each with activations, split and permutations of its
            own seed.
        family: The number of neurons in each.
    """
    concepts = read_labels().concepts
    rows: list[list[Cell]] = []
    for kind in FAMILY_KINDS:
        for method, correction in family_methods():
            named = np.zeros(repetitions, np.int64)
            for seed in range(repetitions):
                activations = noise(kind, concepts.n_samples, family, seed=1_000 + seed)
                result = methods.label(activations, concepts, method, seed, correction=correction)
                named[seed] = sum(bool(one.significant) for one in result.explanations)
            families, limit = int((named > 0).sum()), most_allowed(repetitions)
            report_step(f"{kind}: {method.name}, {correction}: {families} of {repetitions}")
            within = "yes" if families <= limit else "NO"
            promised = "no promise" if method.promise == methods.NO_PROMISE else within
            rows.append([kind, method.name, correction, families, limit, promised])
    columns = ["noise", "method", "correction", "families that name any", "at most", "as promised"]
    return Table(columns, rows)

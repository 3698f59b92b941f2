"""The formulas that are planted, and the activations of neurons that respond to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import invert_captum as ic
from benchmarks.calibration.activations import planted

if TYPE_CHECKING:
    from numpy.typing import NDArray

SINGLE, AND, OR, AND_NOT = "concept", "AND", "OR", "AND NOT"
FORMULA_KINDS = (SINGLE, AND, OR, AND_NOT)
AUCS = (0.65, 0.75, 0.85)

FORMULAS: dict[int, dict[str, str]] = {
    20: {
        SINGLE: "food-fruit",
        AND: "Animals-and-Nature & face",
        OR: "mouth | open",
        AND_NOT: "person-gesture & ~man",
    },
    50: {
        SINGLE: "transport-ground",
        AND: "(Animals-and-Nature | Travel-and-Places) & face",
        OR: "food-prepared | plant-other",
        AND_NOT: "animal-mammal & ~face",
    },
    200: {
        SINGLE: "Symbols",
        AND: "Smileys-and-Emotion & face",
        OR: "man | woman",
        AND_NOT: "Travel-and-Places & ~sky-and-weather",
    },
}
"""For about so many positives a formula of each kind whose literals all matter.

Categories hardly overlap, and words lie within one: no two concepts have more than 114 emoji in
common but for a concept within another, and about 50 take the intersection with a union.
"""

# 20 of 1,889 emoji are fewer than the 2 % of the other studies.
MIN_FRACTIONS = {20: 0.0, 50: 0.02, 200: 0.02}


@dataclass(frozen=True)
class Cell:
    """A formula and how well neurons respond to it.

    Attributes:
        kind: One of `FORMULA_KINDS`.
        target: The number of positives that the formula should have.
        formula: The formula.
        mask: bool, shape (n,): where it holds.
        auc: The expected AUC of the neurons.
    """

    kind: str
    target: int
    formula: ic.Formula
    mask: NDArray[np.bool_]
    auc: float

    @property
    def names(self) -> frozenset[str]:
        """The concepts of the formula."""
        return frozenset(str(literal.name) for literal in self.formula.literals())


def cells(concepts: ic.ConceptSet, target: int) -> list[Cell]:
    """Return the cells with a number of positives, the AUCs within the kinds."""
    made = []
    for kind in FORMULA_KINDS:
        formula = ic.Formula.parse(FORMULAS[target][kind])
        mask = formula.evaluate(concepts)
        made += [Cell(kind, target, formula, mask, auc) for auc in AUCS]
    return made


def search_limits(target: int) -> dict[str, float]:
    """Return which sets a search for planted sets of a size may find.

    A search grows a formula from a literal within the limits. 0.02, as in the noise studies, is 38
    emoji: more than the planted 20 have, and more than either part of the union of 50.
    """
    return {"min_positives": 12, "min_fraction": MIN_FRACTIONS[target]}


def activations_of(
    of_cells: list[Cell], repetitions: int, seed: int, *, relu: bool
) -> NDArray[np.float64]:
    """Return the neurons of all cells, float64 of shape (n, cells · repetitions), cell by cell."""
    rng = np.random.default_rng([seed, of_cells[0].target, int(relu)])
    return np.concatenate(
        [planted(cell.mask, cell.auc, repetitions, rng, relu=relu) for cell in of_cells], axis=1
    )

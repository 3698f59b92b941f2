"""Which neurons and which emoji are looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    import invert_captum as ic


@dataclass(frozen=True)
class Subject:
    """A labelled neuron, and which held-out emoji show its concept.

    Attributes:
        neuron: The column of the activations.
        formula: Its label.
        heldout_auc: The label's AUC on held-out emoji.
        shown: The held-out emoji for which the formula holds,
        other: and those for which neither the formula nor any of its positive literals holds.
    """

    neuron: int
    formula: ic.Formula
    heldout_auc: float
    shown: NDArray[np.int64]
    other: NDArray[np.int64]


def best_labelled(result: ic.LabelingResult, concepts: ic.ConceptSet, count: int) -> list[Subject]:
    """Return the best neurons by held-out AUC, of those that can be shown their concept.

    These have a significant label with a positive literal, and there is a held-out emoji for which
    it holds and one that has nothing to do with it.
    """
    heldout = result.heldout
    if heldout is None:
        raise ValueError("result has no held-out samples; expected significance='holdout'")
    best = [result[key][0] for key in result]
    ranked = sorted((one for one in best if one.significant), key=lambda one: -one.heldout_auc)
    subjects: list[Subject] = []
    for one in ranked:
        if len(subjects) == count:
            break
        if one.formula is None:
            continue
        shown, other = emoji_with_and_without(one.formula, concepts, heldout)
        if len(shown) and len(other) and positive_concepts(one.formula):
            subjects.append(Subject(one.neuron, one.formula, one.heldout_auc, shown, other))
    return subjects


def positive_concepts(formula: ic.Formula) -> list[str]:
    """Return the concepts that a formula has as literals without negation."""
    return sorted({one.name for one in formula.literals() if one.name and not one.negated})


def emoji_with_and_without(
    formula: ic.Formula, concepts: ic.ConceptSet, heldout: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the held-out samples where the formula holds, and those without any part of it."""
    holds = formula.evaluate(concepts)
    touched = holds.copy()
    for name in positive_concepts(formula):
        touched |= concepts[name]
    return np.flatnonzero(heldout & holds), np.flatnonzero(heldout & ~touched)


def draw_pairs(subject: Subject, count: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Draw pairs of an emoji that shows the concept and one that does not, no emoji twice."""
    count = min(count, len(subject.shown), len(subject.other))
    shown = rng.choice(subject.shown, count, replace=False)
    other = rng.choice(subject.other, count, replace=False)
    return list(zip(shown.tolist(), other.tolist(), strict=True))


def draw_random_neurons(
    subjects: list[Subject], n_neurons: int, rng: np.random.Generator
) -> list[int]:
    """Draw as many neurons as there are subjects from all others, none twice."""
    others = np.setdiff1d(np.arange(n_neurons), [one.neuron for one in subjects])
    return [int(one) for one in rng.choice(others, len(subjects), replace=False)]

"""Probes of concepts on the held-out half of a labelling, with labelled neurons set to a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from benchmarks.linear_probes import Probe, auc, balanced_accuracy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    import invert_captum as ic

Selection = Literal["held-out", "searched"]

VALUES = ("zero", "mean")
SELECTIONS: tuple[Selection, ...] = ("held-out", "searched")
MIN_AUC = 0.7
MIN_NEURONS = 3
MIN_POSITIVES = 8


@dataclass(frozen=True)
class Halves:
    """The demo's activations, labels and split.

    Attributes:
        activations: float64 of shape (n, d).
        present: By concept, bool of shape (n,).
        heldout: bool of shape (n,): what the search did not see.
        result: The labels.
    """

    activations: NDArray[np.float64]
    present: dict[str, NDArray[np.bool_]]
    heldout: NDArray[np.bool_]
    result: ic.LabelingResult

    def enough(self, concept: str) -> bool:
        """Return whether a concept has enough positives in either half."""
        present = self.present[concept]
        counts = (present[self.heldout].sum(), present[~self.heldout].sum())
        return int(min(counts)) >= MIN_POSITIVES

    def neurons_by_concept(self, selection: Selection) -> dict[str, list[int]]:
        """Return the neurons labelled with each concept that counts.

        Args:
            selection: Which half's AUC of a label must be above the bound.
        """
        found: dict[str, list[int]] = {}
        for one in self.result.explanations:
            score = one.heldout_auc if selection == "held-out" else one.auc
            if one.rank or one.formula is None or not score > MIN_AUC:
                continue
            for literal in one.formula.literals():
                if literal.name is not None and not literal.negated:
                    found.setdefault(literal.name, []).append(one.neuron)
        return {
            concept: sorted(set(found[concept]))
            for concept in self.present
            if len(set(found.get(concept, ()))) >= MIN_NEURONS and self.enough(concept)
        }

    def disjoint(self, concept: str) -> list[str]:
        """Return the concepts with enough positives that share no sample with one."""
        here = self.present[concept]
        return [
            other
            for other, there in self.present.items()
            if other != concept and self.enough(other) and not (here & there).any()
        ]


@dataclass(frozen=True)
class Drops:
    """By how much a score of one concept's probe falls.

    Attributes:
        own: When the neurons of the concept are set,
        random: as many others, mean of the draws,
        disjoint: and for the probes of disjoint concepts when its neurons are set; NaN without.
    """

    own: float
    random: float
    disjoint: float


@dataclass(frozen=True)
class Case:
    """What was found for one concept.

    Attributes:
        concept: The concept.
        n_neurons: How many neurons are labelled with it.
        n_positive: How many held-out samples show it.
        n_disjoint: How many concepts are disjoint from it.
        accuracy: Balanced accuracy of its probe, undisturbed.
        auc: AUC of its probe, undisturbed.
        accuracy_drops: By the value that neurons are set to.
        auc_drops: Of the AUC. Zero and the mean differ by a constant, which moves no AUC.
    """

    concept: str
    n_neurons: int
    n_positive: int
    n_disjoint: int
    accuracy: float
    auc: float
    accuracy_drops: dict[str, Drops]
    auc_drops: Drops


class Ablations:
    """Probes on the held-out half, with neurons set.

    Args:
        halves: The activations and labels.
        probes: One for each concept with enough positives.
    """

    def __init__(self, halves: Halves, probes: dict[str, Probe]) -> None:
        self.activations = halves.activations[halves.heldout]
        self.present = {name: mask[halves.heldout] for name, mask in halves.present.items()}
        self.probes = probes
        self.decisions = {name: one.decisions(self.activations) for name, one in probes.items()}
        self.undisturbed = {name: self.scores(name) for name in probes}
        means = halves.activations[~halves.heldout].mean(axis=0)
        self.values = {"zero": np.zeros_like(means), "mean": means}

    def scores(self, concept: str, lost: NDArray[np.float64] | float = 0.0) -> NDArray[np.float64]:
        """Return balanced accuracy and AUC of a probe whose decisions lose something."""
        decisions, present = self.decisions[concept] - lost, self.present[concept]
        return np.array([balanced_accuracy(decisions, present), auc(decisions, present)])

    def drop(self, concept: str, neurons: Sequence[int], value: str) -> NDArray[np.float64]:
        """Return by how much both scores fall when ``neurons`` are set."""
        values = self.values[value][list(neurons)]
        lost = self.probes[concept].lost(self.activations, neurons, values)
        difference: NDArray[np.float64] = self.undisturbed[concept] - self.scores(concept, lost)
        return difference

    def case(
        self, concept: str, neurons: list[int], draws: list[list[int]], disjoint: list[str]
    ) -> Case:
        """Compare the concept's neurons with the draws, and its probe with disjoint ones."""
        drops: dict[str, list[Drops]] = {}
        for value in VALUES:
            own = self.drop(concept, neurons, value)
            random = np.mean([self.drop(concept, draw, value) for draw in draws], axis=0)
            others = [self.drop(other, neurons, value) for other in disjoint]
            apart = np.mean(others, axis=0) if others else np.full(2, np.nan)
            drops[value] = [
                Drops(*map(float, three)) for three in zip(own, random, apart, strict=True)
            ]
        counts = (len(neurons), int(self.present[concept].sum()), len(disjoint))
        before = map(float, self.undisturbed[concept])
        of_accuracy = {value: pair[0] for value, pair in drops.items()}
        return Case(concept, *counts, *before, of_accuracy, drops["zero"][1])


def cases_of(
    halves: Halves, ablations: Ablations, selection: Selection, n_draws: int, seed: int
) -> list[Case]:
    """Return what was found for each concept that counts."""
    cases = []
    place = {name: position for position, name in enumerate(halves.present)}
    for concept, neurons in halves.neurons_by_concept(selection).items():
        rng = np.random.default_rng([seed, place[concept]])
        others = np.setdiff1d(np.arange(halves.activations.shape[1]), neurons)
        draws = [rng.choice(others, len(neurons), replace=False).tolist() for _ in range(n_draws)]
        cases.append(ablations.case(concept, neurons, draws, halves.disjoint(concept)))
    return cases

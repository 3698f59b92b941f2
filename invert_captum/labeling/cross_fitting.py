"""Cross-fitting: each fold's formula, searched on other folds, is tested on that fold."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from invert_captum.labeling.hold_out_test import HELD_OUT, SEARCHED, PartTests, interval_fields
from invert_captum.labeling.searches import LabelSearch
from invert_captum.search import auc
from invert_captum.significance import (
    AucEstimate,
    combine_folds,
    fold_statistic,
    rank_sum_z,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from invert_captum.concepts import ConceptSet
    from invert_captum.labeling.settings import LabelingSettings
    from invert_captum.labeling.split import Split
    from invert_captum.search import ActivationRows, Formula, Found, SearchedBlock


@dataclass(frozen=True)
class Fold:
    """One search and the samples that its formulas are tested on.

    Attributes:
        search: The search, whose labels have the tested samples as their held-out part.
        samples: The samples that either sees, int64; None if all.
        tested: Which of those are tested, bool.
        groups: The groups of those, or None.
    """

    search: LabelSearch
    samples: NDArray[np.int64] | None
    tested: NDArray[np.bool_]
    groups: NDArray[np.int64] | None


@dataclass(frozen=True)
class FoldOutcome:
    """What a fold found for a neuron and how that fared; no formula if it found none.

    Attributes:
        formula: The formula that was searched on other folds.
        searched_auc: Its AUC there.
        estimate: Its AUC on this fold; None without positives or negatives.
        log10_p: Of the test on this fold; NaN where there is no AUC, or none is asked for.
        least_log10_p: The least that it could have been.
        scores: Further scores on this fold.
    """

    formula: Formula | None = None
    searched_auc: float = math.nan
    estimate: AucEstimate | None = None
    log10_p: float = math.nan
    least_log10_p: float = math.nan
    scores: dict[str, float] = field(default_factory=dict)


class CrossFitting:
    """The searches of all folds.

    Args:
        concepts: The concepts that have positives and negatives.
        split: The folds and groups.
        settings: The checked arguments.

    Raises:
        ValueError: If the limits leave a fold's search no concept.
    """

    def __init__(self, concepts: ConceptSet, split: Split, settings: LabelingSettings) -> None:
        self._concepts = concepts
        self._settings = settings
        self._folds = _make_folds(concepts, split, settings)

    def fields(
        self, rows: ActivationRows, block: SearchedBlock, aucs: Sequence[float]
    ) -> list[dict[str, Any]]:
        """Return the fields of every neuron's first explanation that rest on the folds.

        Args:
            rows: The activations.
            block: What a search of all samples found,
            aucs: and the AUC of the best of it, of every neuron.

        Returns:
            *list*: empty for a neuron that was set aside; else with ``least_log10_p``, too, the
            least log10 p that there could have been.
        """
        outcomes = [self._outcomes(fold, rows) for fold in self._folds]
        return [
            self._combined([of_fold[neuron] for of_fold in outcomes], aucs[neuron])
            if block.usable[neuron]
            else {}
            for neuron in range(rows.n_neurons)
        ]

    def statistic(
        self,
        rows: ActivationRows,
        block: SearchedBlock | None = None,  # noqa: ARG002 - the protocol's
    ) -> NDArray[np.float64]:
        """Return what the folds' tests combine to, float64 of shape (d,), larger for more."""
        z = np.stack([_observed_z(fold, rows) for fold in self._folds], axis=-1)
        return self._statistic(z)

    def permuted(
        self, rows: ActivationRows, permutations: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        """Return the statistics of permuted samples, float64 of shape (d, P)."""
        z = np.stack([_permuted_z(fold, rows, permutations) for fold in self._folds], axis=-1)
        return self._statistic(z)

    def _statistic(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        sign = self._settings.sign
        # Permuted searches do not say on which side of ½ their formula was.
        oriented = np.abs(z) if sign == "absolute_value" else -z if sign == "negative" else z
        return fold_statistic(oriented, str(self._settings.fold_combination))

    def _outcomes(self, fold: Fold, rows: ActivationRows) -> list[FoldOutcome]:
        rows = rows if fold.samples is None else rows.take(fold.samples)
        block = fold.search.run(rows)
        tests = PartTests(
            fold.search, self._settings, rows, block, groups=fold.groups, heldout=fold.tested
        )
        return [
            self._outcome(fold, tests, neuron, found[0]) if found else FoldOutcome()
            for neuron, found in enumerate(block.found)
        ]

    def _outcome(self, fold: Fold, tests: PartTests, neuron: int, found: Found) -> FoldOutcome:
        sizes, rank_sums = np.array(found.sizes[SEARCHED]), np.array(found.rank_sums[SEARCHED])
        searched_auc = float(auc(sizes, rank_sums, fold.search.n_searched))
        separation = tests.separations(neuron, HELD_OUT)[0]
        log10_p = least_log10_p = math.nan
        # Whether there is anything to test is a matter of labels, not of this fold's activations.
        if self._settings.significance == "holdout" and not math.isnan(separation.auc):
            log10_p = tests.log10_p(neuron, 0, separation, searched_auc)
            least_log10_p = tests.least_log10_p(separation, searched_auc)
        return FoldOutcome(
            found.formula,
            searched_auc,
            tests.estimate(neuron, 0, separation),
            log10_p,
            least_log10_p,
            tests.scores(separation, searched_auc),
        )

    def _combined(self, outcomes: list[FoldOutcome], best_auc: float) -> dict[str, Any]:
        # Under "absolute_value" folds may find a formula or its complement.
        estimates = [
            one.estimate
            if (one.searched_auc >= 0.5) == (best_auc >= 0.5)
            else one.estimate.mirrored()
            for one in outcomes
            if one.estimate is not None
        ]
        mean = AucEstimate.mean(estimates) if estimates else None
        found = [one for one in outcomes if one.formula is not None]
        fields: dict[str, Any] = {
            "heldout_auc": math.nan if mean is None else mean.auc,
            **interval_fields(mean, 1.0 - self._settings.alpha),
            "stability": self._stability([one.formula for one in outcomes]),
            "fold_formulas": tuple(one.formula for one in outcomes),
            "scores": {
                f"heldout_{name}": float(np.mean([one.scores[name] for one in found]))
                for name in (self._settings.scores if found else ())
            },
        }
        if self._settings.significance == "holdout":
            combined = self._combined_log10_p([one.log10_p for one in outcomes])
            least = self._combined_log10_p([one.least_log10_p for one in outcomes])
            fields |= {
                "log10_p": combined,
                "p_value": 10.0**combined,
                "least_log10_p": least,
            }
        return fields

    def _combined_log10_p(self, log10_p: list[float]) -> float:
        if all(math.isnan(p) for p in log10_p):
            return 0.0
        return float(combine_folds(np.array(log10_p), str(self._settings.fold_combination)))

    def _stability(self, formulas: list[Formula | None]) -> float:
        """Return the share of pairs of folds that found the same set of samples."""
        masks = {one: one.evaluate(self._concepts) for one in set(formulas) if one is not None}
        pairs = list(combinations(formulas, 2))
        if not pairs:
            return math.nan
        same = [
            one is not None and other is not None and self._same(masks[one], masks[other])
            for one, other in pairs
        ]
        return float(np.mean(same))

    def _same(self, mask: NDArray[np.bool_], other: NDArray[np.bool_]) -> bool:
        """Return whether two sets of samples are one explanation."""
        if self._settings.sign == "absolute_value" and np.array_equal(mask, ~other):
            return True
        return np.array_equal(mask, other)


def _make_folds(concepts: ConceptSet, split: Split, settings: LabelingSettings) -> list[Fold]:
    folds = split.folds
    if folds is None:
        raise ValueError("split has no folds")
    forward = settings.fold_combination == "forward_stouffer"
    made = []
    for number in range(1 if forward else 0, int(folds.max()) + 1):
        # Forward, a formula is searched on the folds before its own only.
        samples = np.flatnonzero(folds <= number) if forward else None
        seen = concepts if samples is None else concepts.take(samples)
        tested = (folds if samples is None else folds[samples]) == number
        groups = split.groups
        if groups is not None and samples is not None:
            groups = groups[samples]
        search = LabelSearch(seen, tested, settings, top_k=1, n_samples=len(folds))
        made.append(Fold(search, samples, tested, groups))
    return made


def _observed_z(fold: Fold, rows: ActivationRows) -> NDArray[np.float64]:
    block = fold.search.run(rows)
    z = np.zeros(rows.n_neurons)
    for neuron, found in enumerate(block.found):
        if found:
            best = found[0]
            z[neuron] = rank_sum_z(
                np.array(best.sizes[1]),
                np.array(best.rank_sums[1]),
                np.array(float(block.tie_sums[neuron][1])),
                fold.search.n_heldout,
            )
    return z


def _permuted_z(
    fold: Fold, rows: ActivationRows, permutations: NDArray[np.int32]
) -> NDArray[np.float64]:
    permuted = fold.search.run_permuted(rows, permutations)
    return rank_sum_z(
        permuted.heldout_sizes,
        permuted.heldout_rank_sums,
        permuted.heldout_tie_sums,
        fold.search.n_heldout,
    )

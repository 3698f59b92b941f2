"""Cross-fitting: each fold's formula, searched on other folds, is tested on that fold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from invert_captum.labeling.hold_out_test import HELD_OUT, PartTests
from invert_captum.labeling.searches import LabelSearch
from invert_captum.search import AucScore
from invert_captum.significance import (
    combine_folds,
    fold_statistic,
    mean_auc_interval,
    rank_sum_z,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from invert_captum.concepts import ConceptSet
    from invert_captum.labeling.settings import LabelingSettings
    from invert_captum.labeling.split import Split
    from invert_captum.search import ActivationRows, Formula, SearchedBlock
    from invert_captum.significance import Separation


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
        separation: How the neuron separates it on this fold.
        log10_p: Of the test on this fold; NaN without a formula, or positives or negatives of it.
        variance: Of the AUC on this fold.
    """

    formula: Formula | None = None
    separation: Separation | None = None
    log10_p: float = math.nan
    variance: float = math.nan


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

    def fields(self, rows: ActivationRows, block: SearchedBlock) -> list[dict[str, Any]]:
        """Return the fields of every neuron's first explanation that rest on the folds.

        Args:
            rows: The activations.
            block: What a search of all samples found.
        """
        outcomes = [self._outcomes(fold, rows) for fold in self._folds]
        return [
            self._combined([of_fold[neuron] for of_fold in outcomes])
            if block.usable[neuron]
            else {}
            for neuron in range(rows.n_neurons)
        ]

    def statistic(self, rows: ActivationRows) -> NDArray[np.float64]:
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
        oriented = np.abs(z) if sign == "absolute_value" else -z if sign == "negative" else z
        return fold_statistic(oriented, str(self._settings.fold_combination))

    def _outcomes(self, fold: Fold, rows: ActivationRows) -> list[FoldOutcome]:
        rows = rows if fold.samples is None else rows.take(fold.samples)
        block = fold.search.run(rows)
        tests = PartTests(
            fold.search, self._settings, rows, block, groups=fold.groups, heldout=fold.tested
        )
        outcomes = []
        for neuron in range(rows.n_neurons):
            if not block.found[neuron]:
                outcomes.append(FoldOutcome())
                continue
            found = block.found[neuron][0]
            separation = tests.separations(neuron, HELD_OUT)[0]
            searched_auc = AucScore("positive")(
                np.array(found.sizes[0]), np.array(found.rank_sums[0]), fold.search.n_searched
            )
            log10_p = tests.log10_p(neuron, 0, separation, float(searched_auc))
            if math.isnan(separation.auc):
                # Nothing to test: a matter of labels, whatever the activations of this fold.
                log10_p = math.nan
            variance = tests.variance(neuron, 0, separation)
            outcomes.append(FoldOutcome(found.formula, separation, log10_p, variance))
        return outcomes

    def _combined(self, outcomes: list[FoldOutcome]) -> dict[str, Any]:
        tested = [
            (one.separation, one.variance)
            for one in outcomes
            if one.separation is not None and not math.isnan(one.separation.auc)
        ]
        aucs = [separation.auc for separation, _ in tested]
        interval = mean_auc_interval(
            [separation for separation, _ in tested],
            [variance for _, variance in tested],
            level=1.0 - self._settings.alpha,
        )
        fields: dict[str, Any] = {
            "heldout_auc": math.fsum(aucs) / len(aucs) if aucs else math.nan,
            "auc_low": interval.low,
            "auc_high": interval.high,
            "interval": None if math.isnan(interval.low) else interval.method,
            "stability": self._stability([one.formula for one in outcomes]),
            "fold_formulas": tuple(one.formula for one in outcomes),
        }
        if self._settings.significance == "holdout":
            log10_p = np.array([one.log10_p for one in outcomes])
            combined = 0.0
            if not np.isnan(log10_p).all():
                combined = float(combine_folds(log10_p, str(self._settings.fold_combination)))
            fields |= {"log10_p": combined, "p_value": 10.0**combined}
        return fields

    def _stability(self, formulas: list[Formula | None]) -> float:
        """Return the share of pairs of folds that found the same set of samples."""
        masks = {one: one.evaluate(self._concepts) for one in set(formulas) if one is not None}
        pairs = list(combinations(formulas, 2))
        if not pairs:
            return math.nan
        same = [
            one is not None and other is not None and np.array_equal(masks[one], masks[other])
            for one, other in pairs
        ]
        return float(np.mean(same))


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

"""The test, the interval and further scores of found formulas, on one part of the samples."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from invert_captum.search import BlockSeparations
from invert_captum.significance import (
    NO_INTERVAL,
    AucEstimate,
    Separation,
    cluster_estimate,
    cluster_log10_p,
    least_log10_p,
    rank_sum_log10_p,
    score_separation,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from invert_captum.labeling.searches import LabelSearch
    from invert_captum.labeling.settings import LabelingSettings
    from invert_captum.search import ActivationRows, SearchedBlock

SEARCHED, HELD_OUT = 0, 1


class PartTests:
    """What the samples of a part say of the formulas that were found for a block of neurons.

    Args:
        search: The search that found them.
        settings: The checked arguments.
        rows: The activations.
        block: What was found.
        groups: The group of every sample of both parts, int64 of shape (n,), or None.
        heldout: Which samples are held out, bool of shape (n,); None if there are no groups.
    """

    def __init__(
        self,
        search: LabelSearch,
        settings: LabelingSettings,
        rows: ActivationRows,
        block: SearchedBlock,
        *,
        groups: NDArray[np.int64] | None = None,
        heldout: NDArray[np.bool_] | None = None,
    ) -> None:
        self._separations = BlockSeparations(rows, search.labels, search.patterns, block)
        self._settings = settings
        self._groups = None if groups is None or heldout is None else groups[heldout]

    def separations(self, neuron: int, part: int) -> list[Separation]:
        """Return how a neuron, given by its place, separates the samples of each formula."""
        counts = self._separations.counts(neuron, part)
        return [
            Separation(counts.values, inside, counts.sizes - inside) for inside in counts.inside
        ]

    def log10_p(
        self, neuron: int, place: int, separation: Separation, searched_auc: float
    ) -> float:
        """Return log10 of a formula's p-value on the held-out samples."""
        alternative = self._settings.direction(searched_auc)
        if self._groups is None:
            return rank_sum_log10_p(separation, alternative=alternative)
        values, mask = self._separations.samples(neuron, place, HELD_OUT)
        return cluster_log10_p(values, mask, self._groups, alternative=alternative)

    def estimate(self, neuron: int, place: int, separation: Separation) -> AucEstimate | None:
        """Return a formula's AUC on the held-out samples, as an interval needs it, if any."""
        if math.isnan(separation.auc):
            return None
        if self._groups is None:
            return AucEstimate.of(separation)
        values, mask = self._separations.samples(neuron, place, HELD_OUT)
        return cluster_estimate(values, mask, self._groups)

    def heldout_fields(
        self, neuron: int, place: int, separation: Separation, searched_auc: float
    ) -> dict[str, Any]:
        """Return the fields of an explanation that rest on the held-out samples."""
        log10_p = self.log10_p(neuron, place, separation, searched_auc)
        estimate = self.estimate(neuron, place, separation)
        return {
            "heldout_auc": separation.auc,
            "log10_p": log10_p,
            "p_value": 10.0**log10_p,
            **interval_fields(estimate, 1.0 - self._settings.alpha),
        }

    def least_log10_p(self, separation: Separation, searched_auc: float) -> float:
        """Return the least log10 p that a formula so rare could have had."""
        return least_log10_p(separation, alternative=self._settings.direction(searched_auc))

    def scores(self, separation: Separation, searched_auc: float) -> dict[str, float]:
        """Return the further scores of a formula, in the direction that the search found."""
        sign = self._settings.sign
        if sign == "absolute_value":
            sign = "negative" if searched_auc < 0.5 else "positive"
        return {
            name: score_separation(separation, name, sign=sign) for name in self._settings.scores
        }


def interval_fields(estimate: AucEstimate | None, level: float) -> dict[str, Any]:
    """Return the fields of an explanation that say where its AUC may lie."""
    interval = NO_INTERVAL if estimate is None else estimate.interval(level)
    return {
        "auc_low": interval.low,
        "auc_high": interval.high,
        "interval": None if math.isnan(interval.low) else interval.method,
    }

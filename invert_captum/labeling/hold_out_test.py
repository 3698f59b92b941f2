"""The test, the interval and further scores of found formulas, on one part of the samples."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from invert_captum.search import BlockSeparations
from invert_captum.significance import (
    Separation,
    auc_interval,
    cluster_interval,
    cluster_log10_p,
    cluster_variance,
    delong_variance,
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
    from invert_captum.significance import Interval

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
        self._separations = BlockSeparations(rows, search.labels, block)
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

    def variance(self, neuron: int, place: int, separation: Separation) -> float:
        """Return the variance of a formula's AUC on the held-out samples."""
        if self._groups is None:
            return delong_variance(separation)
        values, mask = self._separations.samples(neuron, place, HELD_OUT)
        return cluster_variance(values, mask, self._groups)

    def interval(self, neuron: int, place: int, separation: Separation) -> Interval:
        """Return the confidence interval of a formula's AUC on the held-out samples."""
        level = 1.0 - self._settings.alpha
        if self._groups is None:
            return auc_interval(separation, level=level)
        values, mask = self._separations.samples(neuron, place, HELD_OUT)
        return cluster_interval(values, mask, self._groups, level=level)

    def heldout_fields(
        self, neuron: int, place: int, separation: Separation, searched_auc: float
    ) -> dict[str, Any]:
        """Return the fields of an explanation that rest on the held-out samples."""
        log10_p = self.log10_p(neuron, place, separation, searched_auc)
        interval = self.interval(neuron, place, separation)
        return {
            "heldout_auc": separation.auc,
            "log10_p": log10_p,
            "p_value": 10.0**log10_p,
            "auc_low": interval.low,
            "auc_high": interval.high,
            "interval": None if math.isnan(interval.low) else interval.method,
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

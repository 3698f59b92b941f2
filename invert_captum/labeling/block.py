"""Labelling one block of neurons: set aside, rank, search, test."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from invert_captum.result import Explanation
from invert_captum.search import (
    AucScore,
    Ranks,
    SearchLabels,
    SearchSettings,
    auc,
    beam_search,
    rank_neurons,
    size_limits,
)
from invert_captum.significance import mann_whitney_log10_p

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from invert_captum.concepts import ConceptSet
    from invert_captum.labeling.settings import LabelingSettings
    from invert_captum.search import Found


def rank_usable(
    values: NDArray[Any], searched: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.intp], Ranks]:
    """Rank the neurons that can be scored: those that are finite and not constant.

    Args:
        values: Activations, shape (d, n).
        searched: The samples to rank, bool of shape (n,); None for all.

    Returns:
        *tuple*: which rows can be scored, and their ranks.
    """
    finite = np.flatnonzero(np.isfinite(values).all(axis=1))
    usable = values if len(finite) == len(values) else values[finite]
    ranks = rank_neurons(usable if searched is None else usable[:, searched])
    varying = np.flatnonzero(~ranks.constant())
    return finite[varying], ranks.take(varying)


class BlockLabeler:
    """Labels blocks of neurons, each neuron on its own.

    Args:
        concepts: The concepts that have positives and negatives.
        heldout: The samples that the search must not see, bool of shape (n,), or None.
        settings: The checked arguments.

    Raises:
        ValueError: If no concept and no negated concept is within the limits.
    """

    def __init__(
        self, concepts: ConceptSet, heldout: NDArray[np.bool_] | None, settings: LabelingSettings
    ) -> None:
        self._concepts = concepts
        self._heldout = heldout
        self._searched = None if heldout is None else ~heldout
        searched_concepts = concepts if heldout is None else concepts.take(~heldout)
        self._labels = SearchLabels.from_labels(searched_concepts.labels, concepts.names)
        self._settings = settings
        self._search_settings = _search_settings(self._labels, settings, concepts.n_samples)

    def label(
        self, layer: str | None, neurons: Sequence[int], values: NDArray[Any]
    ) -> list[Explanation]:
        """Return the explanations of some neurons of a layer, not yet corrected for their number.

        Args:
            layer: The layer's name.
            neurons: Which columns ``values`` are.
            values: Their activations, shape (len(neurons), n).
        """
        rows, ranks = rank_usable(values, self._searched)
        heldout_ranks = None
        if self._heldout is not None:
            heldout_ranks = rank_neurons(values[rows][:, self._heldout])
        found = beam_search(ranks, self._labels, self._search_settings)
        position = {int(row): at for at, row in enumerate(rows)}
        explanations = []
        for row, neuron in enumerate(neurons):
            at = position.get(row)
            if at is None:
                explanations.append(Explanation(layer, neuron, 0, None))
                continue
            for rank, one in enumerate(found[at][: self._settings.top_k]):
                fields = self._explain(one, at, ranks, heldout_ranks)
                explanations.append(Explanation(layer, neuron, rank, **fields))
        return explanations

    def _explain(
        self, found: Found, at: int, ranks: Ranks, heldout_ranks: Ranks | None
    ) -> dict[str, Any]:
        size, rank_sum = np.array([found.n_positive]), np.array([found.rank_sum])
        searched_auc = float(auc(size, rank_sum, ranks.n_samples)[0])
        mask = found.formula.evaluate(self._concepts)
        n_positive = int(np.count_nonzero(mask))
        heldout_auc = log10_p = math.nan
        if self._heldout is not None and heldout_ranks is not None:
            heldout_auc = _auc_of(mask[self._heldout], heldout_ranks.doubled[at])
            log10_p = self._test(mask[self._heldout], heldout_ranks, at, searched_auc)
        elif self._settings.significance == "in_sample":
            log10_p = self._test(mask, ranks, at, searched_auc)
        return {
            "formula": found.formula,
            "length": found.formula.length,
            "auc": searched_auc,
            "heldout_auc": heldout_auc,
            "fraction": n_positive / len(mask),
            "n_positive": n_positive,
            "log10_p": log10_p,
            "p_value": 10.0**log10_p,
        }

    def _test(self, mask: NDArray[np.bool_], ranks: Ranks, at: int, searched_auc: float) -> float:
        return mann_whitney_log10_p(
            ranks.doubled[at],
            mask,
            tie_sum=ranks.tie_sums[at],
            alternative=self._settings.direction(searched_auc),
        )


def _auc_of(mask: NDArray[np.bool_], doubled: NDArray[np.int64]) -> float:
    size = np.array([np.count_nonzero(mask)])
    if size[0] in (0, len(mask)):
        return math.nan
    return float(auc(size, np.array([doubled[mask].sum()]), len(mask))[0])


def _search_settings(
    labels: SearchLabels, settings: LabelingSettings, n_samples: int
) -> SearchSettings:
    n_searched = labels.matrix.n_samples
    low, high = size_limits(
        n_searched,
        min_positives=settings.min_positives * n_searched / n_samples,
        min_fraction=settings.min_fraction,
        max_fraction=settings.max_fraction,
    )
    sizes = np.concatenate([labels.matrix.counts, n_searched - labels.matrix.counts])
    if not ((sizes >= low) & (sizes <= high)).any():
        raise ValueError(
            f"no concept and no negated concept holds for at least {low:,} and at most {high:,} of "
            f"the {n_searched:,} samples that are searched; these limits come from min_positives="
            f"{settings.min_positives}, min_fraction={settings.min_fraction} and max_fraction="
            f"{settings.max_fraction}; the concepts hold for {labels.matrix.counts.min():,} to "
            f"{labels.matrix.counts.max():,} of them"
        )
    return SearchSettings(
        settings.max_length, settings.beam_width, low, high, AucScore(settings.sign)
    )

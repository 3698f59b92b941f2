"""Labelling one block of neurons: set aside, search, test."""

from __future__ import annotations

import math
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from invert_captum.result import Explanation
from invert_captum.search import (
    ActivationRows,
    AucScore,
    SearchLabels,
    SearchSettings,
    auc,
    search_block,
    size_limits,
)
from invert_captum.significance import mann_whitney_log10_p

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from numpy.typing import NDArray

    from invert_captum.concepts import ConceptSet
    from invert_captum.labeling.settings import LabelingSettings
    from invert_captum.search import Found, SearchedBlock
    from invert_captum.search.device_search import DeviceSearch

_SEARCHED, _HELD_OUT = 0, 1
# The first blocks come all at once, but the labels are to be on a device once.
_MOVING_LABELS = Lock()


@dataclass(frozen=True, slots=True)
class LabeledBlock:
    """What came out for some neurons of a layer.

    Attributes:
        explanations: Not yet corrected for their number; one without formula for each neuron that
            was set aside.
        digests: A number for every neuron that depends on all of its activations.
    """

    explanations: tuple[Explanation, ...]
    digests: tuple[int, ...]


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
        self._labels = SearchLabels.from_labels(concepts.labels, concepts.names, heldout)
        self._parts = (self._labels.n_searched, self._labels.n_heldout)
        self._settings = settings
        self._search_settings = _search_settings(self._labels, settings, concepts.n_samples)
        self._on_devices: dict[torch.device, DeviceSearch] = {}

    def label(
        self, layer: str | None, neurons: Sequence[int], activations: ActivationRows | torch.Tensor
    ) -> LabeledBlock:
        """Return the explanations of some neurons of a layer.

        Args:
            layer: The layer's name.
            neurons: Which columns of its activations are given.
            activations: Their activations, as `NeuronColumns.block` returns them.
        """
        block = self._search(activations)
        explanations = []
        for at, neuron in enumerate(neurons):
            if not block.usable[at]:
                explanations.append(Explanation(layer, neuron, 0, None))
            for rank, found in enumerate(block.found[at]):
                fields = self._explain(found, block.tie_sums[at])
                explanations.append(Explanation(layer, neuron, rank, **fields))
        return LabeledBlock(tuple(explanations), tuple(block.digests.tolist()))

    def _search(self, activations: ActivationRows | torch.Tensor) -> SearchedBlock:
        top_k = self._settings.top_k
        if isinstance(activations, ActivationRows):
            return search_block(activations, self._labels, self._search_settings, top_k=top_k)
        from invert_captum.search.device_search import DeviceSearch

        device = activations.device
        with _MOVING_LABELS:
            if device not in self._on_devices:
                self._on_devices[device] = DeviceSearch(
                    self._labels, self._search_settings, device, top_k=top_k
                )
        return self._on_devices[device].search(activations)

    def _explain(self, found: Found, tie_sums: tuple[int, int]) -> dict[str, Any]:
        searched_auc = self._auc(found, _SEARCHED)
        heldout_auc = log10_p = math.nan
        if self._parts[_HELD_OUT]:
            heldout_auc = self._auc(found, _HELD_OUT)
            log10_p = self._test(found, _HELD_OUT, tie_sums, searched_auc)
        elif self._settings.significance == "in_sample":
            log10_p = self._test(found, _SEARCHED, tie_sums, searched_auc)
        n_positive = sum(found.sizes)
        return {
            "formula": found.formula,
            "length": found.formula.length,
            "auc": searched_auc,
            "heldout_auc": heldout_auc,
            "fraction": n_positive / sum(self._parts),
            "n_positive": n_positive,
            "log10_p": log10_p,
            "p_value": 10.0**log10_p,
        }

    def _auc(self, found: Found, part: int) -> float:
        size, n_samples = found.sizes[part], self._parts[part]
        if size in (0, n_samples):
            return math.nan
        return float(auc(np.array(size), np.array(found.rank_sums[part]), n_samples))

    def _test(
        self, found: Found, part: int, tie_sums: tuple[int, int], searched_auc: float
    ) -> float:
        return mann_whitney_log10_p(
            found.rank_sums[part],
            found.sizes[part],
            self._parts[part],
            tie_sum=tie_sums[part],
            alternative=self._settings.direction(searched_auc),
        )


def _search_settings(
    labels: SearchLabels, settings: LabelingSettings, n_samples: int
) -> SearchSettings:
    n_searched, counts = labels.n_searched, labels.counts
    low, high = size_limits(
        n_searched,
        min_positives=settings.min_positives * n_searched / n_samples,
        min_fraction=settings.min_fraction,
        max_fraction=settings.max_fraction,
    )
    sizes = np.concatenate([counts, n_searched - counts])
    if not ((sizes >= low) & (sizes <= high)).any():
        raise ValueError(
            f"no concept and no negated concept holds for at least {low:,} and at most {high:,} of "
            f"the {n_searched:,} samples that are searched; these limits come from min_positives="
            f"{settings.min_positives}, min_fraction={settings.min_fraction} and max_fraction="
            f"{settings.max_fraction}; the concepts hold for {counts.min():,} to "
            f"{counts.max():,} of them"
        )
    return SearchSettings(
        settings.max_length, settings.beam_width, low, high, AucScore(settings.sign)
    )

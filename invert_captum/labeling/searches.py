"""One search with its labels and limits, on the CPU or where the activations are."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from invert_captum.search import (
    ActivationRows,
    AucScore,
    PatternColumns,
    SearchLabels,
    SearchSettings,
    search_block,
    search_permuted,
    size_limits,
)

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from invert_captum.concepts import ConceptSet
    from invert_captum.labeling.settings import LabelingSettings
    from invert_captum.search import PermutedSearches, SearchedBlock
    from invert_captum.search.device_search import DeviceSearch

# The first blocks come all at once, but the labels are to be on a device once.
_MOVING_LABELS = Lock()


class LabelSearch:
    """Searches blocks of neurons for formulas.

    Args:
        concepts: The concepts that have positives and negatives.
        heldout: The samples that the search must not see, bool of shape (n,), or None.
        settings: The checked arguments.
        top_k: How many formulas to find for every neuron.
        n_samples: The number of samples of the call, for which ``min_positives`` is meant.

    Attributes:
        labels: The labels of both parts.
        patterns: Which of their patterns have each concept.
        n_searched: How many samples the search sees,
        n_heldout: and how many it does not.

    Raises:
        ValueError: If no concept and no negated concept is within the limits.
    """

    def __init__(
        self,
        concepts: ConceptSet,
        heldout: NDArray[np.bool_] | None,
        settings: LabelingSettings,
        *,
        top_k: int,
        n_samples: int,
    ) -> None:
        self.labels = SearchLabels.from_labels(concepts.labels, concepts.names, heldout)
        self.patterns = PatternColumns(self.labels)
        self.n_searched, self.n_heldout = self.labels.n_searched, self.labels.n_heldout
        self.top_k = top_k
        self._settings = _search_settings(self.labels, concepts, settings, n_samples)
        self._on_devices: dict[torch.device, DeviceSearch] = {}

    def run(self, activations: ActivationRows | torch.Tensor) -> SearchedBlock:
        """Search a block, given as `NeuronColumns.block` returns it."""
        if isinstance(activations, ActivationRows):
            return search_block(activations, self.labels, self._settings, top_k=self.top_k)
        from invert_captum.search.device_search import DeviceSearch

        device = activations.device
        with _MOVING_LABELS:
            if device not in self._on_devices:
                self._on_devices[device] = DeviceSearch(
                    self.labels, self._settings, device, top_k=self.top_k
                )
        return self._on_devices[device].search(activations)

    def run_permuted(
        self, rows: ActivationRows, permutations: NDArray[np.int32]
    ) -> PermutedSearches:
        """Search a block again for each of the permutations of its samples, (P, n)."""
        return search_permuted(rows, self.labels, self._settings, permutations)


def _search_settings(
    labels: SearchLabels, concepts: ConceptSet, settings: LabelingSettings, n_samples: int
) -> SearchSettings:
    n_searched, counts = labels.n_searched, labels.counts
    low, high = size_limits(
        n_searched,
        min_positives=settings.min_positives * n_searched / n_samples,
        min_fraction=settings.min_fraction,
        max_fraction=settings.max_fraction,
    )
    sizes = np.concatenate([counts, n_searched - counts])
    # Of two classes of the same size the split leaves one with more than half of what is searched.
    # A literal that is common enough over all samples is so here, however the split falls.
    _, high_of_all = size_limits(
        concepts.n_samples, min_positives=0, min_fraction=0, max_fraction=settings.max_fraction
    )
    sizes_of_all = np.concatenate([concepts.counts, concepts.n_samples - concepts.counts])
    most_common = int(sizes[sizes_of_all <= high_of_all].max(initial=0))
    high = min(max(high, most_common), n_searched - 1)
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

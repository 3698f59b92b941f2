"""Searching a block of neurons whose activations are on a GPU: the same result, to the bit.

Sorting, ranks and sums over labels are done by torch on the device; choosing among candidates,
which is little work with many branches, by the same kernels as on the CPU. All sums are of whole
numbers below 2⁵³: those made in float64, such as matrix products, are exact in any order.
"""

from __future__ import annotations

from threading import Semaphore
from typing import TYPE_CHECKING

import numpy as np

from invert_captum.search.block_search import SearchedBlock, found_formulas, kernel_limits
from invert_captum.search.device_labels import DeviceLabels
from invert_captum.search.device_ranks import rank_tensor
from invert_captum.search.kernels import level_blocks
from invert_captum.search.kernels.beams import Beam
from invert_captum.search.kernels.block_search import Found

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from invert_captum.search.kernels.beams import Limits
    from invert_captum.search.labels import SearchLabels
    from invert_captum.search.settings import SearchSettings

# Ranks and sums take the most memory; two blocks at a time keep the device busy.
_AT_WORK = Semaphore(2)


class DeviceSearch:
    """Searches with the same labels on one device.

    Args:
        labels: The labels of all samples.
        settings: Limits and score.
        device: Where the activations are.
        top_k: How many formulas to return at most.
    """

    def __init__(
        self, labels: SearchLabels, settings: SearchSettings, device: torch.device, *, top_k: int
    ) -> None:
        self._labels = labels
        self._limits = kernel_limits(labels, settings)
        self._top_k = min(top_k, settings.beam_width)
        self._on_device = DeviceLabels(labels.arrays, device)

    def search(self, values: torch.Tensor) -> SearchedBlock:
        """Search the best formulas of every neuron of a block.

        Args:
            values: The activations of d neurons over all samples, shape (d, n).

        Returns:
            *SearchedBlock*: what `search_block` returns for the same activations.
        """
        arrays, limits = self._labels.arrays, self._limits
        with _AT_WORK:
            ranked = rank_tensor(values, self._on_device)
        usable, sums = ranked.usable.cpu().numpy(), ranked.pattern_sums
        rank_sums = _on_cpu(self._on_device.concept_sums(sums[:, 0]))
        beams, spare = _empty_beams(len(values), limits, arrays.n_searched), None
        counts = np.zeros(len(values), np.int64)
        level_blocks.start_block(arrays, limits, usable, rank_sums, beams, counts)
        for _ in range(1, limits.max_length):
            if not (beams.is_new & _is_filled(counts, limits)).any():
                break
            spare = spare or _empty_beams(len(values), limits, arrays.n_searched)
            with _AT_WORK:
                joint = _on_cpu(self._on_device.joint_sums(beams.members, sums[:, 0]))
            level_blocks.advance_block(arrays, limits, rank_sums, joint, beams, spare, counts)
            beams, spare = spare, beams
        return SearchedBlock(
            usable,
            ranked.digests.cpu().numpy().view(np.uint64),
            ranked.tie_sums(),
            found_formulas(self._found(beams, counts, sums), self._labels, self._top_k),
        )

    def _found(self, beams: Beam, counts: NDArray[np.int64], sums: torch.Tensor) -> Found:
        """Finish the search and add what the formulas are in the held-out part."""
        arrays = self._labels.arrays
        n_words = -(-arrays.weights.shape[1] // 64)
        members = np.zeros((len(counts), self._top_k, n_words), np.uint64)
        level_blocks.finish_block(arrays, self._limits, beams, counts, members)
        heldout = _on_cpu(self._on_device.heldout_sums(members, sums[:, 1]))
        top = slice(self._top_k)
        return Found(
            counts=counts,
            literals=beams.literals[:, top],
            operators=beams.operators[:, top],
            lengths=beams.lengths[:, top],
            scores=beams.scores[:, top],
            sizes=np.stack([beams.sizes[:, top], heldout[..., 0]], axis=-1),
            rank_sums=np.stack([beams.rank_sums[:, top], heldout[..., 1]], axis=-1),
        )


def concept_rank_sums(
    values: torch.Tensor, labels: DeviceLabels
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Return S(c) of every neuron and concept, as `block_search.concept_rank_sums` does.

    Args:
        values: The activations of d neurons over all samples, shape (d, n).
        labels: The labels of the same samples on the same device.
    """
    with _AT_WORK:
        ranked = rank_tensor(values, labels)
    sums = labels.concept_sums(ranked.pattern_sums[:, 0])
    return np.asarray(ranked.usable.cpu().numpy()), _on_cpu(sums)


def _on_cpu(tensor: torch.Tensor) -> NDArray[np.int64]:
    return np.ascontiguousarray(tensor.cpu().numpy())


def _is_filled(counts: NDArray[np.int64], limits: Limits) -> NDArray[np.bool_]:
    filled: NDArray[np.bool_] = np.arange(limits.beam_width) < counts[:, np.newaxis]
    return filled


def _empty_beams(n_neurons: int, limits: Limits, n_patterns: int) -> Beam:
    shape = (n_neurons, limits.beam_width)
    return Beam(
        literals=np.zeros((*shape, limits.max_length), np.int32),
        operators=np.zeros((*shape, limits.max_length), np.int8),
        lengths=np.zeros(shape, np.int64),
        sizes=np.zeros(shape, np.int64),
        rank_sums=np.zeros(shape, np.int64),
        scores=np.zeros(shape),
        members=np.zeros((*shape, -(-n_patterns // 64)), np.uint64),
        is_new=np.zeros(shape, np.bool_),
    )

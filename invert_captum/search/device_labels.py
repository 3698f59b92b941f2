"""The labels of a search on a device, and the sums over them."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import torch

from invert_captum.search.activation_rows import digest_factors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from invert_captum.search.kernels.label_arrays import LabelArrays

# Up to so many entries, or above this density, a dense product is faster than a sparse one; a dense
# matrix has at most so many entries (2 GB).
_DENSE_ENTRIES = 2**24
_DENSE_SHARE = 0.05
_MOST_ENTRIES = 2**28
# How many numbers a product over the labels may read or make at a time (512 MB).
_MOST_NUMBERS = 2**26


class DeviceLabels:
    """Labels by pattern on a device.

    Args:
        arrays: The labels as the kernels read them.
        device: Where to put them.

    Attributes:
        slots: int64, shape (n,): part · g + pattern of every sample.
        weights: int64, shape (2, g): how many samples of a part have a pattern.
        n_searched: How many patterns the searched part has, g₀.
        digest_factors: Two int64 tensors of shape (n,); see `activation_rows.digest_factors`.
    """

    def __init__(self, arrays: LabelArrays, device: torch.device) -> None:
        self.slots = torch.from_numpy(arrays.slots).to(device, torch.int64)
        self.weights = torch.from_numpy(arrays.weights).to(device)
        self.n_searched = int(arrays.n_searched)
        self.digest_factors = tuple(
            torch.from_numpy(factors.view(np.int64)).to(device)
            for factors in digest_factors(np.arange(len(arrays.slots)))
        )
        self._by_concept = _concept_matrix(arrays, device)

    @property
    def n_patterns(self) -> int:
        """The number of patterns, g."""
        return int(self.weights.shape[1])

    def concept_sums(self, pattern_sums: torch.Tensor) -> torch.Tensor:
        """Return S(c) of every neuron and concept, int64 of shape (d, k), from sums of (d, g)."""
        return self._sum_by_concept(pattern_sums[:, : self.n_searched].double())

    def joint_sums(self, members: NDArray[np.uint64], pattern_sums: torch.Tensor) -> torch.Tensor:
        """Return N(f∧c) and S(f∧c) of every formula and concept.

        Args:
            members: uint64, shape (d, b, w): the searched patterns of b formulas a neuron, as bits.
            pattern_sums: int64, shape (d, g): the rank sums of the neurons' patterns.

        Returns:
            int64, shape (d, b, k, 2).
        """
        width, n_concepts = members.shape[1], int(self._by_concept.shape[0])
        size = max(1, _MOST_NUMBERS // (width * (4 * n_concepts + 4 * self.n_searched)))
        pieces = [
            self._joint_sums(members[start : start + size], pattern_sums[start : start + size])
            for start in range(0, len(members), size)
        ]
        return torch.cat(pieces)

    def _joint_sums(self, members: NDArray[np.uint64], pattern_sums: torch.Tensor) -> torch.Tensor:
        n_neurons, width, _ = members.shape
        inside = self._unpacked(members)[..., : self.n_searched].double()
        sums = pattern_sums[:, np.newaxis, : self.n_searched].double()
        weights = self.weights[0, : self.n_searched].double()
        both = torch.stack([inside * weights, inside * sums], dim=2)
        joint = self._sum_by_concept(both.reshape(-1, self.n_searched))
        return joint.reshape(n_neurons, width, 2, -1).transpose(2, 3).contiguous()

    def heldout_sums(self, members: NDArray[np.uint64], pattern_sums: torch.Tensor) -> torch.Tensor:
        """Return N(f) and S(f) in the held-out part.

        Args:
            members: uint64, shape (d, t, w): the patterns of t formulas a neuron, as bits.
            pattern_sums: int64, shape (d, g): the held-out rank sums of the neurons' patterns.

        Returns:
            int64, shape (d, t, 2).
        """
        inside = self._unpacked(members)
        sizes = (inside * self.weights[1]).sum(-1)
        return torch.stack([sizes, (inside * pattern_sums[:, np.newaxis]).sum(-1)], dim=-1)

    def _unpacked(self, words: NDArray[np.uint64]) -> torch.Tensor:
        """Return bits as int64 zeros and ones, one a pattern."""
        packed = torch.from_numpy(words.view(np.uint8)).to(self.weights.device)
        places = torch.arange(8, dtype=torch.uint8, device=packed.device)
        bits = (packed.unsqueeze(-1) >> places) & 1
        return bits.flatten(-2)[..., : self.n_patterns].long()

    def _sum_by_concept(self, values: torch.Tensor) -> torch.Tensor:
        """Return the sums over every concept's patterns, (r, k), of whole numbers (r, g₀)."""
        if self._by_concept.layout == torch.strided:
            product = values @ self._by_concept.T
        else:
            product = (self._by_concept @ values.T.contiguous()).T
        return product.long()


def _concept_matrix(arrays: LabelArrays, device: torch.device) -> torch.Tensor:
    """Return the labels of the searched patterns as float64, shape (k, g₀)."""
    shape = (len(arrays.counts), int(arrays.n_searched))
    sizes = arrays.column_stops - arrays.column_starts[:-1]
    kept = np.concatenate(
        [
            arrays.rows[start:stop]
            for start, stop in zip(arrays.column_starts, arrays.column_stops, strict=False)
        ]
    )
    starts = np.concatenate([[0], np.cumsum(sizes)])
    with warnings.catch_warnings():
        # torch calls its compressed sparse layouts beta; what is used of them is checked by tests.
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support")
        sparse = torch.sparse_csr_tensor(
            torch.from_numpy(starts), torch.from_numpy(kept).long(),
            torch.ones(len(kept), dtype=torch.float64), shape, device=device, check_invariants=True,
        )  # fmt: skip
        entries = shape[0] * shape[1]
        is_dense = entries <= _DENSE_ENTRIES or len(kept) > _DENSE_SHARE * entries
        if is_dense and entries <= _MOST_ENTRIES:
            return sparse.to_dense()
    return sparse

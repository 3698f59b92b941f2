"""Mid-ranks as exact integers.

The mid-rank of a value is the mean of the places that it and its equals take when all are sorted,
so that ties count one half in the AUC. Doubled, mid-ranks are whole numbers: a group of equals at
places a … b (from 1) has the doubled mid-rank a + b.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Sums of doubled mid-ranks reach n(n+1). Below this n they and every difference of them are exact
# as float64, too, so that float64 products and sums may be used wherever they are faster.
MAX_SAMPLES = 2**26


@dataclass(frozen=True, slots=True)
class Ranks:
    """Doubled mid-ranks of some neurons over the same samples.

    Attributes:
        doubled: int64, shape (d, n): twice the mid-rank of every activation within its neuron.
        tie_sums: d whole numbers: Σ(t³ − t) over the neuron's groups of t equal activations.
    """

    doubled: NDArray[np.int64]
    tie_sums: tuple[int, ...]

    @property
    def n_neurons(self) -> int:
        """The number of neurons, d."""
        return int(self.doubled.shape[0])

    @property
    def n_samples(self) -> int:
        """The number of samples, n."""
        return int(self.doubled.shape[1])

    def take(self, neurons: NDArray[np.intp]) -> Ranks:
        """Return the ranks of some of the neurons, by their indices in ascending order."""
        if len(neurons) == self.n_neurons:
            return self
        tie_sums = tuple(self.tie_sums[neuron] for neuron in neurons)
        return Ranks(self.doubled[neurons], tie_sums)

    def constant(self) -> NDArray[np.bool_]:
        """Return which neurons have the same activation for every sample, bool of shape (d,)."""
        one_tie = self.n_samples**3 - self.n_samples
        return np.array([tie_sum == one_tie for tie_sum in self.tie_sums], dtype=np.bool_)


def rank_neurons(activations: NDArray[np.generic]) -> Ranks:
    """Rank every neuron's activations over the samples.

    Args:
        activations: Shape (d, n), a row per neuron; any real dtype, no NaN. −0.0 equals 0.0.

    Returns:
        *Ranks*: the doubled mid-ranks and the tie sums.

    Raises:
        ValueError: If there are more samples than the sums of ranks are exact for.

    Examples:
        >>> rank_neurons(np.array([[0.5, 0.0, 0.5, 2.0]])).doubled
        array([[5, 2, 5, 8]])
    """
    n_samples = activations.shape[1]
    if n_samples >= MAX_SAMPLES:
        raise ValueError(f"activations have {n_samples:,} samples; at most {MAX_SAMPLES - 1:,}")
    doubled = np.empty(activations.shape, dtype=np.int64)
    tie_sums = []
    for row, ranks in zip(activations, doubled, strict=True):
        order, is_first = _sorted_order(row)
        starts = np.flatnonzero(is_first)
        sizes = np.diff(starts, append=n_samples)
        # Places start+1 … start+size, so first plus last is 2·start + size + 1.
        ranks[order] = np.repeat(2 * starts + sizes + 1, sizes)
        tie_sums.append(_tie_sum(sizes))
    return Ranks(doubled, tuple(tie_sums))


def _sorted_order(row: NDArray[np.generic]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the sorting order and, along it, where a new value begins."""
    if row.dtype in (np.float16, np.float32):
        keys = np.sort(_packed_keys(row.astype(np.float32)))
        order = (keys & np.uint64(0xFFFFFFFF)).astype(np.int64)
        values: NDArray[np.generic] = keys >> np.uint64(32)
    else:
        order = np.argsort(row)
        values = row[order]
    is_first = np.ones(len(row), dtype=np.bool_)
    np.not_equal(values[1:], values[:-1], out=is_first[1:])
    return order, is_first


def _packed_keys(row: NDArray[np.float32]) -> NDArray[np.uint64]:
    """Return 64-bit keys that sort as the values do, the sample's index in the lower half.

    Sorting plain integers is far faster than sorting indices by value.
    """
    bits = (row + np.float32(0.0)).view(np.uint32)  # −0.0 + 0.0 is 0.0
    sign = np.uint32(0x80000000)
    # IEEE 754: the bits of positive floats sort as they are, those of negative ones in reverse.
    sortable = np.where(bits & sign, ~bits, bits | sign)
    return (sortable.astype(np.uint64) << np.uint64(32)) | np.arange(len(row), dtype=np.uint64)


def _tie_sum(sizes: NDArray[np.int64]) -> int:
    # Cubes of large groups overflow 64 bits; Python's integers do not, and distinct sizes are few.
    distinct, times = np.unique(sizes[sizes > 1], return_counts=True)
    return sum((int(t) ** 3 - int(t)) * int(m) for t, m in zip(distinct, times, strict=True))

"""Seeded permutations of samples, the same for every neuron, block and thread."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from invert_captum._validation import check_integer
from invert_captum.search.kernels.permutations import (
    GroupArrays,
    write_group_permutations,
    write_permutations,
)
from invert_captum.search.labels import MAX_SAMPLES

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Permutations:
    """Random permutations of n samples, numbered from 0, each drawn on its own.

    Permutation p depends on the seed, on p and on the groups only: whoever draws it, and whatever
    is drawn beside it, gets the same. Given two seeds or two numbers, permutations are independent
    as far as the generator (xoshiro256**) can be told from chance.

    Args:
        n_samples: The number of samples, n, below 2²⁶.
        seed: From 0 to 2⁶⁴ − 1.
        groups: int64, shape (n,): the group of every sample. Whole groups change places, only with
            groups of the same size, the j-th sample of one going to the j-th of the other. A group
            of a size of its own stays where it is. None if each sample moves alone.

    Raises:
        TypeError: If a number is not whole, or ``groups`` are not.
        ValueError: If a number is out of its range, or ``groups`` has another length.

    Examples:
        >>> Permutations(5, seed=0).draw(0, 2).shape
        (2, 5)
        >>> pairs_and_one = np.array([0, 0, 1, 1, 2])
        >>> np.unique(Permutations(5, 0, pairs_and_one).draw(0, 50), axis=0)
        array([[0, 1, 2, 3, 4],
               [2, 3, 0, 1, 4]], dtype=int32)
    """

    n_samples: int
    seed: int
    groups: NDArray[np.int64] | None = None
    _arrays: GroupArrays | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        check_integer("n_samples", self.n_samples, minimum=1)
        check_integer("seed", self.seed, minimum=0)
        if self.n_samples >= MAX_SAMPLES:
            raise ValueError(f"n_samples is {self.n_samples:,}; at most {MAX_SAMPLES - 1:,}")
        if self.seed >= 2**64:
            raise ValueError(f"seed is {self.seed}; expected at most 2**64 - 1")
        if self.groups is not None:
            arrays = _group_arrays(_checked_groups(self.groups, self.n_samples))
            object.__setattr__(self, "_arrays", arrays)

    @property
    def n_movable(self) -> int:
        """How many units (samples, or groups) have another of their size to change places with."""
        if self._arrays is None:
            return self.n_samples if self.n_samples > 1 else 0
        counts = np.diff(self._arrays.class_starts)
        return int(counts[counts > 1].sum())

    def draw(self, first: int, stop: int) -> NDArray[np.int32]:
        """Return the permutations ``first`` … ``stop − 1``.

        Args:
            first: The number of the first permutation, at least 0.
            stop: One more than the number of the last.

        Returns:
            *numpy.ndarray* of int32, shape (stop − first, n): row p, entry i is the sample to
            which the activation of sample i goes.

        Raises:
            ValueError: If ``stop`` is below ``first``, or ``first`` below 0.
        """
        first = check_integer("first", first, minimum=0)
        stop = check_integer("stop", stop, minimum=first)
        out = np.empty((stop - first, self.n_samples), np.int32)
        seed = np.uint64(self.seed)
        if self._arrays is None:
            write_permutations(seed, first, out)
        else:
            write_group_permutations(seed, first, self._arrays, out)
        return out


def _checked_groups(groups: object, n_samples: int) -> NDArray[np.int64]:
    codes = np.asarray(groups)
    if codes.dtype.kind not in "iu":
        raise TypeError(f"groups has dtype {codes.dtype}; expected int64 codes")
    if codes.shape != (n_samples,):
        raise ValueError(f"groups has shape {codes.shape}; expected ({n_samples:,},)")
    return codes.astype(np.int64)


def _group_arrays(codes: NDArray[np.int64]) -> GroupArrays:
    """Return the samples by group, the groups by size and, of one size, by their first sample."""
    _, first, group_of, counts = np.unique(
        codes, return_index=True, return_inverse=True, return_counts=True
    )
    order = np.lexsort((first, counts))
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    members = np.argsort(place[group_of], kind="stable")
    ordered = counts[order]
    sizes, class_starts = np.unique(ordered, return_index=True)
    return GroupArrays(
        members=members.astype(np.int32),
        starts=np.cumsum(ordered) - ordered,
        class_starts=np.append(class_starts, len(ordered)).astype(np.int64),
        sizes=sizes.astype(np.int64),
    )

"""Ranks, summed into the label patterns: one radix sort per neuron.

A neuron's activations come as 32-bit keys that sort as they do. Values equal to zero, after a ReLU
most of them, are not sorted: they are one tie whose place is known once the negative values are
counted. All others are sorted by three passes of 11 bits each, with their sample in the same 64-bit
word. Ranks are first written by sample and then summed by pattern, because the samples of a pattern
mostly stand together, so that only one of the two passes jumps about in memory.

The samples may be split into two parts (searched and held out) that are ranked apart, in the same
sort. ``slots`` tells for every sample its part and its label pattern: part · n_patterns + pattern.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from invert_captum._compiling import compiled
from invert_captum.search.kernels.keys import ZERO_KEY
from invert_captum.search.kernels.label_sums import LANES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Keys = NDArray[np.uint64]

_DIGIT_BITS = 11
_N_DIGITS = 1 << _DIGIT_BITS
_N_PASSES = 3
SAMPLE = np.uint64(0x7FFFFFFF)
_IS_HELD_OUT = np.uint64(0x80000000)
KEY_SHIFT = np.uint64(32)
_PART_SHIFT = np.uint64(31)

# Cubes of tie sizes overflow 64 bits; they are kept as two numbers, high · 2²⁶ + low.
TIE_SHIFT = 26
_TIE_LOW = np.int64((1 << TIE_SHIFT) - 1)


class RankRoom(NamedTuple):
    """Memory that the ranks of one neuron after another overwrite.

    Attributes:
        keys: uint32, as long as the longest neuron.
        packed: uint64, likewise,
        spare: uint64, likewise.
        places: int64, shape (3, 2048).
        ranks: int32, shape (n,): the doubled mid-ranks of the last neuron, by sample.
        pattern_sums: int64, shape (8, 2, g): the rank sums of the last eight neurons by part and
            pattern.
    """

    keys: NDArray[np.uint32]
    packed: Keys
    spare: Keys
    places: NDArray[np.int64]
    ranks: NDArray[np.int32]
    pattern_sums: NDArray[np.int64]


@compiled
def rank_room(
    starts: NDArray[np.int64], slots: NDArray[np.int32], weights: NDArray[np.int64]
) -> RankRoom:
    """Return the memory for neurons whose values begin at ``starts``."""
    longest = np.int64(0)
    for neuron in range(len(starts) - 1):
        longest = max(longest, starts[neuron + 1] - starts[neuron])
    return RankRoom(
        np.empty(longest, np.uint32),
        np.empty(longest, np.uint64),
        np.empty(longest, np.uint64),
        np.empty((_N_PASSES, _N_DIGITS), np.int64),
        np.empty(len(slots), np.int32),
        np.zeros((LANES, weights.shape[0], weights.shape[1]), np.int64),
    )


@compiled
def sort_other_keys(
    keys: NDArray[np.uint32], samples: NDArray[np.int64], slots: NDArray[np.int32],
    n_patterns: int, packed: Keys, spare: Keys, places: NDArray[np.int64],
) -> tuple[Keys, int]:  # fmt: skip
    """Sort all keys but those of zero, each packed above its sample and the sample's part.

    Args:
        keys: uint32, shape (m,).
        samples: int64, shape (m,): the samples of the keys, or of shape (0,) if 0 … m − 1.
        slots: int32, shape (n,): part and pattern of every sample.
        n_patterns: How many patterns there are.
        packed: uint64, shape (m,), overwritten.
        spare: uint64, shape (m,), overwritten.
        places: int64, shape (3, 2048), overwritten.

    Returns:
        ``packed`` or ``spare``, whichever holds the sorted words, and how many they are.
    """
    places[:] = 0
    count = 0
    listed = len(samples) > 0
    for index in range(len(keys)):
        key = keys[index]
        sample = samples[index] if listed else index
        part = np.uint64(slots[sample] >= n_patterns)
        packed[count] = np.uint64(key) << KEY_SHIFT | part << _PART_SHIFT | np.uint64(sample)
        # Without a branch, because no processor can guess which values are zero.
        other = np.int64(key != ZERO_KEY)
        places[0, key & np.uint32(_N_DIGITS - 1)] += other
        places[1, (key >> np.uint32(_DIGIT_BITS)) & np.uint32(_N_DIGITS - 1)] += other
        places[2, key >> np.uint32(2 * _DIGIT_BITS)] += other
        count += other
    source, target = packed, spare
    for number in range(_N_PASSES):
        if _sort_by_digit(source, target, count, number, places[number]):
            source, target = target, source
    return source, count


@compiled
def _sort_by_digit(
    source: Keys, target: Keys, count: int, number: int, places: NDArray[np.int64]
) -> bool:
    """Sort by one digit, keeping the order of equals; return False if all digits are the same."""
    start = 0
    for digit in range(_N_DIGITS):
        size = places[digit]
        if size == count:
            return False
        places[digit] = start
        start += size
    shift = np.uint64(32 + _DIGIT_BITS * number)
    for index in range(count):
        word = source[index]
        digit = np.int64((word >> shift) & np.uint64(_N_DIGITS - 1))
        target[places[digit]] = word
        places[digit] += 1
    return True


@compiled
def sum_ranks(
    ordered: Keys, slots: NDArray[np.int32], weights: NDArray[np.int64],
    part_sizes: NDArray[np.int64], ranks: NDArray[np.int32], sums: NDArray[np.int64],
    ties: NDArray[np.int64],
) -> bool:  # fmt: skip
    """Sum the doubled mid-ranks of every part's samples by label pattern.

    Args:
        ordered: The sorted words of `sort_other_keys`; all other samples are zeros.
        slots: int32, shape (n,): part and pattern of every sample.
        weights: int64, shape (2, g): how many samples of a part have a pattern.
        part_sizes: int64, shape (2,): how many samples each part has.
        ranks: int32, shape (n,), overwritten.
        sums: int64, shape (2, g), to be written.
        ties: int64, shape (2, 2): Σ(t³ − t) of every part, high and low, to be written.

    Returns:
        *bool*: whether the searched part has two different values.
    """
    ties[:] = 0
    before = np.zeros(2, np.int64)
    negative = 0
    while negative < len(ordered) and np.uint32(ordered[negative] >> KEY_SHIFT) < ZERO_KEY:
        negative += 1
    others = _count_parts(ordered)
    zeros = (part_sizes[0] - others[0], part_sizes[1] - others[1])
    n_values = _write_ranks(ordered[:negative], before, ranks, ties)
    zero_ranks = (2 * before[0] + zeros[0] + 1, 2 * before[1] + zeros[1] + 1)
    for part in range(2):
        before[part] += zeros[part]
        add_tie(zeros[part], ties[part])
    n_values += zeros[0] > 0
    n_values += _write_ranks(ordered[negative:], before, ranks, ties)
    if zeros[0] + zeros[1] == 0:
        _sum_all(slots, ranks, sums.reshape(-1))
    else:
        _sum_others(ordered, slots, weights, zero_ranks, ranks, sums)
    return n_values > 1


@compiled
def _sum_all(slots: NDArray[np.int32], ranks: NDArray[np.int32], flat: NDArray[np.int64]) -> None:
    """Sum the ranks of all samples by slot."""
    flat[:] = 0
    for sample in range(len(slots)):
        flat[slots[sample]] += ranks[sample]


@compiled
def _sum_others(
    ordered: Keys, slots: NDArray[np.int32], weights: NDArray[np.int64],
    zero_ranks: tuple[int, int], ranks: NDArray[np.int32], sums: NDArray[np.int64],
) -> None:  # fmt: skip
    """Sum ranks by slot as if all samples were zero, then put right those that are not.

    What this costs does not depend on how many samples are zero.
    """
    for part in range(2):
        for pattern in range(sums.shape[1]):
            sums[part, pattern] = zero_ranks[part] * weights[part, pattern]
    flat = sums.reshape(-1)
    for word in ordered:
        sample = np.int64(word & SAMPLE)
        is_heldout = word & _IS_HELD_OUT != np.uint64(0)
        flat[slots[sample]] += ranks[sample] - (zero_ranks[1] if is_heldout else zero_ranks[0])


@compiled
def _count_parts(words: Keys) -> tuple[int, int]:
    """Return how many samples of each part are among the words."""
    heldout = np.int64(0)
    for word in words:
        heldout += np.int64((word >> _PART_SHIFT) & np.uint64(1))
    return len(words) - heldout, heldout


@compiled
def _write_ranks(
    ordered: Keys, before: NDArray[np.int64], ranks: NDArray[np.int32], ties: NDArray[np.int64]
) -> int:
    """Write the ranks of sorted words, given how many samples of each part came before them.

    Returns:
        *int*: how many different values the searched part has among them.
    """
    n_values = 0
    start = 0
    while start < len(ordered):
        key = ordered[start] >> KEY_SHIFT
        stop = start + 1
        while stop < len(ordered) and ordered[stop] >> KEY_SHIFT == key:
            stop += 1
        if stop == start + 1:
            part = np.int64((ordered[start] >> _PART_SHIFT) & np.uint64(1))
            ranks[np.int64(ordered[start] & SAMPLE)] = 2 * before[part] + 2
            before[part] += 1
            n_values += 1 - part
        else:
            n_values += _write_tied_ranks(ordered[start:stop], before, ranks, ties)
        start = stop
    return n_values


@compiled
def _write_tied_ranks(
    tied: Keys, before: NDArray[np.int64], ranks: NDArray[np.int32], ties: NDArray[np.int64]
) -> int:
    """Write the ranks of one group of equal values; return 1 if the searched part has some."""
    sizes = _count_parts(tied)
    first, second = 2 * before[0] + sizes[0] + 1, 2 * before[1] + sizes[1] + 1
    for word in tied:
        is_heldout = word & _IS_HELD_OUT != np.uint64(0)
        ranks[np.int64(word & SAMPLE)] = second if is_heldout else first
    for part in range(2):
        before[part] += sizes[part]
        add_tie(sizes[part], ties[part])
    return np.int64(sizes[0] > 0)


@compiled
def add_tie(size: int, tie: NDArray[np.int64]) -> None:
    """Add t³ − t to a sum that is kept as high · 2²⁶ + low."""
    if size > 1:
        squared = size * size - 1
        tie[0] += (squared >> TIE_SHIFT) * size
        tie[1] += (squared & _TIE_LOW) * size

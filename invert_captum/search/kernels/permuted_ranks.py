"""Rank sums of label patterns when the activations are permuted: one sort for all permutations.

A permutation moves activations to other samples; their order among each other stays. Where no
sample is held out, even the ranks stay, and a permutation costs one sum of them by the patterns of
the samples that they came to. Where some are held out, both parts are ranked anew, in one walk
along the order. Zeros, after a ReLU most of the activations, are never visited.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from invert_captum._compiling import compiled
from invert_captum.search.kernels.keys import ZERO_KEY, write_keys
from invert_captum.search.kernels.rank_sums import KEY_SHIFT, SAMPLE, add_tie, sort_other_keys

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from invert_captum.search.kernels.label_arrays import LabelArrays
    from invert_captum.search.kernels.rank_sums import Keys, RankRoom


class Order(NamedTuple):
    """A neuron's samples in the order of their activations, zeros left out.

    Attributes:
        samples: int32, shape (m,): the samples, the lowest activation first.
        starts: int64, shape (t + 1,): where each group of equal activations begins.
        n_negative: How many of the m samples are below zero,
        n_negative_groups: and how many of the t groups.
        n_zeros: How many samples are zero.
    """

    samples: NDArray[np.int32]
    starts: NDArray[np.int64]
    n_negative: int
    n_negative_groups: int
    n_zeros: int


@compiled
def order_samples(
    values: NDArray[np.float32], samples: NDArray[np.int64], slots: NDArray[np.int32],
    room: RankRoom,
) -> tuple[bool, Order]:  # fmt: skip
    """Sort one neuron's activations.

    Args:
        values: float32, shape (m,): the stored activations.
        samples: Their samples, shape (m,); or of shape (0,) if they are 0 … m − 1.
        slots: int32, shape (n,).
        room: Memory to overwrite.

    Returns:
        Whether all are finite, and their order; that is empty if not.
    """
    keys = room.keys[: len(values)]
    is_finite, _ = write_keys(values, samples, keys)
    count = 0
    words = room.packed
    if is_finite:
        # The parts that the words tell are not read: an activation may come to either.
        words, count = sort_other_keys(
            keys, samples, slots, len(slots), room.packed, room.spare, room.places
        )
    return is_finite, _order_of(words[:count], len(slots))


@compiled
def _order_of(words: Keys, n_samples: int) -> Order:
    count = len(words)
    ordered = np.empty(count, np.int32)
    starts = np.empty(count + 1, np.int64)
    n_groups = n_negative = n_negative_groups = 0
    for place in range(count):
        key = words[place] >> KEY_SHIFT
        ordered[place] = words[place] & SAMPLE
        if place == 0 or key != words[place - 1] >> KEY_SHIFT:
            starts[n_groups] = place
            n_groups += 1
        if key < np.uint64(ZERO_KEY):
            n_negative += 1
            n_negative_groups = n_groups
    starts[n_groups] = count
    return Order(ordered, starts[: n_groups + 1], n_negative, n_negative_groups, n_samples - count)


@compiled
def n_values(order: Order) -> int:
    """Return how many different activations there are."""
    return len(order.starts) - 1 + (order.n_zeros > 0)


@compiled
def write_excess_ranks(order: Order, excess: NDArray[np.int32]) -> int:
    """Write by how much the doubled mid-ranks of samples exceed that of zero; return that one.

    Args:
        order: The neuron.
        excess: int32, shape (n,): written where samples are not zero.
    """
    zero_rank = 2 * order.n_negative + order.n_zeros + 1 if order.n_zeros else 0
    for group in range(len(order.starts) - 1):
        start, stop = order.starts[group], order.starts[group + 1]
        before = start if group < order.n_negative_groups else start + order.n_zeros
        rank = before + (before + stop - start) + 1 - zero_rank
        for place in range(start, stop):
            excess[order.samples[place]] = rank
    return zero_rank


@compiled
def sum_whole(
    samples: NDArray[np.int32], excess: NDArray[np.int32], zero_rank: int,
    targets: NDArray[np.int32], labels: LabelArrays, sums: NDArray[np.int64],
) -> None:  # fmt: skip
    """Sum the ranks by pattern under one permutation, if no sample is held out.

    Args:
        samples: int32, shape (m,): those that are not zero, in any order.
        excess: int32, shape (n,), from `write_excess_ranks`,
        zero_rank: and what it returned.
        targets: int32, shape (n,): where each sample's activation goes.
        labels: The labels.
        sums: int64, shape (2, g), to be written.
    """
    flat, slots = sums[0], labels.slots
    for pattern in range(len(flat)):
        flat[pattern] = zero_rank * labels.weights[0, pattern]
    for sample in samples:
        # Unsigned, because numba asks of every other index whether it counts from the end.
        at = np.uint32(sample)
        flat[np.uint32(slots[np.uint32(targets[at])])] += excess[at]


@compiled
def sum_parts(
    order: Order, targets: NDArray[np.int32], labels: LabelArrays, part_sizes: NDArray[np.int64],
    slots: NDArray[np.int32], sums: NDArray[np.int64], tie: NDArray[np.int64],
) -> bool:  # fmt: skip
    """Sum the ranks by part and pattern under one permutation, each part ranked on its own.

    Args:
        order: The neuron.
        targets: int32, shape (n,): where each sample's activation goes.
        labels: The labels.
        part_sizes: int64, shape (2,): how many samples each part has.
        slots: int32, shape (n,), overwritten.
        sums: int64, shape (2, g), to be written.
        tie: int64, shape (2,): Σ(t³ − t) of the held-out part, high and low, to be written.

    Returns:
        *bool*: whether the searched part has two different activations.
    """
    n_patterns, count = sums.shape[1], len(order.samples)
    negative_heldout = _write_slots(order, 0, order.n_negative, targets, labels, slots)
    heldout = negative_heldout
    heldout += _write_slots(order, order.n_negative, count, targets, labels, slots)
    zeros = (part_sizes[0] - (count - heldout), part_sizes[1] - heldout)
    zero_ranks = (
        2 * (order.n_negative - negative_heldout) + zeros[0] + 1 if order.n_zeros else 0,
        2 * negative_heldout + zeros[1] + 1 if order.n_zeros else 0,
    )
    for part in range(2):
        for pattern in range(n_patterns):
            sums[part, pattern] = zero_ranks[part] * labels.weights[part, pattern]
    tie[:] = 0
    add_tie(zeros[1], tie)
    flat = sums.reshape(-1)
    middle = order.n_negative_groups
    values = _add_ranks(order.starts[: middle + 1], (0, 0), zero_ranks, slots, flat, tie)
    before = (order.n_negative - negative_heldout + zeros[0], negative_heldout + zeros[1])
    values += _add_ranks(order.starts[middle:], before, zero_ranks, slots, flat, tie)
    return values + (zeros[0] > 0) > 1


@compiled
def _write_slots(
    order: Order, start: int, stop: int, targets: NDArray[np.int32], labels: LabelArrays,
    slots: NDArray[np.int32],
) -> int:  # fmt: skip
    """Write to which slots some activations go; return how many go to the held-out part."""
    n_patterns = labels.weights.shape[1]
    samples, all_slots = order.samples, labels.slots
    heldout = np.int64(0)
    for place in range(start, stop):
        # Unsigned as in `sum_whole`.
        slot = all_slots[np.uint32(targets[np.uint32(samples[place])])]
        slots[place] = slot
        heldout += slot >= n_patterns
    return heldout


@compiled
def _add_ranks(
    starts: NDArray[np.int64], before: tuple[int, int], zero_ranks: tuple[int, int],
    slots: NDArray[np.int32], flat: NDArray[np.int64], tie: NDArray[np.int64],
) -> int:  # fmt: skip
    """Add what the ranks of some groups exceed those of zero by; return how many are searched."""
    n_patterns = len(flat) // 2
    searched, heldout = np.int64(before[0]), np.int64(before[1])
    n_searched_values = np.int64(0)
    for group in range(len(starts) - 1):
        start, stop = starts[group], starts[group + 1]
        size = np.int64(0)
        for place in range(start, stop):
            size += slots[place] >= n_patterns
        others = stop - start - size
        rank = 2 * searched + others + 1 - zero_ranks[0]
        heldout_rank = 2 * heldout + size + 1 - zero_ranks[1]
        for place in range(start, stop):
            slot = np.uint32(slots[place])
            flat[slot] += heldout_rank if slot >= n_patterns else rank
        searched += others
        heldout += size
        n_searched_values += others > 0
        add_tie(size, tie)
    return n_searched_values

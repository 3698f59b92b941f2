"""A random order in the place of ties among activations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from invert_captum._compiling import compiled, kernel
from invert_captum.search.kernels.permutations import shuffle, start_state
from invert_captum.search.kernels.permuted_ranks import order_samples
from invert_captum.search.kernels.rank_sums import rank_room

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from invert_captum.search.kernels.block_search import Activations
    from invert_captum.search.kernels.permuted_ranks import Order
    from invert_captum.search.kernels.rank_sums import RankRoom


@kernel
def break_ties(
    activations: Activations, digests: NDArray[np.uint64], seed: np.uint64,
    places: NDArray[np.int32],
) -> None:  # fmt: skip
    """Write every sample's place in the order of its activation, ties in random order.

    Args:
        activations: Those of d neurons.
        digests: uint64, shape (d,): the number of each neuron's random order.
        seed: Of the random order.
        places: int32, shape (d, n), to be written: from 0 to n − 1; −1 if not all are finite.
    """
    slots, room = _room(activations, places.shape[1])
    for neuron in range(len(places)):
        is_finite, order = _order_of(activations, neuron, slots, room)
        if not is_finite:
            places[neuron] = -1
            continue
        ordered = _with_zeros(order, places.shape[1])
        state = start_state(seed, digests[neuron])
        for group in range(len(order.starts) - 1):
            shift = 0 if group < order.n_negative_groups else order.n_zeros
            first, last = order.starts[group] + shift, order.starts[group + 1] + shift
            state = shuffle(state, ordered[first:last])
        shuffle(state, ordered[order.n_negative : order.n_negative + order.n_zeros])
        for place in range(len(ordered)):
            places[neuron, ordered[place]] = place


@compiled
def _room(activations: Activations, n_samples: int) -> tuple[NDArray[np.int32], RankRoom]:
    """Return slots of samples that are all in one part, and memory to sort in."""
    slots = np.zeros(n_samples, np.int32)
    return slots, rank_room(activations.starts, slots, np.empty((2, 1), np.int64))


@compiled
def _order_of(
    activations: Activations, neuron: int, slots: NDArray[np.int32], room: RankRoom
) -> tuple[bool, Order]:
    start, stop = activations.starts[neuron], activations.starts[neuron + 1]
    samples = activations.samples[start:stop]
    return order_samples(activations.values[start:stop], samples, slots, room)


@compiled
def _with_zeros(order: Order, n_samples: int) -> NDArray[np.int32]:
    """Return all samples in order, shape (n,), zeros by their number."""
    ordered = np.empty(n_samples, np.int32)
    is_zero = np.ones(n_samples, np.bool_)
    for place in range(len(order.samples)):
        ordered[place if place < order.n_negative else place + order.n_zeros] = order.samples[place]
        is_zero[order.samples[place]] = False
    at = order.n_negative
    for sample in range(n_samples):
        if is_zero[sample]:
            ordered[at] = sample
            at += 1
    return ordered

"""All that is done for a block of neurons: keys, ranks, search, held-out sums."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from invert_captum._compiling import compiled, kernel
from invert_captum.search.kernels.beam_search import beam_search, search_room
from invert_captum.search.kernels.bit_sets import lowest_bit, n_words
from invert_captum.search.kernels.keys import write_keys
from invert_captum.search.kernels.label_sums import LANES, concept_sums
from invert_captum.search.kernels.members import write_all_members
from invert_captum.search.kernels.rank_sums import (
    rank_room,
    sort_other_keys,
    sum_ranks,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from invert_captum.search.kernels.beams import Beam, Limits
    from invert_captum.search.kernels.label_arrays import LabelArrays
    from invert_captum.search.kernels.rank_sums import RankRoom

# What became of a neuron.
SEARCHED, CONSTANT, NOT_FINITE = 0, 1, 2


class Activations(NamedTuple):
    """The activations of some neurons, one after the other.

    Attributes:
        values: float32: all that are stored; those that are not are zero.
        samples: int64: the sample of every stored value; or of shape (0,) if all are stored.
        starts: int64, shape (d + 1,): where each neuron's values begin.
    """

    values: NDArray[np.float32]
    samples: NDArray[np.int64]
    starts: NDArray[np.int64]


class Ranked(NamedTuple):
    """What is known of d neurons before the search.

    Attributes:
        status: int8, shape (d,): `SEARCHED`, `CONSTANT` or `NOT_FINITE`.
        digests: uint64, shape (d,): a number that depends on every activation.
        ties: int64, shape (d, 2, 2): Σ(t³ − t) by part, as high · 2²⁶ + low.
    """

    status: NDArray[np.int8]
    digests: NDArray[np.uint64]
    ties: NDArray[np.int64]


class Found(NamedTuple):
    """What was found for d neurons, up to b formulas of up to L literals each.

    Attributes:
        counts: int64, shape (d,): how many formulas.
        literals: int32, shape (d, b, L), and
        operators: int8, shape (d, b, L): the formulas; see `formula_codes`.
        lengths: int64, shape (d, b).
        scores: float64, shape (d, b).
        sizes: int64, shape (d, b, 2): for how many samples of each part a formula holds.
        rank_sums: int64, shape (d, b, 2): the sums of their doubled mid-ranks.
    """

    counts: NDArray[np.int64]
    literals: NDArray[np.int32]
    operators: NDArray[np.int8]
    lengths: NDArray[np.int64]
    scores: NDArray[np.float64]
    sizes: NDArray[np.int64]
    rank_sums: NDArray[np.int64]


@kernel
def search_block(
    activations: Activations, labels: LabelArrays, limits: Limits, ranked: Ranked, found: Found
) -> None:
    """Search the best formulas of every neuron of a block."""
    n_neurons, n_concepts = len(activations.starts) - 1, len(labels.counts)
    ranks = rank_room(activations.starts, labels.slots, labels.weights)
    room = search_room(labels, limits)
    columns = np.empty((2, n_words(labels.weights.shape[1])), np.uint64)
    sums_of_eight = np.empty((n_concepts, LANES), np.int64)
    rank_sums = np.empty(n_concepts, np.int64)
    for first in range(0, n_neurons, LANES):
        last = min(first + LANES, n_neurons)
        _rank_neurons(activations, first, last, labels, ranks, ranked)
        concept_sums(labels, ranks.pattern_sums, sums_of_eight)
        for neuron in range(first, last):
            found.counts[neuron] = 0
            if ranked.status[neuron] != SEARCHED:
                continue
            pattern_sums = ranks.pattern_sums[neuron - first]
            for concept in range(n_concepts):
                rank_sums[concept] = sums_of_eight[concept, neuron - first]
            beam, n_found = beam_search(labels, limits, pattern_sums[0], rank_sums, room)
            _write_found(labels, beam, n_found, pattern_sums, columns, neuron, found)


@kernel
def score_block(
    activations: Activations, labels: LabelArrays, ranked: Ranked, sums: NDArray[np.int64]
) -> None:
    """Write S(c) of every concept and neuron, int64 of shape (d, k)."""
    n_neurons, n_concepts = len(activations.starts) - 1, len(labels.counts)
    ranks = rank_room(activations.starts, labels.slots, labels.weights)
    sums_of_eight = np.empty((n_concepts, LANES), np.int64)
    for first in range(0, n_neurons, LANES):
        last = min(first + LANES, n_neurons)
        _rank_neurons(activations, first, last, labels, ranks, ranked)
        concept_sums(labels, ranks.pattern_sums, sums_of_eight)
        for neuron in range(first, last):
            for concept in range(n_concepts):
                sums[neuron, concept] = sums_of_eight[concept, neuron - first]


@kernel
def digest_block(activations: Activations, digests: NDArray[np.uint64]) -> None:
    """Write every neuron's digest, uint64 of shape (d,), as `_rank_neurons` does."""
    starts = activations.starts
    longest = np.int64(0)
    for neuron in range(len(starts) - 1):
        longest = max(longest, starts[neuron + 1] - starts[neuron])
    keys = np.empty(longest, np.uint32)
    for neuron in range(len(starts) - 1):
        start, stop = starts[neuron], starts[neuron + 1]
        samples = activations.samples[start:stop]
        _, digest = write_keys(activations.values[start:stop], samples, keys[: stop - start])
        digests[neuron] = digest


@compiled
def _rank_neurons(
    activations: Activations, first: int, last: int, labels: LabelArrays, room: RankRoom,
    ranked: Ranked,
) -> None:  # fmt: skip
    """Rank neurons ``first`` … ``last - 1`` into ``room.pattern_sums``."""
    part_sizes = np.zeros(2, np.int64)
    for part in range(2):
        for pattern in range(labels.weights.shape[1]):
            part_sizes[part] += labels.weights[part, pattern]
    for neuron in range(first, last):
        start, stop = activations.starts[neuron], activations.starts[neuron + 1]
        samples = activations.samples[start:stop]
        keys = room.keys[: stop - start]
        is_finite, digest = write_keys(activations.values[start:stop], samples, keys)
        ranked.digests[neuron] = digest
        if not is_finite:
            ranked.status[neuron] = NOT_FINITE
            continue
        ordered, count = sort_other_keys(
            keys, samples, labels.slots, labels.weights.shape[1], room.packed, room.spare,
            room.places,
        )  # fmt: skip
        varies = sum_ranks(
            ordered[:count], labels.slots, labels.weights, part_sizes, room.ranks,
            room.pattern_sums[neuron - first], ranked.ties[neuron],
        )  # fmt: skip
        ranked.status[neuron] = SEARCHED if varies else CONSTANT


@compiled
def _write_found(
    labels: LabelArrays, beam: Beam, n_found: int, pattern_sums: NDArray[np.int64],
    columns: NDArray[np.uint64], neuron: int, found: Found,
) -> None:  # fmt: skip
    found.counts[neuron] = n_found
    for place in range(n_found):
        length = beam.lengths[place]
        found.lengths[neuron, place] = length
        found.scores[neuron, place] = beam.scores[place]
        for at in range(length):
            found.literals[neuron, place, at] = beam.literals[place, at]
            found.operators[neuron, place, at] = beam.operators[place, at]
        _sum_over_parts(
            labels, beam, place, pattern_sums, columns,
            found.sizes[neuron, place], found.rank_sums[neuron, place],
        )  # fmt: skip


@compiled
def _sum_over_parts(
    labels: LabelArrays, beam: Beam, place: int, pattern_sums: NDArray[np.int64],
    columns: NDArray[np.uint64], sizes: NDArray[np.int64], rank_sums: NDArray[np.int64],
) -> None:  # fmt: skip
    """Write a formula's size and rank sum in the searched and in the held-out part."""
    sizes[0], rank_sums[0] = beam.sizes[place], beam.rank_sums[place]
    sizes[1] = rank_sums[1] = 0
    members, column = columns[0], columns[1]
    write_all_members(labels, beam, place, column, members)
    for word_place in range(len(members)):
        word = members[word_place]
        while word != np.uint64(0):
            pattern = (word_place << 6) + np.int64(lowest_bit(word))
            word &= word - np.uint64(1)
            sizes[1] += labels.weights[1, pattern]
            rank_sums[1] += pattern_sums[1, pattern]

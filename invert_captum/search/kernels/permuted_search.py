"""The whole search, run again for every permutation of the samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from invert_captum._compiling import compiled, kernel
from invert_captum.search.kernels.beam_search import (
    finish,
    first_level,
    next_level,
    search_room,
)
from invert_captum.search.kernels.beams import empty_beam
from invert_captum.search.kernels.bit_sets import lowest_bit, n_words
from invert_captum.search.kernels.candidates import LEFT_OUT, Candidates, fill_scores
from invert_captum.search.kernels.label_sums import LANES, concept_sums, joint_sums
from invert_captum.search.kernels.members import write_all_members
from invert_captum.search.kernels.permuted_ranks import (
    n_values,
    order_samples,
    sum_parts,
    sum_whole,
    write_excess_ranks,
)
from invert_captum.search.kernels.rank_sums import rank_room

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from invert_captum.search.kernels.beam_search import SearchRoom
    from invert_captum.search.kernels.beams import Beam, Limits
    from invert_captum.search.kernels.block_search import Activations
    from invert_captum.search.kernels.label_arrays import LabelArrays


class PermutedFound(NamedTuple):
    """What was found for d neurons under P permutations.

    Attributes:
        usable: bool, shape (d,): finite and not constant.
        scores: float64, shape (d, P): the best score; NaN if nothing was found.
        sizes: int64, shape (d, P): for how many held-out samples the best formula holds,
        rank_sums: int64, shape (d, P): and the sum of their doubled mid-ranks.
        ties: int64, shape (d, P, 2): Σ(t³ − t) of the held-out part, as high · 2²⁶ + low.
    """

    usable: NDArray[np.bool_]
    scores: NDArray[np.float64]
    sizes: NDArray[np.int64]
    rank_sums: NDArray[np.int64]
    ties: NDArray[np.int64]


@kernel
def search_permuted(
    activations: Activations, labels: LabelArrays, limits: Limits,
    permutations: NDArray[np.int32], found: PermutedFound,
) -> None:  # fmt: skip
    """Search every neuron under every permutation, int32 of shape (P, n).

    ``found`` must come with NaN for the scores and zero for everything else.
    """
    n_concepts, n_patterns = len(labels.counts), labels.weights.shape[1]
    ranks = rank_room(activations.starts, labels.slots, labels.weights)
    room = search_room(labels, limits)
    columns = np.empty((2, n_words(n_patterns)), np.uint64)
    sums_of_eight = np.empty((n_concepts, LANES), np.int64)
    rank_sums = np.empty(n_concepts, np.int64)
    spare = empty_beam(limits, n_words(labels.n_searched))
    slots = np.empty_like(labels.slots)
    varies = np.ones(LANES, np.bool_)
    part_sizes = labels.weights.sum(axis=1)
    has_heldout = part_sizes[1] > 0
    for neuron in range(len(found.usable)):
        start, stop = activations.starts[neuron], activations.starts[neuron + 1]
        is_finite, order = order_samples(
            activations.values[start:stop], activations.samples[start:stop], labels.slots, ranks
        )
        found.usable[neuron] = is_finite and n_values(order) > 1
        if not found.usable[neuron]:
            continue
        zero_rank = write_excess_ranks(order, ranks.ranks)
        samples = np.sort(order.samples)
        for first in range(0, len(permutations), LANES):
            last = min(first + LANES, len(permutations))
            for number in range(first, last):
                sums = ranks.pattern_sums[number - first]
                if has_heldout:
                    varies[number - first] = sum_parts(
                        order, permutations[number], labels, part_sizes, slots, sums,
                        found.ties[neuron, number],
                    )  # fmt: skip
                else:
                    sum_whole(samples, ranks.ranks, zero_rank, permutations[number], labels, sums)
            concept_sums(labels, ranks.pattern_sums, sums_of_eight)
            for number in range(first, last):
                if not varies[number - first]:
                    continue
                sums = ranks.pattern_sums[number - first]
                for concept in range(n_concepts):
                    rank_sums[concept] = sums_of_eight[concept, number - first]
                score, beam, n_found = _search(
                    labels, limits, sums[0], rank_sums, has_heldout, room
                )
                if score == LEFT_OUT:
                    continue
                found.scores[neuron, number] = score
                if has_heldout:
                    found.sizes[neuron, number], found.rank_sums[neuron, number] = _sum_heldout(
                        labels, beam, n_found, sums[1], columns, room, spare
                    )


@compiled
def _search(
    labels: LabelArrays, limits: Limits, pattern_sums: NDArray[np.int64],
    rank_sums: NDArray[np.int64], needs_formula: bool, room: SearchRoom,
) -> tuple[float, Beam, int]:  # fmt: skip
    """Return the best score and, if needed, the last beam and how many formulas it has.

    Args:
        labels: The labels.
        limits: What may be found.
        pattern_sums: int64, shape (g,): the rank sums of the searched part's patterns.
        rank_sums: int64, shape (k,): S(c).
        needs_formula: Whether the last beam is needed, not only its score.
        room: Memory to overwrite.
    """
    beam, other = room.beam, room.next_beam
    n_found = first_level(labels, limits, rank_sums, room.scores, beam)
    for length in range(2, limits.max_length + 1):
        parents = np.flatnonzero(beam.is_new[:n_found])
        if len(parents) == 0:
            break
        for parent in parents:
            joint_sums(labels, pattern_sums, rank_sums, beam.members[parent], room.joint[parent])
        if length == limits.max_length and not needs_formula:
            scores = room.scores[: n_found + 4 * len(parents) * len(labels.counts)]
            joins = Candidates(beam, n_found, parents, room.joint, rank_sums, scores)
            fill_scores(labels, limits, joins)
            return _highest(scores), beam, n_found
        n_found = next_level(
            labels, limits, rank_sums, room.joint, room.scores, beam, n_found, parents, other
        )
        beam, other = other, beam
    return beam.scores[0] if n_found else LEFT_OUT, beam, n_found


@compiled
def _highest(scores: NDArray[np.float64]) -> float:
    """Return the highest score and overwrite the first.

    Scores are not negative, `LEFT_OUT` is; so their bits sort as whole numbers, of which processors
    compare several at once.
    """
    bits = scores.view(np.int64)
    highest = bits[0]
    for word in bits:
        highest = max(highest, word)
    bits[0] = highest
    return scores[0]


@compiled
def _sum_heldout(
    labels: LabelArrays, beam: Beam, n_found: int, pattern_sums: NDArray[np.int64],
    columns: NDArray[np.uint64], room: SearchRoom, spare: Beam,
) -> tuple[int, int]:  # fmt: skip
    """Return for how many held-out samples the best formula holds, and their ranks' sum."""
    n_best = 1
    while n_best < n_found and beam.scores[n_best] == beam.scores[0]:
        n_best += 1
    # Shortened, a formula may hold for other held-out samples, and another may come first.
    finish(labels, beam, n_best, spare, room.columns)
    members = columns[0]
    write_all_members(labels, beam, 0, columns[1], members)
    size = rank_sum = np.int64(0)
    for place in range(len(members)):
        word = members[place]
        while word != np.uint64(0):
            pattern = (place << 6) + np.int64(lowest_bit(word))
            word &= word - np.uint64(1)
            size += labels.weights[1, pattern]
            rank_sum += pattern_sums[pattern]
    return size, rank_sum

"""Which of a level's candidates go on: the best, each set of samples once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from invert_captum._compiling import compiled
from invert_captum.search.kernels.bit_sets import complementary, equal
from invert_captum.search.kernels.candidates import (
    LEFT_OUT,
    measure,
    write_formula,
    write_members,
)
from invert_captum.search.kernels.formula_codes import comes_before, write_text_key
from invert_captum.search.kernels.scores import is_symmetric

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from invert_captum.search.kernels.beams import Beam, Limits
    from invert_captum.search.kernels.candidates import Candidates
    from invert_captum.search.kernels.label_arrays import LabelArrays


@compiled
def select(labels: LabelArrays, limits: Limits, candidates: Candidates, chosen: Beam) -> int:
    """Write the best candidates to ``chosen`` and return how many they are.

    Best is the higher score, then the shorter formula, then the alphabetically first. Of formulas
    with the same samples (or, under a symmetric score, with complementary ones) only the first
    stays. Sets of samples with different scores differ, so that duplicates always stand in one tie.
    """
    # Nearly always the first shortlist holds enough different sets of samples.
    n_wanted = 4 * limits.beam_width
    while True:
        shortlist, is_all = _best_first(candidates.scores, n_wanted)
        # Typed as what the loop makes of them, or numba compiles the callee twice.
        n_chosen = np.int64(0)
        start = 0
        while start < len(shortlist) and n_chosen < limits.beam_width:
            stop = start + 1
            value = candidates.scores[shortlist[start]]
            while stop < len(shortlist) and candidates.scores[shortlist[stop]] == value:
                stop += 1
            n_chosen = _choose_from_tie(
                labels, limits, candidates, shortlist[start:stop], chosen, n_chosen
            )
            start = stop
        if n_chosen == limits.beam_width or is_all:
            return n_chosen
        n_wanted *= 8


@compiled
def _best_first(scores: NDArray[np.float64], count: int) -> tuple[NDArray[np.int64], bool]:
    """Return the indices of the ``count`` highest scores and of all that tie with the last.

    Also return whether these are all there are.
    """
    least = _least_of_best(scores, count)
    n_found = 0
    n_allowed = 0
    for value in scores:
        # Without a branch, so that several are counted at once.
        n_allowed += np.int64(value != LEFT_OUT)
        n_found += np.int64((value >= least) & (value != LEFT_OUT))
    found = np.empty(n_found, np.int64)
    at = 0
    for index in range(len(scores)):
        if scores[index] >= least and scores[index] != LEFT_OUT:
            found[at] = index
            at += 1
    _sort_by_score(found, scores)
    return found, n_found == n_allowed


@compiled
def _sort_by_score(indices: NDArray[np.int64], scores: NDArray[np.float64]) -> None:
    """Sort indices in place, the highest score first, by heapsort."""
    for first in range(len(indices) // 2 - 1, -1, -1):
        _sink(indices, scores, first, len(indices))
    for last in range(len(indices) - 1, 0, -1):
        lowest = indices[0]
        indices[0] = indices[last]
        indices[last] = lowest
        _sink(indices, scores, np.int64(0), last)


@compiled
def _sink(
    indices: NDArray[np.int64], scores: NDArray[np.float64], parent: int, n_heap: int
) -> None:
    """Restore a heap, the lowest score on top, below one place."""
    while True:
        child = 2 * parent + 1
        if child >= n_heap:
            return
        if child + 1 < n_heap and scores[indices[child + 1]] < scores[indices[child]]:
            child += 1
        if scores[indices[parent]] <= scores[indices[child]]:
            return
        swapped = indices[parent]
        indices[parent] = indices[child]
        indices[child] = swapped
        parent = child


@compiled
def _least_of_best(scores: NDArray[np.float64], count: int) -> float:
    """Return the ``count``-th highest score, or `LEFT_OUT` if there are not so many."""
    heap = np.full(count, LEFT_OUT)
    for value in scores:
        if value <= heap[0]:
            continue
        parent = 0
        while True:
            child = 2 * parent + 1
            if child >= count:
                break
            if child + 1 < count and heap[child + 1] < heap[child]:
                child += 1
            if heap[child] >= value:
                break
            heap[parent] = heap[child]
            parent = child
        heap[parent] = value
    return heap[0]


@compiled
def _choose_from_tie(
    labels: LabelArrays, limits: Limits, candidates: Candidates, tied: NDArray[np.int64],
    chosen: Beam, n_chosen: int,
) -> int:  # fmt: skip
    """Append the different ones of candidates of equal score, and return the new number."""
    if len(tied) == 1:
        _choose(labels, limits, candidates, tied[0], chosen, n_chosen)
        return n_chosen + 1
    n_tied, length = len(tied), limits.max_length
    literals = np.empty((n_tied, length), np.int32)
    operators = np.empty((n_tied, length), np.int8)
    lengths = np.empty(n_tied, np.int64)
    keys = np.empty((n_tied, 3 * length), np.int32)
    for place in range(n_tied):
        lengths[place] = write_formula(
            labels, candidates, tied[place], literals[place], operators[place]
        )
        write_text_key(literals[place], operators[place], lengths[place], labels.order, keys[place])
    heap = np.arange(n_tied)
    for parent in range(n_tied // 2 - 1, -1, -1):
        _sift_down(heap, n_tied, parent, lengths, keys)
    first_of_tie = n_chosen
    for n_left in range(n_tied, 0, -1):
        if n_chosen == limits.beam_width:
            break
        place = heap[0]
        heap[0] = heap[n_left - 1]
        _sift_down(heap, n_left - 1, np.int64(0), lengths, keys)
        index = tied[place]
        size, rank_sum = measure(labels, limits, candidates, index)
        chosen.sizes[n_chosen], chosen.rank_sums[n_chosen] = size, rank_sum
        write_members(labels, candidates, index, chosen.members[n_chosen])
        if _is_duplicate(labels, limits, chosen, first_of_tie, n_chosen):
            continue
        chosen.literals[n_chosen] = literals[place]
        chosen.operators[n_chosen] = operators[place]
        chosen.lengths[n_chosen] = lengths[place]
        chosen.scores[n_chosen] = candidates.scores[index]
        chosen.is_new[n_chosen] = index >= candidates.n_old
        n_chosen += 1
    return n_chosen


@compiled
def _choose(
    labels: LabelArrays, limits: Limits, candidates: Candidates, index: int, chosen: Beam, at: int
) -> None:
    """Write a candidate of a score that no other has; so no other has its samples."""
    chosen.sizes[at], chosen.rank_sums[at] = measure(labels, limits, candidates, index)
    write_members(labels, candidates, index, chosen.members[at])
    chosen.lengths[at] = write_formula(
        labels, candidates, index, chosen.literals[at], chosen.operators[at]
    )
    chosen.scores[at] = candidates.scores[index]
    chosen.is_new[at] = index >= candidates.n_old


@compiled
def _sift_down(
    heap: NDArray[np.int64], n_heap: int, parent: int, lengths: NDArray[np.int64],
    keys: NDArray[np.int32],
) -> None:  # fmt: skip
    """Restore the order of a heap of formulas below one place."""
    while True:
        first = parent
        for child in (2 * parent + 1, 2 * parent + 2):
            if child < n_heap and comes_before(
                lengths[heap[child]], keys[heap[child]], lengths[heap[first]], keys[heap[first]]
            ):
                first = child
        if first == parent:
            return
        heap[parent], heap[first] = heap[first], heap[parent]
        parent = first


@compiled
def _is_duplicate(labels: LabelArrays, limits: Limits, chosen: Beam, first: int, last: int) -> bool:
    """Return whether formula ``last`` has the samples of one from ``first`` on."""
    size, rank_sum = chosen.sizes[last], chosen.rank_sums[last]
    for other in range(first, last):
        same = chosen.sizes[other] == size and chosen.rank_sums[other] == rank_sum
        if same and equal(chosen.members[other], chosen.members[last]):
            return True
        if (
            is_symmetric(limits.score_kind)
            and chosen.sizes[other] == limits.n_samples - size
            and complementary(chosen.members[other], chosen.members[last], labels.n_searched)
        ):
            return True
    return False

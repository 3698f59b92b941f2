"""The beam search of one neuron, given the rank sums of its label patterns."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from invert_captum._compiling import compiled
from invert_captum.search.kernels.beams import empty_beam
from invert_captum.search.kernels.bit_sets import n_words
from invert_captum.search.kernels.candidates import (
    Candidates,
    fill_literal_scores,
    fill_scores,
)
from invert_captum.search.kernels.label_sums import joint_sums
from invert_captum.search.kernels.selection import select
from invert_captum.search.kernels.shortening import shorten, sort_by_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from invert_captum.search.kernels.beams import Beam, Limits
    from invert_captum.search.kernels.label_arrays import LabelArrays


class SearchRoom(NamedTuple):
    """Memory that one search after another overwrites.

    Attributes:
        beam: The old beam; after a search, the formulas that it found.
        next_beam: The new beam.
        joint: int64, shape (b, k, 2).
        scores: float64, shape (b + 4bk,).
        columns: uint64, shape (L, w).
    """

    beam: Beam
    next_beam: Beam
    joint: NDArray[np.int64]
    scores: NDArray[np.float64]
    columns: NDArray[np.uint64]


@compiled
def search_room(labels: LabelArrays, limits: Limits) -> SearchRoom:
    """Return the memory that searches with these labels and limits need."""
    width, n_concepts, words = limits.beam_width, len(labels.counts), n_words(labels.n_searched)
    return SearchRoom(
        empty_beam(limits, words),
        empty_beam(limits, words),
        np.empty((width, n_concepts, 2), np.int64),
        np.empty(width + 4 * width * n_concepts, np.float64),
        np.empty((limits.max_length, words), np.uint64),
    )


@compiled
def beam_search(
    labels: LabelArrays, limits: Limits, pattern_sums: NDArray[np.int64],
    rank_sums: NDArray[np.int64], room: SearchRoom,
) -> tuple[Beam, int]:  # fmt: skip
    """Search the best formulas of one neuron.

    A formula that was in the beam before is not joined again: its joins, if they were good enough,
    are in the beam, too.

    Args:
        labels: The labels.
        limits: What may be found.
        pattern_sums: int64, shape (g,): the sum of the doubled mid-ranks of every pattern's
            searched samples.
        rank_sums: int64, shape (k,): S(c) of every concept.
        room: Memory to overwrite.

    Returns:
        The beam that holds the formulas, best first, and how many they are.
    """
    beam, other = room.beam, room.next_beam
    n_found = first_level(labels, limits, rank_sums, room.scores, beam)
    for _ in range(1, limits.max_length):
        parents = np.flatnonzero(beam.is_new[:n_found])
        if len(parents) == 0:
            break
        for parent in parents:
            members, joint = beam.members[parent], room.joint[parent]
            joint_sums(labels, pattern_sums, rank_sums, members, joint)
        n_found = next_level(
            labels, limits, rank_sums, room.joint, room.scores, beam, n_found, parents, other
        )
        beam, other = other, beam
    finish(labels, beam, n_found, other, room.columns)
    return beam, n_found


@compiled
def first_level(
    labels: LabelArrays, limits: Limits, rank_sums: NDArray[np.int64],
    scores: NDArray[np.float64], beam: Beam,
) -> int:  # fmt: skip
    """Write the best literals to ``beam`` and return how many they are."""
    scores = scores[: 2 * len(labels.counts)]
    fill_literal_scores(labels, limits, rank_sums, scores)
    no_parents = np.empty(0, np.int64)
    no_joint = np.empty((0, 0, 2), np.int64)
    literals = Candidates(beam, 0, no_parents, no_joint, rank_sums, scores)
    return select(labels, limits, literals, beam)


@compiled
def next_level(
    labels: LabelArrays, limits: Limits, rank_sums: NDArray[np.int64], joint: NDArray[np.int64],
    scores: NDArray[np.float64], beam: Beam, n_found: int, parents: NDArray[np.int64], other: Beam,
) -> int:  # fmt: skip
    """Write the best of a beam and of its parents' joins to ``other``; return how many."""
    scores = scores[: n_found + 4 * len(parents) * len(labels.counts)]
    joins = Candidates(beam, n_found, parents, joint, rank_sums, scores)
    fill_scores(labels, limits, joins)
    return select(labels, limits, joins, other)


@compiled
def finish(
    labels: LabelArrays, beam: Beam, n_found: int, spare: Beam, columns: NDArray[np.uint64]
) -> None:
    """Shorten the formulas of the last beam and put them in order."""
    for place in range(n_found):
        # A join of two literals with the samples of one of them was no candidate.
        if beam.lengths[place] > 2:
            shorten(labels, beam, place, columns)
    # Shorter than they were found, formulas of equal score may change places.
    sort_by_text(labels, beam, n_found, spare)

"""The search of a block of neurons level by level, with the sums over labels made elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from invert_captum._compiling import compiled, kernel
from invert_captum.search.kernels.beam_search import finish, first_level, next_level, search_room
from invert_captum.search.kernels.beams import Beam, copy_formula
from invert_captum.search.kernels.members import write_all_members

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from invert_captum.search.kernels.beams import Limits
    from invert_captum.search.kernels.label_arrays import LabelArrays


@compiled
def _beam_of(beams: Beam, neuron: int) -> Beam:
    """Return the beam of one neuron, given beams whose arrays have the neurons in front."""
    return Beam(
        beams.literals[neuron],
        beams.operators[neuron],
        beams.lengths[neuron],
        beams.sizes[neuron],
        beams.rank_sums[neuron],
        beams.scores[neuron],
        beams.members[neuron],
        beams.is_new[neuron],
    )


@kernel
def start_block(
    labels: LabelArrays, limits: Limits, usable: NDArray[np.bool_], rank_sums: NDArray[np.int64],
    beams: Beam, counts: NDArray[np.int64],
) -> None:  # fmt: skip
    """Write the best literals of every usable neuron, given S(c), int64 of shape (d, k)."""
    scores = np.empty(2 * len(labels.counts))
    for neuron in range(len(counts)):
        counts[neuron] = 0
        if usable[neuron]:
            beam = _beam_of(beams, neuron)
            counts[neuron] = first_level(labels, limits, rank_sums[neuron], scores, beam)


@kernel
def advance_block(
    labels: LabelArrays, limits: Limits, rank_sums: NDArray[np.int64], joint: NDArray[np.int64],
    beams: Beam, next_beams: Beam, counts: NDArray[np.int64],
) -> None:  # fmt: skip
    """Write the next beams of all neurons, given N(f∧c) and S(f∧c), int64 of (d, b, k, 2)."""
    room = search_room(labels, limits)
    for neuron in range(len(counts)):
        beam, following = _beam_of(beams, neuron), _beam_of(next_beams, neuron)
        parents = np.flatnonzero(beam.is_new[: counts[neuron]])
        if len(parents) == 0:
            for place in range(counts[neuron]):
                copy_formula(beam, place, following, place)
            continue
        counts[neuron] = next_level(
            labels, limits, rank_sums[neuron], joint[neuron], room.scores, beam, counts[neuron],
            parents, following,
        )  # fmt: skip


@kernel
def finish_block(
    labels: LabelArrays, limits: Limits, beams: Beam, counts: NDArray[np.int64],
    members: NDArray[np.uint64],
) -> None:  # fmt: skip
    """Shorten and order all found formulas.

    Args:
        labels: The labels.
        limits: What may be found.
        beams: The last beams, changed in place.
        counts: int64, shape (d,): how many formulas each has.
        members: uint64, shape (d, t, w): to be written, the patterns of the searched and of the
            held-out part that the first t formulas hold for.
    """
    room = search_room(labels, limits)
    column = np.empty(members.shape[2], np.uint64)
    for neuron in range(len(counts)):
        beam = _beam_of(beams, neuron)
        finish(labels, beam, counts[neuron], room.next_beam, room.columns)
        for place in range(min(counts[neuron], members.shape[1])):
            write_all_members(labels, beam, place, column, members[neuron, place])

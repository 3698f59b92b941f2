"""The arrays that hold the beam of one neuron while it is searched."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from invert_captum._compiling import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Beam(NamedTuple):
    """Up to b formulas of up to L literals, best first.

    Attributes:
        literals: int32, shape (b, L): see `formula_codes`.
        operators: int8, shape (b, L).
        lengths: int64, shape (b,).
        sizes: int64, shape (b,): how many searched samples a formula holds for.
        rank_sums: int64, shape (b,): the sum of their doubled mid-ranks.
        scores: float64, shape (b,).
        members: uint64, shape (b, w): the searched patterns that a formula holds for, as bits.
        is_new: bool, shape (b,): not yet joined with all literals.
    """

    literals: NDArray[np.int32]
    operators: NDArray[np.int8]
    lengths: NDArray[np.int64]
    sizes: NDArray[np.int64]
    rank_sums: NDArray[np.int64]
    scores: NDArray[np.float64]
    members: NDArray[np.uint64]
    is_new: NDArray[np.bool_]


class Limits(NamedTuple):
    """What a search may look for.

    Attributes:
        max_length: The number of literals at most.
        beam_width: How many formulas go from one level to the next.
        low: A formula holds for at least so many samples,
        high: and for at most so many.
        score_kind: What is maximised; see `scores`.
        n_samples: How many samples are searched.
    """

    max_length: int
    beam_width: int
    low: int
    high: int
    score_kind: int
    n_samples: int


@compiled
def empty_beam(limits: Limits, words: int) -> Beam:
    """Return room for a beam."""
    width, length = limits.beam_width, limits.max_length
    return Beam(
        np.empty((width, length), np.int32),
        np.empty((width, length), np.int8),
        np.empty(width, np.int64),
        np.empty(width, np.int64),
        np.empty(width, np.int64),
        np.empty(width, np.float64),
        np.empty((width, words), np.uint64),
        np.empty(width, np.bool_),
    )


@compiled
def copy_formula(source: Beam, place: int, target: Beam, to: int) -> None:
    """Copy one formula with all that is known of it."""
    target.literals[to] = source.literals[place]
    target.operators[to] = source.operators[place]
    target.lengths[to] = source.lengths[place]
    target.sizes[to] = source.sizes[place]
    target.rank_sums[to] = source.rank_sums[place]
    target.scores[to] = source.scores[place]
    target.members[to] = source.members[place]
    target.is_new[to] = source.is_new[place]

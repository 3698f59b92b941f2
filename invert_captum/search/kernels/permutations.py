"""Random permutations, each from a seed and a number of its own, the same on every machine.

The generator is xoshiro256** (Blackman and Vigna, ACM Transactions on Mathematical Software 47,
2021), its state filled by SplitMix64 (Steele, Lea and Flood, OOPSLA 2014). Whole numbers below a
bound come without bias by Lemire's method (ACM Transactions on Modeling and Computer Simulation 29,
2019), the shuffle is that of Fisher and Yates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from invert_captum._compiling import compiled, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    State = tuple[np.uint64, np.uint64, np.uint64, np.uint64]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_LOW_WORD = np.uint64(0xFFFFFFFF)


class GroupArrays(NamedTuple):
    """Samples by group and groups by size.

    Attributes:
        members: int32, shape (n,): the samples, group after group, ascending in each.
        starts: int64, shape (c,): where each group's samples begin. Groups of one size stand
            together.
        class_starts: int64, shape (s + 1,): where the groups of each size begin.
        sizes: int64, shape (s,): how many samples a group of each size has.
    """

    members: NDArray[np.int32]
    starts: NDArray[np.int64]
    class_starts: NDArray[np.int64]
    sizes: NDArray[np.int64]


@compiled
def _mixed(word: np.uint64) -> np.uint64:
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


@compiled
def start_state(seed: np.uint64, number: np.uint64) -> State:
    """Return the state of the generator that a seed and a number give.

    Under one seed, different numbers give different states: each step here can be undone.
    """
    word = _mixed(_mixed(seed + _STEP) + (number + np.uint64(1)) * _STEP)
    return (
        _mixed(word + _STEP),
        _mixed(word + np.uint64(2) * _STEP),
        _mixed(word + np.uint64(3) * _STEP),
        _mixed(word + np.uint64(4) * _STEP),
    )


@compiled
def _next_word(state: State) -> tuple[State, np.uint64]:
    """Return the next state and 64 random bits."""
    zero, one, two, three = state
    word = one * np.uint64(5)
    word = ((word << np.uint64(7)) | (word >> np.uint64(57))) * np.uint64(9)
    shifted = one << np.uint64(17)
    two ^= zero
    three ^= one
    one ^= two
    zero ^= three
    two ^= shifted
    three = (three << np.uint64(45)) | (three >> np.uint64(19))
    return (zero, one, two, three), word


@compiled
def _next_below(state: State, bound: np.uint64) -> tuple[State, np.int64]:
    """Return the next state and a whole number from 0 to ``bound`` − 1, bound < 2³²."""
    state, word = _next_word(state)
    product = (word >> np.uint64(32)) * bound
    if (product & _LOW_WORD) < bound:
        least = ((np.uint64(1) << np.uint64(32)) - bound) % bound
        while (product & _LOW_WORD) < least:
            state, word = _next_word(state)
            product = (word >> np.uint64(32)) * bound
    return state, np.int64(product >> np.uint64(32))


@compiled
def shuffle(state: State, entries: NDArray[np.int32]) -> State:
    """Put entries in random order, in place, and return the next state."""
    for last in range(len(entries) - 1, 0, -1):
        state, place = _next_below(state, np.uint64(last + 1))
        moved = entries[place]
        entries[place] = entries[last]
        entries[last] = moved
    return state


@kernel
def write_permutations(seed: np.uint64, first: int, out: NDArray[np.int32]) -> None:
    """Write permutations ``first``, ``first + 1``, … of n samples, int32 of shape (count, n)."""
    for row in range(len(out)):
        permutation = out[row]
        for sample in range(len(permutation)):
            permutation[sample] = sample
        shuffle(start_state(seed, np.uint64(first + row)), permutation)


@kernel
def write_group_permutations(
    seed: np.uint64, first: int, groups: GroupArrays, out: NDArray[np.int32]
) -> None:
    """Write permutations that exchange whole groups of equal size, int32 of shape (count, n)."""
    targets = np.empty(len(groups.starts), np.int32)
    for row in range(len(out)):
        state = start_state(seed, np.uint64(first + row))
        for group in range(len(targets)):
            targets[group] = group
        for number in range(len(groups.sizes)):
            low, high = groups.class_starts[number], groups.class_starts[number + 1]
            state = shuffle(state, targets[low:high])
            for group in range(low, high):
                start, target = groups.starts[group], groups.starts[targets[group]]
                for member in range(groups.sizes[number]):
                    out[row, groups.members[start + member]] = groups.members[target + member]

"""The passes over the labels that everything is counted with.

With doubled mid-ranks r, S(m) = Σ_{i∈m} r_i and N(m) = |m|, one pass over the labels of the
samples in f gives N(f∧c) and S(f∧c) for every concept c at once; those of f∧¬c, f∨c and f∨¬c
follow by subtraction. Samples with the same labels are one pattern with a weight and a rank sum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from invert_captum._compiling import compiled
from invert_captum.search.kernels.bit_sets import count_bits, lowest_bit, tail_word

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from invert_captum.search.kernels.label_arrays import LabelArrays


# How many neurons share one pass over all labels: a cache line of 64-bit sums.
LANES = 8


@compiled
def concept_sums(
    labels: LabelArrays, pattern_sums: NDArray[np.int64], out: NDArray[np.int64]
) -> None:
    """Write S(c) of every concept for eight neurons at once.

    Args:
        labels: The labels.
        pattern_sums: int64, shape (8, 2, g): the rank sums of the patterns by neuron and part.
        out: int64, shape (k, 8), to be written.
    """
    out[:] = 0
    for pattern in range(labels.n_searched):
        sum_0, sum_1 = pattern_sums[0, 0, pattern], pattern_sums[1, 0, pattern]
        sum_2, sum_3 = pattern_sums[2, 0, pattern], pattern_sums[3, 0, pattern]
        sum_4, sum_5 = pattern_sums[4, 0, pattern], pattern_sums[5, 0, pattern]
        sum_6, sum_7 = pattern_sums[6, 0, pattern], pattern_sums[7, 0, pattern]
        for at in range(labels.row_starts[pattern], labels.row_starts[pattern + 1]):
            concept = labels.concepts[at]
            # Written out, because only so are the eight additions made in one instruction.
            out[concept, 0] += sum_0
            out[concept, 1] += sum_1
            out[concept, 2] += sum_2
            out[concept, 3] += sum_3
            out[concept, 4] += sum_4
            out[concept, 5] += sum_5
            out[concept, 6] += sum_6
            out[concept, 7] += sum_7


@compiled
def joint_sums(
    labels: LabelArrays, pattern_sums: NDArray[np.int64], rank_sums: NDArray[np.int64],
    members: NDArray[np.uint64], out: NDArray[np.int64],
) -> None:  # fmt: skip
    """Write N(f∧c) and S(f∧c) of every concept c, visiting only the patterns of f.

    If f holds for more than half of the patterns, the others are visited, and what they have is
    taken from N(c) and S(c).

    Args:
        labels: The labels.
        pattern_sums: int64, shape (g,): the rank sums of one neuron's patterns.
        rank_sums: int64, shape (k,): S(c).
        members: The patterns of f, as bits.
        out: int64, shape (k, 2), to be written.
    """
    n_members = 0
    for word in members:
        n_members += np.int64(count_bits(word))
    inverted = 2 * n_members > labels.n_searched
    if inverted:
        for concept in range(len(out)):
            out[concept, 0], out[concept, 1] = labels.counts[concept], rank_sums[concept]
    else:
        out[:] = 0
    sign = -1 if inverted else 1
    for place in range(len(members)):
        word = ~members[place] if inverted else members[place]
        if place == len(members) - 1:
            word &= tail_word(labels.n_searched)
        while word != np.uint64(0):
            pattern = (place << 6) + np.int64(lowest_bit(word))
            word &= word - np.uint64(1)
            weight, rank_sum = sign * labels.weights[0, pattern], sign * pattern_sums[pattern]
            for at in range(labels.row_starts[pattern], labels.row_starts[pattern + 1]):
                concept = labels.concepts[at]
                out[concept, 0] += weight
                out[concept, 1] += rank_sum

"""Sets of label patterns as bits, 64 patterns a word; bits past the last pattern are zero."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import types
from numba.extending import intrinsic

from invert_captum._compiling import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.uint64]

# How two sets are joined: f&c, f&~c, f|c, f|~c.
AND, AND_NOT, OR, OR_NOT = 0, 1, 2, 3


@intrinsic
def lowest_bit(context: Any, word: Any) -> Any:  # noqa: ARG001
    """Return the place of the lowest set bit of a word that is not zero."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        from llvmlite import ir

        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), build


@intrinsic
def count_bits(context: Any, word: Any) -> Any:  # noqa: ARG001
    """Return how many bits of a word are set."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), build


@compiled
def n_words(n_bits: int) -> int:
    """Return how many words hold ``n_bits`` bits."""
    return (n_bits + 63) >> 6


@compiled
def tail_word(n_bits: int) -> np.uint64:
    """Return the last word of the set of all ``n_bits`` patterns."""
    rest = n_bits & 63
    if rest == 0:
        return np.uint64(0xFFFFFFFFFFFFFFFF)
    return (np.uint64(1) << np.uint64(rest)) - np.uint64(1)


@compiled
def contains(words: Words, bit: int) -> bool:
    """Return whether ``bit`` is in the set."""
    return (words[bit >> 6] >> np.uint64(bit & 63)) & np.uint64(1) != np.uint64(0)


@compiled
def write_column(rows: NDArray[np.int32], negated: bool, n_bits: int, out: Words) -> None:
    """Write the set of ``rows``, or its complement if ``negated``, to ``out``."""
    out[:] = np.uint64(0xFFFFFFFFFFFFFFFF) if negated else np.uint64(0)
    for row in rows:
        out[row >> 6] ^= np.uint64(1) << np.uint64(row & 63)
    if negated:
        out[-1] &= tail_word(n_bits)


@compiled
def write_join(parent: Words, rows: NDArray[np.int32], join: int, n_bits: int, out: Words) -> None:
    """Write ``parent`` joined with the set of ``rows`` to ``out``."""
    if join in (AND, OR_NOT):
        # Inside the rows as the parent, outside all or nothing.
        out[:] = np.uint64(0xFFFFFFFFFFFFFFFF) if join == OR_NOT else np.uint64(0)
        for row in rows:
            bit = np.uint64(1) << np.uint64(row & 63)
            if contains(parent, row) != (join == OR_NOT):
                out[row >> 6] ^= bit
        out[-1] &= tail_word(n_bits)
    else:
        out[:] = parent
        for row in rows:
            bit = np.uint64(1) << np.uint64(row & 63)
            out[row >> 6] = out[row >> 6] | bit if join == OR else out[row >> 6] & ~bit


@compiled
def equal(first: Words, second: Words) -> bool:
    """Return whether two sets are the same."""
    for place in range(len(first)):
        if first[place] != second[place]:
            return False
    return True


@compiled
def complementary(first: Words, second: Words, n_bits: int) -> bool:
    """Return whether one set is just what the other leaves out."""
    for place in range(len(first) - 1):
        if first[place] != ~second[place]:
            return False
    return first[-1] == ~second[-1] & tail_word(n_bits)

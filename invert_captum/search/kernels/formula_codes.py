"""Formulas as arrays of integers, in the canonical form of `Formula`.

A formula is joined literal by literal, so that its parts nest in one line: its literals stand in
runs of one operator each, from the innermost run to the outermost. ``((a & b) | c | d) & e`` has
the literals ``a b c d e`` with the operators ``& & | | &``. Within a run the literals are in
alphabetical order, each once. A single literal has the operator `NO_OPERATOR`.

Literal c < k is concept c, literal k + c its negation. ``order`` gives the alphabetical places of
the texts of the 2k literals, among which the opening parenthesis has the place ``order[2k]``.
Because no literal's text goes on, where another's ends, with a character that sorts before the
space or the parenthesis that may follow, comparing places compares texts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from invert_captum._compiling import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Literals = NDArray[np.int32]
    Operators = NDArray[np.int8]

AND_OPERATOR, OR_OPERATOR, NO_OPERATOR = np.int8(0), np.int8(1), np.int8(-1)


@compiled
def append(
    literals: Literals, operators: Operators, length: int, literal: int, operator: int,
    order: NDArray[np.int32],
) -> int:  # fmt: skip
    """Join a formula with a literal, in place, and return its new length."""
    if length == 1:
        operators[0] = operator
    start = length
    while start > 0 and operators[start - 1] == operator:
        start -= 1
    place = length
    while place > start and order[literals[place - 1]] > order[literal]:
        place -= 1
    if place > start and literals[place - 1] == literal:
        if length == 1:
            operators[0] = NO_OPERATOR
        return length
    for later in range(length, place, -1):
        literals[later] = literals[later - 1]
    literals[place] = literal
    operators[length] = operator
    return length + 1


@compiled
def write_without(
    literals: Literals, operators: Operators, length: int, first: int, last: int,
    order: NDArray[np.int32], out_literals: Literals, out_operators: Operators,
) -> int:  # fmt: skip
    """Write the formula without its literals ``first`` … ``last - 1``; return its length."""
    new_length = np.int64(0)
    for place in range(length):
        if first <= place < last:
            continue
        if new_length == 0:
            out_literals[0], out_operators[0] = literals[place], NO_OPERATOR
            new_length = np.int64(1)
        else:
            new_length = append(
                out_literals, out_operators, new_length, literals[place], operators[place], order
            )
    return new_length


@compiled
def write_text_key(
    literals: Literals, operators: Operators, length: int, order: NDArray[np.int32],
    out: NDArray[np.int32],
) -> None:  # fmt: skip
    """Write what sorts formulas of equal length as their texts sort: at most 3·length numbers."""
    out[:] = -1
    at, stop = 0, length
    while True:
        start = stop - 1
        while start > 0 and operators[start - 1] == operators[stop - 1]:
            start -= 1
        for place in range(start, stop):
            if place > start:
                out[at] = operators[place]
                at += 1
            out[at] = order[literals[place]]
            at += 1
        if start == 0:
            return
        out[at], out[at + 1] = operators[stop - 1], order[-1]
        at += 2
        stop = start


@compiled
def comes_before(
    length: int, key: NDArray[np.int32], other_length: int, other_key: NDArray[np.int32]
) -> bool:
    """Return whether a formula is shorter than another, or as long and alphabetically first."""
    if length != other_length:
        return length < other_length
    for place in range(len(key)):
        if key[place] != other_key[place]:
            return key[place] < other_key[place]
    return False

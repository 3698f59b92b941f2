"""Parts of a found formula that it does not need."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from invert_captum._compiling import compiled
from invert_captum.search.kernels.beams import copy_formula
from invert_captum.search.kernels.bit_sets import write_column
from invert_captum.search.kernels.formula_codes import (
    AND_OPERATOR,
    comes_before,
    write_text_key,
    write_without,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from invert_captum.search.kernels.beams import Beam
    from invert_captum.search.kernels.label_arrays import LabelArrays


@compiled
def shorten(labels: LabelArrays, beam: Beam, place: int, columns: NDArray[np.uint64]) -> None:
    """Drop parts of a formula, in place, as long as its set of samples stays the same.

    A search compares a formula with those that it visited; a shorter one for the same samples may
    lie on a path that its beam left.

    Args:
        labels: The labels.
        beam: Where the formula stands,
        place: and at which place.
        columns: uint64, shape (L, w), overwritten.
    """
    literals, operators = beam.literals[place], beam.operators[place]
    shorter, shorter_operators = np.empty_like(literals), np.empty_like(operators)
    best, best_operators = np.empty_like(literals), np.empty_like(operators)
    key, best_key = np.empty(3 * len(literals), np.int32), np.empty(3 * len(literals), np.int32)
    while beam.lengths[place] > 1:
        length = beam.lengths[place]
        _write_columns(labels, literals, length, columns)
        best_length = 0
        for last in range(1, length + 1):
            ends_part = last < length and last > 1 and operators[last] != operators[last - 1]
            for first in (last - 1, 0):
                # One literal, or all inside a parenthesis that closes here.
                if first == 0 and last > 1 and not ends_part:
                    continue
                if not _same_without(operators, length, first, last, columns, beam.members[place]):
                    continue
                new_length = write_without(
                    literals, operators, length, first, last, labels.order,
                    shorter, shorter_operators,
                )  # fmt: skip
                write_text_key(shorter, shorter_operators, new_length, labels.order, key)
                if best_length == 0 or comes_before(new_length, key, best_length, best_key):
                    best_length = new_length
                    best[:], best_operators[:], best_key[:] = shorter, shorter_operators, key
        if best_length == 0:
            return
        literals[:], operators[:] = best, best_operators
        beam.lengths[place] = best_length


@compiled
def _write_columns(
    labels: LabelArrays, literals: NDArray[np.int32], length: int, columns: NDArray[np.uint64]
) -> None:
    n_concepts = len(labels.counts)
    for place in range(length):
        concept = literals[place] % n_concepts
        rows = labels.rows[labels.column_starts[concept] : labels.column_stops[concept]]
        write_column(rows, literals[place] >= n_concepts, labels.n_searched, columns[place])


@compiled
def _same_without(
    operators: NDArray[np.int8], length: int, first: int, last: int,
    columns: NDArray[np.uint64], members: NDArray[np.uint64],
) -> bool:  # fmt: skip
    """Return whether the formula without some of its literals holds for the same patterns."""
    for word in range(len(members)):
        value = np.uint64(0)
        is_first = True
        for place in range(length):
            if first <= place < last:
                continue
            column = columns[place, word]
            if is_first:
                value = column
                is_first = False
            elif operators[place] == AND_OPERATOR:
                value &= column
            else:
                value |= column
        if value != members[word]:
            return False
    return True


@compiled
def sort_by_text(labels: LabelArrays, beam: Beam, n_found: int, spare: Beam) -> None:
    """Order formulas of equal score, in place, by length and text."""
    keys = np.empty((n_found, 3 * beam.literals.shape[1]), np.int32)
    places = np.arange(n_found)
    for place in range(n_found):
        write_text_key(
            beam.literals[place], beam.operators[place], beam.lengths[place], labels.order,
            keys[place],
        )  # fmt: skip
        copy_formula(beam, place, spare, place)
        at = place
        while at > 0 and _goes_first(spare, keys, place, places[at - 1]):
            places[at] = places[at - 1]
            at -= 1
        places[at] = place
    for place in range(n_found):
        copy_formula(spare, places[place], beam, place)


@compiled
def _goes_first(beam: Beam, keys: NDArray[np.int32], place: int, other: int) -> bool:
    if beam.scores[place] != beam.scores[other]:
        return beam.scores[place] > beam.scores[other]
    return comes_before(beam.lengths[place], keys[place], beam.lengths[other], keys[other])

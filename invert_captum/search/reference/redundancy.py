"""Parts of a found formula that it does not need."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from invert_captum.search.formula import join

if TYPE_CHECKING:
    from collections.abc import Iterator

    from invert_captum.search.formula import ConceptColumns, Formula
    from invert_captum.search.reference.candidates import Found


def without_redundant_parts(found: Found, columns: ConceptColumns) -> Found:
    """Drop parts of a formula as long as its set of samples stays the same.

    A search compares a formula with those that it visited; a shorter one for the same samples may
    lie on a path that its beam left.

    Args:
        found: What the search found.
        columns: The labels that it saw, by the concept's name.

    Returns:
        *Found*: the same samples, by a formula that no part can be dropped from.
    """
    while True:
        shorter = [
            formula
            for formula in _one_part_less(found.formula)
            if np.array_equal(formula.evaluate(columns), found.mask)
        ]
        if not shorter:
            return found
        found = replace(found, formula=min(shorter, key=lambda f: (f.length, str(f))))


def _one_part_less(formula: Formula) -> Iterator[Formula]:
    if formula.operator is None:
        return
    for position, operand in enumerate(formula.operands):
        others = formula.operands[:position] + formula.operands[position + 1 :]
        yield join(formula.operator, others)
        for smaller in _one_part_less(operand):
            yield join(formula.operator, (*others, smaller))

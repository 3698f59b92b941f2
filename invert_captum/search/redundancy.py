"""Literals that a found formula does not need."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from invert_captum.search.candidates import Found
    from invert_captum.search.formula import ConceptColumns, Formula


def without_redundant_literals(found: Found, columns: ConceptColumns) -> Found:
    """Drop literals from a formula as long as its set of samples stays the same.

    A search compares a formula with those that it visited; a shorter one for the same samples may
    lie on a path that its beam left.

    Args:
        found: What the search found.
        columns: The labels that it saw, by the concept's name.

    Returns:
        *Found*: the same samples, by a formula that no literal can be dropped from.
    """
    while True:
        shorter = [
            formula
            for formula in _one_literal_less(found.formula)
            if np.array_equal(formula.evaluate(columns), found.mask)
        ]
        if not shorter:
            return found
        found = replace(found, formula=min(shorter, key=lambda f: (f.length, str(f))))


def _one_literal_less(formula: Formula) -> Iterator[Formula]:
    for position, operand in enumerate(formula.operands):
        others = formula.operands[:position] + formula.operands[position + 1 :]
        rest = others[0]
        for other in others[1:]:
            rest = rest & other if formula.operator == "&" else rest | other
        if operand.operator is None:
            yield rest
        for smaller in _one_literal_less(operand):
            yield rest & smaller if formula.operator == "&" else rest | smaller

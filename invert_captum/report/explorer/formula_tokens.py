"""A formula as a list of tokens, so that a page can link each concept in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from invert_captum.search import Formula

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Token: TypeAlias = str | dict[str, int]


def formula_tokens(formula: Formula, positions: Mapping[str, int]) -> list[Token]:
    """Split a formula into concepts and the text between them.

    Args:
        formula: The formula.
        positions: The index of every concept of it, by name.

    Returns:
        *list*: ``{"c": index}`` for a concept, text for all else; `token_text` of all of them,
        joined, is ``str(formula)``.

    Raises:
        KeyError: If a concept of the formula has no index.

    Examples:
        >>> formula_tokens(Formula.parse("box & ~(red | dog)"), {"box": 0, "dog": 1, "red": 2})
        [{'c': 0}, ' & ', '~', {'c': 1}, ' & ', '~', {'c': 2}]
    """
    return list(_tokens(formula, positions))


def token_text(token: Token, names: Sequence[str]) -> str:
    """Return how a token is written; names that are no bare words stand in double quotes."""
    return token if isinstance(token, str) else str(Formula.concept(names[token["c"]]))


def _tokens(formula: Formula, positions: Mapping[str, int]) -> Iterator[Token]:
    if formula.name is not None:
        if formula.negated:
            yield "~"
        yield {"c": positions[formula.name]}
    for place, operand in enumerate(formula.operands):
        if place:
            yield f" {formula.operator} "
        if operand.operator is None:
            yield from _tokens(operand, positions)
        else:
            yield "("
            yield from _tokens(operand, positions)
            yield ")"

"""Logical formulas over concept names: their canonical form, their text and their samples."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

Operator = Literal["&", "|"]

_BARE_NAME = re.compile(r"[A-Za-z0-9_.\-]+")


class ConceptColumns(Protocol):
    """Anything that gives a concept's boolean column for its name, such as a `ConceptSet`."""

    def __getitem__(self, name: str, /) -> NDArray[np.bool_]: ...


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula of concepts joined by AND, OR and NOT, in canonical form.

    Negations are pushed to the concepts (De Morgan), nested operands of the same operator are
    flattened, repeated operands are dropped, and operands are ordered: concepts, negated concepts,
    then parts in parentheses, each alphabetically. Formulas that differ only in these ways are
    equal and have the same hash. No other rule of logic is applied: ``a | a & b`` is not ``a``.

    Build formulas with `parse`, `concept` and the operators ``&``, ``|`` and ``~``; the fields are
    for reading.

    Attributes:
        name: The concept, if the formula is a single literal, else None.
        negated: Whether that literal is negated.
        operator: ``"&"`` or ``"|"``, or None for a literal.
        operands: At least two formulas that ``operator`` joins; empty for a literal.

    Raises:
        TypeError: If a literal's name is not a string.
        ValueError: If the fields do not make a formula in canonical form, or a name is empty.

    Source:
        Bykov et al., *Labeling Neural Representations with Inverse Recognition*, NeurIPS 2023,
        arXiv 2311.13594, section 3.

    Examples:
        >>> formula = Formula.parse('box & ~(mailbox | "pencil box")')
        >>> print(formula)
        box & ~"pencil box" & ~mailbox
        >>> formula.length
        3
        >>> formula == Formula.parse(str(formula))
        True
        >>> Formula.concept("dog") | ~Formula.concept("cat")
        Formula('dog | ~cat')
    """

    name: str | None
    negated: bool = False
    operator: Operator | None = None
    operands: tuple[Formula, ...] = ()

    def __post_init__(self) -> None:
        """Refuse fields that do not make a canonical formula."""
        if self.operator is None:
            if not isinstance(self.name, str):
                raise TypeError(f"name is {self.name!r}; expected the name of a concept (str)")
            if not self.name or self.operands:
                raise ValueError("a literal has a non-empty name and no operands")
        elif self.operator not in ("&", "|") or self.name is not None or self.negated:
            raise ValueError("a compound formula has operator '&' or '|', no name, no negation")
        elif self.operands != _canonical_operands(self.operator, self.operands):
            raise ValueError("operands are not in canonical form; use &, | and ~ to build formulas")

    @classmethod
    def concept(cls, name: str) -> Formula:
        """Return the formula that is a single concept.

        Args:
            name: Of the concept, any text that is not empty.

        Returns:
            *Formula* of length 1, not negated.

        Raises:
            TypeError: If ``name`` is not a string.
            ValueError: If ``name`` is empty.

        Examples:
            >>> print(Formula.concept("pencil box"))
            "pencil box"
        """
        return cls(name)

    @classmethod
    def parse(cls, text: str) -> Formula:
        r"""Read a formula from text.

        Args:
            text: ``~`` binds tightest, then ``&``, then ``|``; parentheses group. Names of letters,
                digits, ``_``, ``.`` and ``-`` stand bare; all others stand in double quotes, with
                ``\"`` and ``\\`` for a quote and a backslash.

        Returns:
            *Formula*: the canonical form of what was read.

        Raises:
            TypeError: If ``text`` is not a string.
            ValueError: If ``text`` is not a formula; the message shows where.

        Examples:
            >>> Formula.parse("a | b & ~a | b")
            Formula('a | b | (b & ~a)')
        """
        from invert_captum.search.formula_text import parse

        return parse(text)

    def __and__(self, other: Formula) -> Formula:
        return join("&", (self, other)) if isinstance(other, Formula) else NotImplemented

    def __or__(self, other: Formula) -> Formula:
        return join("|", (self, other)) if isinstance(other, Formula) else NotImplemented

    def __invert__(self) -> Formula:
        if self.operator is None:
            return Formula(self.name, not self.negated)
        dual: Operator = "|" if self.operator == "&" else "&"
        return join(dual, [~operand for operand in self.operands])

    @property
    def length(self) -> int:
        """The number of literals, a repeated concept counted as often as it stands.

        Examples:
            >>> Formula.parse("a & ~b & (a | c)").length
            4
        """
        return sum(1 for _ in self.literals())

    @property
    def concepts(self) -> tuple[str, ...]:
        """The names of the concepts in the formula, sorted, each once.

        Examples:
            >>> Formula.parse("b & ~a | b & c").concepts
            ('a', 'b', 'c')
        """
        return tuple(sorted({literal.name for literal in self.literals() if literal.name}))

    def literals(self) -> Iterator[Formula]:
        """Yield the literals from left to right.

        Yields:
            *Formula* of length 1: a concept or a negated concept.

        Examples:
            >>> [str(literal) for literal in Formula.parse("a & ~b").literals()]
            ['a', '~b']
        """
        if self.operator is None:
            yield self
        for operand in self.operands:
            yield from operand.literals()

    def evaluate(self, concepts: ConceptColumns) -> NDArray[np.bool_]:
        """Return for which samples the formula holds.

        Args:
            concepts: A `ConceptSet`, or anything that gives a boolean column of shape (n,) for a
                name, such as a dict of arrays.

        Returns:
            *numpy.ndarray* of bool, shape (n,).

        Raises:
            KeyError: If ``concepts`` has no column for a concept of the formula.

        Examples:
            >>> import numpy as np
            >>> columns = {"a": np.array([True, True, False]), "b": np.array([True, False, False])}
            >>> Formula.parse("a & ~b").evaluate(columns)
            array([False,  True, False])
        """
        if self.name is not None:
            column = np.asarray(concepts[self.name], dtype=np.bool_)
            return ~column if self.negated else column.copy()
        join = np.logical_and if self.operator == "&" else np.logical_or
        result = self.operands[0].evaluate(concepts)
        for operand in self.operands[1:]:
            join(result, operand.evaluate(concepts), out=result)
        return result

    def __str__(self) -> str:
        if self.name is not None:
            return f"{'~' if self.negated else ''}{_quoted(self.name)}"
        parts = (f"({part})" if part.operator else str(part) for part in self.operands)
        return f" {self.operator} ".join(parts)

    def __repr__(self) -> str:
        return f"Formula({str(self)!r})"


def join(operator: Operator, operands: Iterable[Formula]) -> Formula:
    """Return the canonical formula of one or more ``operands`` joined by ``operator``.

    Examples:
        >>> join("|", [Formula.concept("b"), Formula.parse("a | c")])
        Formula('a | b | c')
    """
    canonical = _canonical_operands(operator, operands)
    if len(canonical) == 1:
        return canonical[0]
    return Formula(None, operator=operator, operands=canonical)


def _quoted(name: str) -> str:
    if _BARE_NAME.fullmatch(name):
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _order(formula: Formula) -> tuple[bool, bool, str]:
    return formula.operator is not None, formula.negated, str(formula)


def _canonical_operands(operator: Operator, operands: Iterable[Formula]) -> tuple[Formula, ...]:
    flat: set[Formula] = set()
    for operand in operands:
        flat.update(operand.operands if operand.operator == operator else (operand,))
    return tuple(sorted(flat, key=_order))

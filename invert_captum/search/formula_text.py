"""The parser of formulas: text in, `Formula` out."""

from __future__ import annotations

import re

from invert_captum.search.formula import Formula, join

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<symbol>[&|~()])
      | (?P<bare>[A-Za-z0-9_.\-]+)
      | "(?P<quoted>(?:[^"\\]|\\["\\])+)"
      | (?P<end>\Z)
    )""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r'\\(["\\])')

# Deeper text is no formula that a person or a search wrote, and would exhaust the stack.
_MAX_DEPTH = 100


def parse(text: str) -> Formula:
    """Return the formula that ``text`` spells; see `Formula.parse`."""
    if not isinstance(text, str):
        raise TypeError(f"text is {type(text).__name__}; expected a formula as str")
    return _Parser(text).whole()


class _Parser:
    """Recursive descent over ``|``, ``&``, ``~`` and parentheses, loosest first."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.depth = 0
        self._advance()

    def whole(self) -> Formula:
        formula = self._disjunction()
        if self.kind != "end":
            raise self._error("an operator (& or |) or the end")
        return formula

    def _advance(self) -> None:
        match = _TOKEN.match(self.text, self.position)
        if match is None:
            start = re.compile(r"\s*").match(self.text, self.position)
            self.start = start.end() if start else self.position
            raise self._error('a name, ~, &, | or a parenthesis (other names need "double quotes")')
        self.kind = str(match.lastgroup)
        self.value = match.group(self.kind)
        self.start = match.start(self.kind)
        self.position = match.end()

    def _error(self, expected: str) -> ValueError:
        shown = f"{self.text[: self.start]}»{self.text[self.start :]}"
        return ValueError(f"text is no formula at »: {shown!r}; expected {expected}")

    def _accept(self, symbol: str) -> bool:
        if self.kind == "symbol" and self.value == symbol:
            self._advance()
            return True
        return False

    def _disjunction(self) -> Formula:
        operands = [self._conjunction()]
        while self._accept("|"):
            operands.append(self._conjunction())
        return join("|", operands)

    def _conjunction(self) -> Formula:
        operands = [self._negation()]
        while self._accept("&"):
            operands.append(self._negation())
        return join("&", operands)

    def _negation(self) -> Formula:
        negated = False
        while self._accept("~"):
            negated = not negated
        formula = self._atom()
        return ~formula if negated else formula

    def _atom(self) -> Formula:
        if self.kind == "bare":
            name = self.value
        elif self.kind == "quoted":
            name = _ESCAPE.sub(r"\1", self.value)
        else:
            return self._group()
        self._advance()
        return Formula.concept(name)

    def _group(self) -> Formula:
        if not self._accept("("):
            raise self._error("a concept's name, ~ or (")
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise self._error(f"at most {_MAX_DEPTH} nested parentheses")
        formula = self._disjunction()
        self.depth -= 1
        if not self._accept(")"):
            raise self._error("& or | or )")
        return formula

"""Checks of arguments, with messages that name the argument, what came and what is expected."""

from __future__ import annotations

import difflib
import math
import numbers
from collections.abc import Iterable, Mapping, Set
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_LISTED = 5


def check_choice(name: str, value: object, choices: Iterable[object]) -> None:
    """Raise `ValueError` unless ``value`` is one of ``choices``, listing them."""
    valid = list(choices)
    # `in` compares with ==, on which arrays raise; only the listed values may pass.
    if not isinstance(value, (str, type(None))) or value not in valid:
        listed = ", ".join(repr(choice) for choice in valid)
        raise ValueError(f"{name} is {value!r}; expected one of {listed}")


def check_integer(name: str, value: object, *, minimum: int) -> int:
    """Return ``value`` as an `int`, or raise unless it is whole and at least ``minimum``."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} is {value!r}; expected an integer of at least {minimum}")
    if value < minimum:
        raise ValueError(f"{name} is {value}; expected an integer of at least {minimum}")
    return int(value)


def check_fraction(name: str, value: object, *, open_interval: bool = False) -> float:
    """Return ``value`` as a `float`, or raise unless it lies in [0, 1] (or inside it, if open)."""
    interval = "(0, 1)" if open_interval else "[0, 1]"
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} is {value!r}; expected a number in {interval}")
    number = float(value)
    inside = 0.0 < number < 1.0 if open_interval else 0.0 <= number <= 1.0
    if math.isnan(number) or not inside:
        raise ValueError(f"{name} is {value}; expected a number in {interval}")
    return number


def nearest_names(name: str, names: Iterable[str], *, count: int = 5) -> str:
    """Return the ``names`` most like ``name``, for the end of an error message."""
    close = difflib.get_close_matches(name, list(names), n=count, cutoff=0.3)
    return ", ".join(repr(match) for match in close) if close else "no similar name"


def as_list(argument: str, value: object) -> list[object]:
    """Return the entries of ``value``, refusing a single string and unordered containers."""
    if isinstance(value, (str, bytes, Mapping, Set)) or not isinstance(value, Iterable):
        raise TypeError(
            f"{argument} is {shown(value)}; expected a sequence of entries, such as a list"
        )
    # Arrays and tensors give Python scalars through `tolist`, which iterating does not.
    plain = value.tolist() if hasattr(value, "tolist") else list(value)
    if not isinstance(plain, list):
        raise TypeError(f"{argument} is {shown(value)}; expected a sequence of entries")
    return [entry.tolist() if hasattr(entry, "tolist") else entry for entry in plain]


def listed(items: Sequence[object]) -> str:
    """Return the first of ``items`` for an error message, and how many more there are."""
    first = ", ".join(repr(item) for item in items[:_LISTED])
    more = len(items) - _LISTED
    return f"{first} and {more:,} more" if more > 0 else first


def shown(value: object) -> str:
    """Return ``value`` for an error message: its text, cut short, and its type."""
    text = repr(value)
    return f"{text if len(text) <= 60 else text[:57] + '...'} ({type(value).__name__})"

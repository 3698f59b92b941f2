"""Checks of arguments, with messages that name the argument, what came and what is expected."""

from __future__ import annotations

import difflib
import math
import numbers
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


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

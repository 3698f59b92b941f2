"""Keyword arguments of a call that are meant for several functions."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from invert_captum._validation import nearest_names

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping


def split_arguments(
    arguments: Mapping[str, Any], *functions: Callable[..., Any], reserved: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Give each function those of ``arguments`` that it takes; several may take the same one.

    Args:
        arguments: Keyword arguments.
        *functions: The functions; one with ``**kwargs`` takes what no other does.
        reserved: Names of parameters that the caller fills in itself.

    Returns:
        One dict per function.

    Raises:
        TypeError: no function takes an argument; the message names the nearest ones.

    Examples:
        >>> split_arguments({"sep": "", "key": abs}, print, sorted)
        [{'sep': ''}, {'key': <built-in function abs>}]
    """
    known = [_parameters(function, reserved) for function in functions]
    valid = {name for names, _ in known for name in names}
    unknown = {name for name in arguments if name not in valid}
    if unknown and not any(takes_all for _, takes_all in known):
        first = next(name for name in arguments if name in unknown)
        raise TypeError(
            f"unexpected argument {first!r}; nearest names: {nearest_names(first, sorted(valid))}"
        )
    return [
        {
            name: value
            for name, value in arguments.items()
            if name in names or (takes_all and name in unknown)
        }
        for names, takes_all in known
    ]


def _parameters(
    function: Callable[..., Any], reserved: Collection[str]
) -> tuple[frozenset[str], bool]:
    parameters = inspect.signature(function).parameters.values()
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    names = frozenset(p.name for p in parameters if p.kind in by_name) - frozenset(reserved)
    return names, any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters)

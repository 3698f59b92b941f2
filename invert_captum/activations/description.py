"""The settings of an extraction as plain data, for the settings of a result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def describe_extraction(layers: Iterable[str], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return layers and settings as plain data.

    Args:
        layers: Names of the layers.
        settings: Arguments of the extraction, with ``reduce`` and ``dtype`` among them.

    Examples:
        >>> describe_extraction(["fc"], {"reduce": max, "dtype": None})
        {'layers': ['fc'], 'reduce': 'max', 'dtype': None}
    """
    reduce, dtype = settings["reduce"], settings["dtype"]
    # The repr of a function has its address, which no other run has.
    function = getattr(reduce, "func", reduce)
    named = getattr(function, "__qualname__", type(function).__qualname__)
    return {
        "layers": list(layers),
        **settings,
        "reduce": reduce if isinstance(reduce, str) else named,
        "dtype": None if dtype is None else str(dtype),
    }

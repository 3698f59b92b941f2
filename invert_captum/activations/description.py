"""The settings of an extraction as plain data, for the settings of a result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from invert_captum.activations.forward import KEPT_DTYPES
from invert_captum.activations.reducers import REDUCER_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def describe_extraction(layers: Iterable[str], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return layers and settings as plain data.

    Args:
        layers: Names of the layers.
        settings: Arguments of the extraction, with ``reduce`` and ``dtype`` among them.

    Examples:
        >>> describe_extraction(["fc"], {"reduce": "max", "dtype": None})
        {'layers': ['fc'], 'reduce': 'max', 'dtype': None}
        >>> describe_extraction(["fc"], {"reduce": max, "dtype": None})
        {'layers': ['fc'], 'reduce': 'builtins.max', 'dtype': None}
    """
    reduce, dtype = settings["reduce"], settings["dtype"]
    # The repr of a function has its address, which no other run has.
    function = getattr(reduce, "func", reduce)
    named = getattr(function, "__qualname__", type(function).__qualname__)
    if named in REDUCER_NAMES:
        # Not to be taken for the reduction of this name.
        named = f"{getattr(function, '__module__', type(function).__module__)}.{named}"
    return {
        "layers": list(layers),
        **settings,
        "reduce": reduce if isinstance(reduce, str) else named,
        "dtype": None if dtype is None else str(dtype),
    }


def settings_of(description: Mapping[str, Any] | None, own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that a description tells, to extract other inputs in the same way.

    Args:
        description: From `describe_extraction`; None if a result does not know how its activations
            were made.
        own: Settings to take then, and whose ``reduce`` is taken for a function of this name.

    Returns:
        ``reduce``, ``neuron_dim``, ``dtype`` and ``attribute_to_layer_input``.

    Raises:
        ValueError: If the activations were reduced by a function other than that of ``own``.

    Examples:
        >>> told = {"layers": ["fc"], "reduce": "max", "neuron_dim": None, "dtype": None}
        >>> settings_of({**told, "attribute_to_layer_input": False}, {})["reduce"]
        'max'
    """
    names = ("reduce", "neuron_dim", "dtype", "attribute_to_layer_input")
    if description is None:
        return {name: own[name] for name in names}
    told = {name: description[name] for name in names}
    if told["reduce"] not in REDUCER_NAMES:
        if not callable(own["reduce"]) or describe_extraction([], own)["reduce"] != told["reduce"]:
            raise ValueError(
                f"the labelled activations were reduced by the function {told['reduce']!r}, which "
                "this labeler does not know; expected an extraction with it first"
            )
        told["reduce"] = own["reduce"]
    told["dtype"] = {str(dtype): dtype for dtype in KEPT_DTYPES}.get(told["dtype"])
    return told

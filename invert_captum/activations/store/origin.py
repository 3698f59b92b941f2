"""What a store's activations come from, in plain data that two calls can be compared by."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import platform
import re
from types import ModuleType
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import DataLoader

from invert_captum._log import logger
from invert_captum._version import __version__
from invert_captum.activations.fingerprint import model_fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch import nn

    from invert_captum.activations.batches import Inputs
    from invert_captum.activations.forward import Recipe
    from invert_captum.activations.reducers import Reducer

_PACKAGES = ("torch", "captum", "numpy", "zarr")


def describe_origin(
    model: nn.Module,
    layers: Iterable[str],
    inputs: Inputs,
    recipe: Recipe,
    *,
    keyed_by_layer: bool,
) -> dict[str, Any]:
    """Return everything that must be the same when an extraction goes on, but the data set.

    Raises:
        ValueError: ``reduce`` is a function without a name.
    """
    size = inputs.batch_size if isinstance(inputs, DataLoader) else recipe.batch_size
    return {
        "model_module": type(model).__module__,
        "model_class": type(model).__qualname__,
        "model_sha256": model_fingerprint(model),
        "architecture_sha256": _architecture(model),
        "layers": list(layers),
        "keyed_by_layer": keyed_by_layer,
        "reduce": reducer_name(recipe.reduce),
        "neuron_dim": recipe.neuron_dim,
        "attribute_to_layer_input": bool(recipe.attribute_to_layer_input),
        "dtype": None if recipe.dtype is None else str(recipe.dtype),
        "batch_size": None if size is None else int(size),
    }


def _architecture(model: nn.Module) -> str:
    """Return the SHA-256 of what the model is made of; addresses are of one process only."""
    return hashlib.sha256(re.sub(r" at 0x[0-9a-fA-F]+", "", repr(model)).encode()).hexdigest()


def check_same_origin(before: Mapping[str, Any], now: Mapping[str, Any], location: str) -> None:
    """Raise `ValueError` unless a store was begun with the same model and arguments."""
    differing = [
        f"{name} {before.get(name)!r} (now {now[name]!r})"
        for name in now
        if name not in before or before[name] != now[name]
    ]
    if differing:
        raise ValueError(
            f"the activation store at {location!r} was begun with {', '.join(differing)}; "
            "expected the same as before, or another store"
        )


def reducer_name(reduce: Reducer) -> str:
    """Return a name by which a reduction is known again in another run.

    Raises:
        ValueError: it has none.

    Examples:
        >>> from functools import partial
        >>> from statistics import mean
        >>> reducer_name("max"), reducer_name(mean), reducer_name(partial(mean, weights=None))
        ('max', 'statistics.mean', 'functools.partial(statistics.mean, weights=None)')
    """
    if isinstance(reduce, str):
        return reduce
    if isinstance(reduce, functools.partial):
        given = [_value(one, f"argument {i}") for i, one in enumerate(reduce.args)]
        named = sorted(reduce.keywords.items())
        given += [f"{name}={_value(value, f'argument {name!r}')}" for name, value in named]
        return f"functools.partial({', '.join([reducer_name(reduce.func), *given])})"
    name = f"{getattr(reduce, '__module__', None)}.{getattr(reduce, '__qualname__', '')}"
    # Functions of C have their module as __self__.
    owner = getattr(reduce, "__self__", None)
    bound = not (owner is None or isinstance(owner, ModuleType))
    hidden = bound or getattr(reduce, "__closure__", None) is not None
    if hidden or name.endswith(".") or "<lambda>" in name:
        raise ValueError(
            f"reduce is {reduce!r}, which another run could not tell from others; with a store "
            "expected a named reduction, or a named function (def my_reduction(output): ...) "
            "that is no method and uses no variables of a function around it"
        )
    return name


def _value(value: object, place: str) -> str:
    """Return plain data as text that is the same for the same value only."""
    if isinstance(value, tuple):
        return f"({', '.join(_value(one, place) for one in value)},)"
    if type(value) in (type(None), bool, int, float, str, torch.dtype):
        return repr(value)
    raise ValueError(
        f"reduce is a functools.partial whose {place} is of type {type(value).__name__}, which "
        "another run could not tell from others; with a store expected None, a bool, an int, a "
        "float, a string, a torch.dtype, or a tuple of these"
    )


def warn_of_other_versions(before: Mapping[str, str]) -> None:
    """Log which packages of a store that is gone on with were others when it was begun."""
    differing = [
        f"{name} {before.get(name)} (now {version})"
        for name, version in package_versions().items()
        if before.get(name) != version
    ]
    if differing:
        logger.warning("the activation store was begun with %s", ", ".join(differing))


def package_versions() -> dict[str, str]:
    """Return the versions of Python, this package and those that make the numbers."""
    found = {name: importlib.metadata.version(name) for name in _PACKAGES}
    return {"python": platform.python_version(), "invert_captum": __version__, **found}

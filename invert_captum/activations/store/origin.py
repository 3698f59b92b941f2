"""What a store's activations come from, in plain data that two calls can be compared by."""

from __future__ import annotations

import functools
import importlib.metadata
import platform
from typing import TYPE_CHECKING, Any

from torch.utils.data import DataLoader

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
        "model_class": type(model).__qualname__,
        "model_sha256": model_fingerprint(model),
        "layers": list(layers),
        "keyed_by_layer": keyed_by_layer,
        "reduce": reducer_name(recipe.reduce),
        "neuron_dim": recipe.neuron_dim,
        "attribute_to_layer_input": bool(recipe.attribute_to_layer_input),
        "dtype": None if recipe.dtype is None else str(recipe.dtype),
        "batch_size": None if size is None else int(size),
    }


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
        given = [repr(one) for one in reduce.args]
        given += [f"{name}={value!r}" for name, value in sorted(reduce.keywords.items())]
        name = f"functools.partial({', '.join([reducer_name(reduce.func), *given])})"
    else:
        name = f"{getattr(reduce, '__module__', None)}.{getattr(reduce, '__qualname__', '')}"
    # A repr with an address is of an object whose state is not known.
    if name.endswith(".") or "<lambda>" in name or " at 0x" in name:
        raise ValueError(
            f"reduce is {reduce!r}, which another run could not tell from others; with a store "
            "expected a named reduction, or a named function (def my_reduction(output): ...)"
        )
    return name


def package_versions() -> dict[str, str]:
    """Return the versions of Python, this package and those that make the numbers."""
    found = {name: importlib.metadata.version(name) for name in _PACKAGES}
    return {"python": platform.python_version(), "invert_captum": __version__, **found}

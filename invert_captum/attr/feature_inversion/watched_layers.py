"""A forward pass that hands over what some layers give, and ends when it has them."""

from __future__ import annotations

import copy
import threading
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from invert_captum.activations.layers import resolve_layers
from invert_captum.activations.probes import LayerProbe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True)
class WatchedLayer:
    """What one layer gives, or gets.

    Attributes:
        name: What messages call it.
        module: The layer.
        at_input: Look at what it gets instead of what it gives.
    """

    name: str
    module: nn.Module
    at_input: bool = False

    @classmethod
    def of(cls, forward_func: object, argument: str, layer: object) -> WatchedLayer:
        """Find a layer by module or dotted name.

        Args:
            forward_func: The model, or a function that runs it, of which no names are known.
            argument: The name of the argument ``layer``, for messages.
            layer: A module, or the dotted name of one.

        Raises:
            TypeError: ``layer`` is neither, or a name although ``forward_func`` is no module.
            ValueError: the model has no layer of this name.
        """
        if isinstance(layer, nn.Module):
            named = forward_func.named_modules() if isinstance(forward_func, nn.Module) else ()
            names = (name for name, module in named if module is layer)
            return cls(next(names, type(layer).__name__), layer)
        if not isinstance(layer, str):
            raise TypeError(
                f"{argument} is of type {type(layer).__name__}; expected a torch.nn.Module or a "
                "dotted name"
            )
        if not isinstance(forward_func, nn.Module):
            raise TypeError(
                f"{argument} is {layer!r}, but forward_func is a function, of which no names are "
                "known; expected a torch.nn.Module"
            )
        # Compiled models and DataParallel list the layers with these words in front.
        plain = layer.removeprefix("_orig_mod.")
        model = forward_func
        if isinstance(forward_func, nn.DataParallel):
            model, plain = forward_func.module, plain.removeprefix("module.")
        try:
            ((name, module),) = resolve_layers(model, plain).items()
        except ValueError as error:
            raise ValueError(str(error).replace("layer", argument, 1)) from None
        return cls(name, module)

    def at(self, at_input: bool) -> WatchedLayer:
        """Return the layer, looked at where it gets or where it gives."""
        return replace(self, at_input=at_input)


def run_watched(
    forward: Callable[[], Any],
    layers: Sequence[WatchedLayer],
    *,
    to_end: bool,
    device_ids: Sequence[int] | None = None,
) -> tuple[Any, list[Any]]:
    """Run a model once and return what it gives and what its layers give.

    Args:
        forward: Runs the model.
        layers: The layers, each of which runs once in a forward pass.
        to_end: Whether the output of the model is asked for; if not, the pass ends as soon as all
            layers have run.
        device_ids: The order in which a `torch.nn.DataParallel` model splits its inputs.

    Returns:
        The model's output (None if it was not asked for), and one value per layer: copies, so that
        operations in place further on do not change them.

    Raises:
        ValueError: a layer does not run, or runs several times.
    """
    last = _Count(len(layers) if not to_end else -1)
    probes = [_Probe(layer.name, last) for layer in layers]
    output = None
    with ExitStack() as stack:
        for layer, probe in zip(layers, probes, strict=True):
            stack.callback(probe.watch(layer.module, at_input=layer.at_input).remove)
        with suppress(_AllSeen):
            output = forward()
    for probe in probes:
        probe.check_calls()
    return output, [probe.gathered(device_ids) for probe in probes]


class _AllSeen(Exception):  # noqa: N818 - no error
    """Ends a forward pass of which nothing more is needed."""


class _Count:
    """Counts the layers that a thread has run; DataParallel has one for each replica."""

    def __init__(self, n_layers: int) -> None:
        self._n_layers = n_layers
        self._seen: dict[int, int] = {}

    def add(self) -> None:
        thread = threading.get_ident()
        self._seen[thread] = self._seen.get(thread, 0) + 1
        if self._seen[thread] == self._n_layers:
            raise _AllSeen


class _Probe(LayerProbe):
    """Keeps what a layer gives, on each device."""

    def __init__(self, name: str, last: _Count) -> None:
        super().__init__(name, "mean")
        self._last = last
        self._values: dict[int, Any] = {}

    def forward(self, output: object) -> Any:
        """Keep a copy."""
        value = _copied(output)
        self._values[_device_index(value)] = value
        self._last.add()

    def gathered(self, device_ids: Sequence[int] | None) -> Any:
        """Return what was kept, the parts of several devices in the order of the inputs."""
        if len(self._values) == 1:
            return next(iter(self._values.values()))
        order = device_ids if device_ids is not None else sorted(self._values)
        return _joined([self._values[i] for i in order if i in self._values])


def _copied(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.clone()
    if isinstance(value, dict):
        # Outputs of transformers are dicts whose items are attributes, too.
        copied = copy.copy(value)
        for key, item in value.items():
            copied[key] = _copied(item)
        return copied
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(_copied, value))
    if type(value) in (tuple, list):
        return type(value)(_copied(item) for item in value)
    return value


def _device_index(value: Any) -> int:
    """Return the device of the first tensor in what a layer gives."""
    if isinstance(value, Tensor):
        return value.get_device()
    items = value.values() if isinstance(value, dict) else value
    if isinstance(value, (dict, tuple, list)):
        return max((_device_index(item) for item in items), default=-1)
    return -1


def _joined(values: list[Any]) -> Any:
    first = values[0]
    if isinstance(first, Tensor):
        return torch.cat([value.to(first.device) for value in values])
    if isinstance(first, dict):
        return {key: _joined([value[key] for value in values]) for key in first}
    if type(first) in (tuple, list):
        return type(first)(_joined(list(items)) for items in zip(*values, strict=True))
    return first

"""One neuron of a layer handed to Captum's neuron attribution, with the same reduction."""

from __future__ import annotations

import inspect
import numbers
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from captum.attr import (
    NeuronAttribution,
    NeuronConductance,
    NeuronDeepLift,
    NeuronDeepLiftShap,
    NeuronIntegratedGradients,
)
from torch import Tensor
from torch.utils.data import DataLoader

from invert_captum.activations.arguments import split_arguments
from invert_captum.activations.batch import to_device
from invert_captum.activations.batches import check_inputs
from invert_captum.activations.evaluation import evaluating
from invert_captum.activations.extraction import extract_activations
from invert_captum.activations.forward import model_device
from invert_captum.activations.reducers import (
    Reducer,
    check_reducer,
    neuron_axis,
    neurons_first,
    only_tensor,
    position_index,
    reduce_output,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import nn

_FILLED_IN = ("self", "forward_func", "model", "layer", "device_ids", "inputs", "neuron_selector")


def attribute_neuron(
    model: nn.Module,
    layer: nn.Module,
    inputs: Tensor | tuple[Tensor, ...],
    neuron: int,
    method: type[NeuronAttribution] = NeuronIntegratedGradients,
    *,
    name: str = "layer",
    reduce: Reducer = "mean",
    neuron_dim: int | None = None,
    device_ids: Sequence[int] | None = None,
    **kwargs: Any,
) -> Tensor | tuple[Tensor, ...]:
    """Attribute the activation of one neuron, reduced over positions, to the inputs.

    The model runs in eval mode and is afterwards as it was. Tensors are moved to its device.

    Args:
        model: The model.
        layer: A module of it.
        inputs: A tensor or a tuple of tensors.
        neuron: Column of the activations.
        method: One of the ``Neuron*`` classes of `captum.attr`.
        name: Name of the layer, for error messages.
        reduce: As in `reduce_output`.
        neuron_dim: As in `reduce_output`.
        device_ids: Devices of a `torch.nn.DataParallel` model inside another module.
        **kwargs: Arguments of the method's constructor (``multiply_by_inputs``) and of its
            ``attribute``, such as ``baselines``, ``additional_forward_args`` or
            ``attribute_to_neuron_input``.

    Returns:
        Attributions in the shape of the inputs, without gradients of their own.

    Raises:
        TypeError: ``method`` is no neuron attribution, or does not know an argument.
        ValueError: the layer has no such neuron; or the method gives wrong numbers with this
            reduction: `NeuronConductance` applies the selector to the gradients of the layer too,
            which is right only if it picks one position; DeepLift's rules do not reach a
            reduction that is not linear.

    Examples:
        >>> from torch import nn
        >>> model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU())
        >>> tuple(attribute_neuron(model, model[1], torch.rand(2, 1, 6, 6), neuron=3).shape)
        (2, 1, 6, 6)
    """
    check_method(method)
    check_reducer(reduce, neuron_dim)
    if isinstance(inputs, DataLoader):
        raise TypeError("inputs is a DataLoader; expected a tensor or a tuple of tensors")
    check_inputs(inputs)
    in_constructor, in_call = split_arguments(kwargs, method, method.attribute, reserved=_FILLED_IN)
    device = model_device(model)
    in_call = {key: to_device(value, device) for key, value in in_call.items()}

    seen = _observe(model, layer, inputs, in_call, name=name, reduce=reduce, neuron_dim=neuron_dim)
    neuron = _check_neuron(neuron, seen.n_neurons, name)
    _check_reduction(method, reduce, seen)

    def select(output: object) -> Tensor:
        return reduce_output(output, reduce, neuron_dim, layer=name)[:, neuron]

    if "device_ids" in inspect.signature(method).parameters:
        in_constructor["device_ids"] = device_ids
    selector = seen.captum_index(neuron) if issubclass(method, NeuronConductance) else select
    with evaluating(model), _without_traces(model), torch.enable_grad():
        try:
            attribution = method(model, layer, **in_constructor).attribute(
                _with_gradients(inputs, device), selector, **in_call
            )
        except AssertionError as error:
            # Captum's checks of its arguments, such as a target that is missing.
            raise ValueError(f"{method.__name__} refuses its arguments: {error}") from error
    if isinstance(attribution, tuple):
        return tuple(one.detach() for one in attribution)
    detached: Tensor = attribution.detach()
    return detached


@dataclass(frozen=True)
class _LayerShape:
    """What a layer gives: axes without that of the inputs.

    ``position`` is the one position that the reduction picks, or None if it mixes several.
    """

    n_neurons: int
    axis: int = 1
    sizes: tuple[int, ...] | None = None
    position: tuple[int, ...] | None = None

    def captum_index(self, neuron: int) -> int | tuple[int, ...]:
        """Return ``neuron`` at the position as an index into one sample's output."""
        if not self.position:
            return neuron
        return (*self.position[: self.axis - 1], neuron, *self.position[self.axis - 1 :])


def check_method(method: object) -> None:
    """Raise `TypeError` unless ``method`` is one of Captum's neuron attribution classes."""
    if not inspect.isclass(method) or not issubclass(method, NeuronAttribution):
        raise TypeError(
            f"method is {method!r}; expected a subclass of captum.attr.NeuronAttribution, such as "
            "captum.attr.NeuronIntegratedGradients"
        )
    if method is NeuronAttribution:
        raise TypeError("method is NeuronAttribution, which is abstract; expected a subclass")


def _observe(
    model: nn.Module,
    layer: nn.Module,
    inputs: Tensor | tuple[Tensor, ...],
    in_call: dict[str, Any],
    *,
    name: str,
    reduce: Reducer,
    neuron_dim: int | None,
) -> _LayerShape:
    """Run the model once to see what the layer gives."""
    seen: list[_LayerShape] = []

    def observe(output: object) -> Tensor:
        rows = reduce_output(output, reduce, neuron_dim, layer=name)
        if isinstance(reduce, str):
            tensor = only_tensor(output, name)
            sizes = tuple(neurons_first(tensor, neuron_dim, name).shape[2:])
            axis = neuron_axis(tensor, neuron_dim, name)
            position = position_index(reduce, sizes)
            seen.append(_LayerShape(rows.shape[1], axis, sizes, position))
        else:
            seen.append(_LayerShape(rows.shape[1]))
        return rows

    extract_activations(
        model,
        {name: layer},
        inputs,
        reduce=observe,
        batch_size=len(inputs if isinstance(inputs, Tensor) else inputs[0]),
        additional_forward_args=in_call.get("additional_forward_args"),
        attribute_to_layer_input=bool(in_call.get("attribute_to_neuron_input", False)),
    )
    return seen[0]


@contextmanager
def _without_traces(model: nn.Module) -> Iterator[None]:
    """Remove what Captum's DeepLift leaves in modules behind the layer: their last tensors."""
    clean = [
        (module, trace)
        for module in model.modules()
        for trace in ("input", "output", "input_ref", "output_ref")
        if not hasattr(module, trace)
    ]
    try:
        yield
    finally:
        for module, trace in clean:
            if hasattr(module, trace):
                delattr(module, trace)


def _with_gradients(
    inputs: Tensor | tuple[Tensor, ...], device: torch.device | None
) -> Tensor | tuple[Tensor, ...]:
    """Return inputs that track gradients where they can, leaving the caller's own untouched."""
    if isinstance(inputs, tuple):
        return tuple(_tracked(tensor, device) for tensor in inputs)
    return _tracked(inputs, device)


def _tracked(tensor: Tensor, device: torch.device | None) -> Tensor:
    own: Tensor = to_device(tensor.detach(), device)
    return own.requires_grad_() if own.is_floating_point() else own


def _check_neuron(neuron: object, n_neurons: int, name: str) -> int:
    if isinstance(neuron, bool) or not isinstance(neuron, numbers.Integral):
        raise TypeError(f"neuron_selector is {neuron!r}; expected an integer")
    column = int(neuron)
    if not 0 <= column < n_neurons:
        raise ValueError(
            f"neuron_selector is {neuron}, but layer {name!r} has {n_neurons} neurons; "
            f"expected 0 to {n_neurons - 1}"
        )
    return column


def _check_reduction(method: type[NeuronAttribution], reduce: Reducer, seen: _LayerShape) -> None:
    """Raise where ``method`` would silently return wrong numbers for this reduction."""
    came = f"but reduce is {reduce!r} over positions {seen.sizes or 'unknown'}"
    alternatives = "expected NeuronIntegratedGradients or NeuronGradient"
    if issubclass(method, NeuronConductance) and seen.position is None:
        raise ValueError(
            f"method is {method.__name__}, which applies the reduction to the gradients of the "
            f"layer as well and so gives wrong values unless it picks one position, {came}; "
            f"{alternatives}"
        )
    linear = seen.position is not None or reduce == "mean" or callable(reduce)
    if issubclass(method, (NeuronDeepLift, NeuronDeepLiftShap)) and not linear:
        raise ValueError(
            f"method is {method.__name__}, whose rules do not reach a reduction that is not "
            f"linear, {came}; {alternatives}"
        )

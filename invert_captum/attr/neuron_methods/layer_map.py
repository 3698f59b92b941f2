"""Where in a layer one neuron was active, laid over the inputs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from captum.attr import LayerAttribution, LayerGradCam
from torch import Tensor

from invert_captum.activations.forward import model_device
from invert_captum.activations.reducers import neurons_first, only_tensor
from invert_captum.attr.layer_shape import LayerShape, ReducedLayer, check_neuron, observe_layer
from invert_captum.attr.upsampling import lay_over_inputs


def activation_map(
    layer: ReducedLayer,
    inputs: Tensor | tuple[Tensor, ...],
    neuron: int,
    additional_forward_args: object = None,
) -> Tensor:
    """Map a neuron's activation over the inputs: what every position adds to it.

    The share of a position is the activation there times the derivative of the reduced activation
    by it. All named reductions are homogeneous of degree one, so that by Euler's theorem the
    shares add up to the reduced activation before they are up-sampled: a/P of P positions for
    ``"mean"``, a²/‖a‖ for ``"l2"``, all of it at one position for ``"max"`` or ``"center"``.

    Args:
        layer: The layer and its reduction.
        inputs: A tensor or a tuple of tensors.
        neuron: Column of the activations.
        additional_forward_args: Further arguments of the model by position.

    Returns:
        As in `lay_over_inputs`.

    Raises:
        TypeError: ``neuron`` is no integer.
        ValueError: there is no such neuron, or the layer has no positions that fit the inputs.

    Examples:
        >>> model = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3))
        >>> layer = ReducedLayer(model, model[0])
        >>> activation_map(layer, torch.rand(2, 1, 9, 9), 3).shape
        torch.Size([2, 1, 9, 9])
    """
    sizes: list[torch.Size] = []

    def see(output: object) -> Tensor:
        shares = neuron_shares(output, layer, neuron)
        sizes.append(shares.shape[1:])
        return shares.flatten(1)

    flat = layer.run(inputs, see, additional_forward_args)
    shares = flat.reshape(-1, *sizes[0]).to(model_device(layer.model) or flat.device)
    return lay_over_inputs(shares, inputs, layer=layer.name)


def neuron_shares(output: object, layer: ReducedLayer, neuron: int) -> Tensor:
    """Return what every position of a layer's output adds to a neuron's reduced activation.

    Args:
        output: What the layer gives.
        layer: The layer and its reduction.
        neuron: Column of the activations.

    Returns:
        Shape (n, *positions).

    Raises:
        TypeError: ``neuron`` is no integer.
        ValueError: there is no such neuron; the layer has no positions; a callable reduction
            draws on several tensors or on none.

    Examples:
        >>> model = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3))
        >>> maps = torch.tensor([[[3.0, 4.0]]]).unsqueeze(2)
        >>> neuron_shares(maps, ReducedLayer(model, model[0], reduce="l2"), 0)
        tensor([[[1.8000, 3.2000]]])
    """
    leaves: list[Tensor] = []
    # Inside a call in inference mode autograd would not record.
    with torch.inference_mode(mode=False), torch.enable_grad():
        rows = layer.rows(_as_leaves(output, leaves))
        column = rows[:, check_neuron(neuron, rows.shape[1], layer.name)]
        slopes = (
            torch.autograd.grad(column.sum(), leaves, allow_unused=True)
            if column.requires_grad
            else [None] * len(leaves)
        )
    used = [(leaf, slope) for leaf, slope in zip(leaves, slopes, strict=True) if slope is not None]
    if len(used) != 1:
        raise ValueError(
            f"reduce draws neuron {neuron} of layer {layer.name!r} from {len(used)} tensors; "
            "expected one, so that its positions are known"
        )
    ((leaf, slope),) = used
    shares = neurons_first(leaf.detach() * slope, layer.neuron_dim, layer.name).sum(1)
    check_positions(tuple(shares.shape[1:]), layer)
    return shares


def channel_map(
    method: type[LayerAttribution],
    layer: ReducedLayer,
    inputs: Tensor | tuple[Tensor, ...],
    neuron: int,
    seen: LayerShape,
    attribution: object,
) -> Tensor:
    """Return a neuron's part of a layer attribution, up-sampled to the inputs.

    If the reduction picks one position, the neuron is that position, and the others are zero.

    Args:
        method: Which method made the attribution, for error messages.
        layer: The layer and its reduction.
        inputs: The inputs of the model.
        neuron: Column of the activations.
        seen: What the layer gives.
        attribution: What the method gave: a tensor, or a tuple with one.

    Raises:
        ValueError: the attribution has not the shape of the layer's output.
    """
    tensor = only_tensor(attribution, layer.name)
    if tuple(tensor.shape) != seen.shape:
        raise ValueError(
            f"method is {method.__name__}, which gives shape {tuple(tensor.shape)} where layer "
            f"{layer.name!r} gives {seen.shape}; expected one value per neuron and position"
        )
    channel = neurons_first(tensor.detach(), layer.neuron_dim, layer.name)[:, neuron]
    if seen.position is not None:
        only = torch.zeros(channel.shape[1:])
        only[seen.position] = 1
        channel = channel * only.to(channel)
    return lay_over_inputs(channel, inputs, layer=layer.name)


def observe_map(
    method: type[LayerAttribution],
    layer: ReducedLayer,
    inputs: Tensor | tuple[Tensor, ...],
    additional_forward_args: object = None,
) -> LayerShape:
    """Run the model once, and raise unless ``method`` can give a map of a neuron of ``layer``.

    Raises:
        TypeError: the method cannot attribute to what the layer gets, as was asked.
        ValueError: the method sums over neurons; the reduction is a callable, of which no channel
            is known; or the layer has no positions.
    """
    if issubclass(method, LayerGradCam):
        raise ValueError(
            f"method is {method.__name__}, which sums over the channels of the layer and so is "
            "not about one neuron; expected LayerActivation, LayerGradientXActivation or another "
            "method that gives one value per neuron"
        )
    if not isinstance(layer.reduce, str):
        raise ValueError(
            f"method is {method.__name__}, but reduce is {layer.reduce!r}, of whose columns no "
            "channel is known; expected a named reduction, or LayerActivation"
        )
    seen = observe_layer(layer, inputs, additional_forward_args)
    if seen.container is not None:
        raise ValueError(
            f"layer {layer.name!r} gives {seen.container.__name__}, which {method.__name__} cannot "
            "take; expected a layer that gives a tensor, or LayerActivation"
        )
    check_positions(seen.sizes or (), layer)
    return seen


@contextmanager
def out_of_place(layer: ReducedLayer) -> Iterator[None]:
    """Let no module of the model work in place inside the ``with`` block.

    `captum.attr.LayerIntegratedGradients` puts a tensor of its own in place of what the layer
    gives, which autograd then does not allow to change.

    Raises:
        ValueError: an operation that is no module changes it all the same.
    """
    in_place: list[Any] = [one for one in layer.model.modules() if getattr(one, "inplace", False)]
    try:
        for module in in_place:
            module.inplace = False
        yield
    except RuntimeError as error:
        if "in-place" not in str(error):
            raise
        raise ValueError(
            f"what layer {layer.name!r} gives is changed in place ({error}); expected a layer "
            "that nothing but modules changes in place, or LayerConductance"
        ) from error
    finally:
        for module in in_place:
            module.inplace = True


def check_positions(sizes: tuple[int, ...], layer: ReducedLayer) -> None:
    """Raise `ValueError` unless there are several positions to make a map of."""
    if math.prod(sizes) > 1:
        return
    what = "gets" if layer.at_input else "gives"
    hint = (
        "a layer with positions"
        if layer.at_input
        else "attribute_to_neuron_input=True to look at what the layer gets, if that has "
        "positions (such as that of a pooling layer), or a layer before it"
    )
    raise ValueError(
        f"layer {layer.name!r} {what} one number a neuron, without positions to make a map of; "
        f"expected {hint}"
    )


def _as_leaves(output: Any, leaves: list[Tensor]) -> Any:
    """Return ``output`` with detached tensors that track gradients, which go into ``leaves``."""
    if isinstance(output, Tensor):
        leaf = output.detach().clone()
        leaf = (leaf if leaf.is_floating_point() else leaf.float()).requires_grad_()
        leaves.append(leaf)
        return leaf
    if isinstance(output, Mapping):
        return {key: _as_leaves(item, leaves) for key, item in output.items()}
    if type(output) in (tuple, list):
        return type(output)(_as_leaves(item, leaves) for item in output)
    return output

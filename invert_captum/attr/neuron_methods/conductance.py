"""The conductance of a neuron that is a whole channel: that of its positions, together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from captum.attr import LayerGradientXActivation, NeuronGradient
from torch import Tensor

from invert_captum._validation import check_integer
from invert_captum.activations.batches import further_arguments
from invert_captum.activations.reducers import neurons_first, only_tensor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from invert_captum.attr.layer_shape import ReducedLayer

Baseline = Tensor | int | float


def channel_conductance(
    layer: ReducedLayer,
    inputs: Tensor | tuple[Tensor, ...],
    neuron: int,
    *,
    baselines: Baseline | tuple[Baseline, ...] | None = None,
    target: object = None,
    additional_forward_args: object = None,
    n_steps: int = 50,
    internal_batch_size: int | None = None,
    multiply_by_inputs: bool = True,
    grad_kwargs: dict[str, Any] | None = None,
) -> tuple[Tensor, ...]:
    """Return the conductance of a channel: how much of the prediction flows through it.

    It is the sum over all positions p of the channel of the conductance of Dhamdhere, Sundararajan
    and Yan ("How Important Is a Neuron?", ICLR 2019, eq. 3), (x - x') ∫ Σ_p ∂F/∂a_p ∂a_p/∂x dα
    along the straight path from x' to x. With the slopes g_p = ∂F/∂a_p held fixed the integrand is
    the gradient of Σ_p g_p a_p, so that one backward pass serves all positions. The integral is
    taken at the nodes of Gauss and Legendre.

    Args:
        layer: The layer; its reduction does not matter.
        inputs: A tensor or a tuple of tensors of floats, on the device of the model.
        neuron: Index of the channel.
        baselines: Where the path begins: one number or tensor per input. None: zero.
        target: Which output, in any form that Captum takes.
        additional_forward_args: Further arguments of the model by position; tensors with one row
            per sample go along with the samples.
        n_steps: How many points of the path are looked at.
        internal_batch_size: How many rows go through the model at once, at least those of one
            point. None: those of all points.
        multiply_by_inputs: Whether to multiply by x - x'.
        grad_kwargs: Options of `torch.autograd.grad` for the gradient by the layer.

    Returns:
        One tensor per input, in its shape.

    Raises:
        TypeError: an argument has the wrong type.
        ValueError: ``baselines`` does not fit the inputs.

    Examples:
        >>> from invert_captum.attr.layer_shape import ReducedLayer
        >>> model = torch.nn.Sequential(torch.nn.Conv1d(1, 2, 1, bias=False), torch.nn.Flatten())
        >>> x = torch.ones(1, 1, 3)
        >>> layer = ReducedLayer(model, model[0], neuron_dim=1)
        >>> (through,) = channel_conductance(layer, x, 0, target=0)
        >>> torch.allclose(through, x * model[0].weight[0, 0] * torch.tensor([1.0, 0, 0]))
        True
    """
    given = inputs if isinstance(inputs, tuple) else (inputs,)
    tensors = tuple(tensor.detach() for tensor in given)
    begins = _check_baselines(tensors, baselines)
    n_steps = check_integer("n_steps", n_steps, minimum=1)
    n_samples = len(tensors[0])
    n_together = n_steps
    if internal_batch_size is not None:
        size = check_integer("internal_batch_size", internal_batch_size, minimum=1)
        n_together = max(1, size // n_samples)

    totals = [torch.zeros_like(tensor) for tensor in tensors]
    for alphas, weights in _path(n_steps, n_together):
        points = tuple(
            torch.cat([begin + alpha * (tensor - begin) for alpha in alphas]).requires_grad_()
            for tensor, begin in zip(tensors, begins, strict=True)
        )
        extra = tuple(
            _for_points(value, len(alphas), n_samples)
            for value in further_arguments(additional_forward_args)
        )
        slopes = _slopes(
            layer, points, neuron, _target_for_points(target, len(alphas)), extra, grad_kwargs
        )
        for total, gradient in zip(totals, slopes, strict=True):
            steps = gradient.reshape(len(alphas), n_samples, *gradient.shape[1:])
            total += torch.tensordot(steps.new_tensor(weights), steps, dims=1)
    if not multiply_by_inputs:
        return tuple(totals)
    parts = zip(totals, tensors, begins, strict=True)
    return tuple(total * (tensor - begin) for total, tensor, begin in parts)


def _slopes(
    layer: ReducedLayer,
    points: tuple[Tensor, ...],
    neuron: int,
    target: Any,
    extra: tuple[object, ...],
    grad_kwargs: dict[str, Any] | None,
) -> tuple[Tensor, ...]:
    """Return the gradient of the prediction by the points, as far as it goes through the channel.

    Both gradients are Captum's, so that outputs are picked as it picks them.
    """
    ids = None if layer.device_ids is None else list(layer.device_ids)
    by_layer = LayerGradientXActivation(layer.model, layer.layer, ids, multiply_by_inputs=False)
    gradients = only_tensor(
        by_layer.attribute(
            points,
            target=target,
            additional_forward_args=extra or None,
            attribute_to_layer_input=layer.at_input,
            grad_kwargs=grad_kwargs,
        ),
        layer.name,
    )
    fixed = neurons_first(gradients.detach(), layer.neuron_dim, layer.name)[:, neuron]

    def through_channel(output: object) -> Tensor:
        channel = neurons_first(only_tensor(output, layer.name), layer.neuron_dim, layer.name)
        if len(channel) != len(fixed):
            raise ValueError(
                f"layer {layer.name!r} gives {len(channel)} of {len(fixed)} rows on one device; "
                "expected a model on a single device for the conductance of a channel"
            )
        return (channel[:, neuron] * fixed).flatten(1).sum(1)

    gradient = NeuronGradient(layer.model, layer.layer, ids).attribute(
        points,
        through_channel,
        additional_forward_args=extra or None,
        attribute_to_neuron_input=layer.at_input,
    )
    return tuple(one.detach() for one in gradient)


def _path(n_steps: int, n_together: int) -> Iterator[tuple[list[float], list[float]]]:
    """Yield nodes in [0, 1] and their weights, so many at a time."""
    nodes, weights = np.polynomial.legendre.leggauss(n_steps)
    for start in range(0, n_steps, n_together):
        some = slice(start, start + n_together)
        yield ((nodes[some] + 1) / 2).tolist(), (weights[some] / 2).tolist()


def _check_baselines(tensors: tuple[Tensor, ...], baselines: object) -> tuple[Baseline, ...]:
    given = baselines if isinstance(baselines, tuple) else (baselines,)
    if baselines is None:
        given = (0,) * len(tensors)
    if len(given) != len(tensors):
        raise ValueError(f"baselines has {len(given)} items, inputs has {len(tensors)}")
    for tensor, one in zip(tensors, given, strict=True):
        if isinstance(one, Tensor):
            if one.shape not in (tensor.shape, (1, *tensor.shape[1:])):
                raise ValueError(
                    f"baselines has shape {tuple(one.shape)} for inputs of shape "
                    f"{tuple(tensor.shape)}; expected the same shape, or one row"
                )
        elif isinstance(one, bool) or not isinstance(one, (int, float)):
            raise TypeError(f"baselines holds {one!r}; expected numbers, tensors or None")
    return given


def _for_points(value: Any, n_points: int, n_samples: int) -> Any:
    along = isinstance(value, Tensor) and value.ndim > 0 and len(value) == n_samples
    return value.repeat(n_points, *(1,) * (value.ndim - 1)) if along else value


def _target_for_points(target: Any, n_points: int) -> Any:
    if isinstance(target, list):
        return target * n_points
    several = isinstance(target, Tensor) and target.numel() > 1
    return target.repeat(n_points) if several else target

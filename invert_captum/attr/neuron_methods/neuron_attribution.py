"""One neuron of a layer handed to Captum, with the same reduction as its activations."""

from __future__ import annotations

import inspect
from contextlib import ExitStack, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from captum.attr import (
    LayerActivation,
    LayerAttribution,
    LayerIntegratedGradients,
    NeuronAttribution,
    NeuronConductance,
    NeuronDeepLift,
    NeuronFeatureAblation,
    NeuronIntegratedGradients,
)
from torch import Tensor
from torch.utils.data import DataLoader

from invert_captum.activations.arguments import split_arguments
from invert_captum.activations.batch import to_device
from invert_captum.activations.batches import check_inputs
from invert_captum.activations.evaluation import evaluating
from invert_captum.activations.forward import model_device
from invert_captum.activations.reducers import Reducer, check_reducer
from invert_captum.attr.activation_functions.activation_rules import (
    rule_of,
    with_activation_modules,
)
from invert_captum.attr.layer_shape import LayerShape, ReducedLayer, check_neuron, observe_layer
from invert_captum.attr.neuron_methods.captum_call import explained, without_traces
from invert_captum.attr.neuron_methods.completeness import warn_of_gap
from invert_captum.attr.neuron_methods.conductance import channel_conductance
from invert_captum.attr.neuron_methods.feature_grid import grid_feature_mask
from invert_captum.attr.neuron_methods.layer_map import (
    activation_map,
    channel_map,
    observe_map,
    out_of_place,
)
from invert_captum.attr.neuron_methods.method_choice import (
    check_complete,
    check_method,
    check_reduction,
    looks_at_input,
)
from invert_captum.attr.neuron_methods.reduced_rows import rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

_FILLED_IN = (
    *("self", "forward_func", "model", "layer", "device_ids", "inputs", "neuron_selector"),
    "return_convergence_delta",
)

# Arguments after which attributions need not add up to the change.
_NOT_COMPLETE = frozenset(("multiply_by_inputs", "custom_attribution_func"))


def attribute_neuron(
    model: nn.Module,
    layer: nn.Module,
    inputs: Tensor | tuple[Tensor, ...],
    neuron: int,
    method: type[NeuronAttribution | LayerAttribution] = NeuronIntegratedGradients,
    *,
    name: str = "layer",
    reduce: Reducer = "mean",
    neuron_dim: int | None = None,
    device_ids: Sequence[int] | None = None,
    attribute_to_neuron_input: bool = False,
    **kwargs: Any,
) -> Tensor | tuple[Tensor, ...]:
    """Attribute the activation of one neuron, reduced over positions, to the inputs.

    The model runs in eval mode and is afterwards as it was. Tensors are moved to its device.

    ``Neuron*`` methods go from the neuron to the inputs. Where Captum alone would give wrong
    numbers without a word, they are helped out: guided backpropagation, deconvolution and DeepLIFT
    run on a copy of the model in which their rules reach ReLU6 and modules that run several times;
    the conductance of a channel is the sum over its positions; and feature ablation takes the
    cells of a 14 x 14 grid over pictures unless ``feature_mask`` is given.

    ``Layer*`` methods give a map: the neuron's part in the layer, up-sampled to the inputs. For
    `LayerActivation` it is what each position adds to the reduced activation (`activation_map`),
    for the others, which ask for a ``target``, the neuron's part in the prediction.

    Args:
        model: The model.
        layer: A module of it.
        inputs: A tensor or a tuple of tensors.
        neuron: Column of the activations.
        method: One of the ``Neuron*`` or ``Layer*`` classes of `captum.attr`, or
            `NeuronGuidedFeatureInversion`.
        name: Name of the layer, for error messages.
        reduce: As in `reduce_output`.
        neuron_dim: As in `reduce_output`.
        device_ids: Devices of a `torch.nn.DataParallel` model inside another module.
        attribute_to_neuron_input: Look at what the layer gets instead of what it gives. ``Layer*``
            methods have ``attribute_to_layer_input`` for the same, which is taken, too.
        **kwargs: Arguments of the method's constructor (``multiply_by_inputs``,
            ``inversion_layer``) and of its ``attribute``, such as ``baselines``, ``target`` or
            ``additional_forward_args``.

    Returns:
        *Tensor*, or a tuple of them, in the shape of the inputs, without gradients of their own;
        for ``Layer*`` methods a map of shape (n, 1, height, width), or (n, tokens), see
        `lay_over_inputs`.

    Raises:
        TypeError: ``method`` is no attribution of a neuron or layer, does not know an argument, or
            lacks one; the model cannot be copied.
        ValueError: the layer has no such neuron; or the method gives wrong numbers with this
            reduction or these activation functions, or has no map of this layer; or there is no
            gradient on the way.

    Warns:
        InvertCaptumWarning: what ``NeuronDeepLift`` attributes does not add up, see `warn_of_gap`;
            or the neuron is silent on pictures, of which `NeuronGuidedFeatureInversion` then gives
            a mask of ½ everywhere.

    Examples:
        >>> import torch
        >>> from captum.attr import LayerActivation
        >>> from torch import nn
        >>> model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU())
        >>> tuple(attribute_neuron(model, model[1], torch.rand(2, 1, 6, 6), neuron=3).shape)
        (2, 1, 6, 6)
        >>> attribute_neuron(model, model[1], torch.rand(2, 1, 6, 6), 3, LayerActivation).shape
        torch.Size([2, 1, 6, 6])
    """
    check_method(method)
    check_reducer(reduce, neuron_dim)
    if isinstance(inputs, DataLoader):
        raise TypeError("inputs is a DataLoader; expected a tensor or a tuple of tensors")
    check_inputs(inputs)
    at_input, rest = looks_at_input(method, kwargs, bool(attribute_to_neuron_input))
    in_constructor, in_call = split_arguments(rest, method, method.attribute, reserved=_FILLED_IN)
    check_complete(method, in_constructor, in_call, _FILLED_IN)
    in_call = to_device(in_call, model_device(model))
    at = ReducedLayer(model, layer, name, reduce, neuron_dim, device_ids, at_input)
    # Captum needs gradients, whatever the caller has switched off.
    with torch.inference_mode(mode=False), torch.enable_grad():
        if issubclass(method, LayerActivation):
            extra = in_call.get("additional_forward_args")
            return activation_map(at, inputs, neuron, extra)
        if issubclass(method, LayerAttribution):
            return _attribute_layer(method, at, inputs, neuron, in_constructor, in_call)
        return _attribute_inputs(method, at, inputs, neuron, in_constructor, in_call)


def _attribute_inputs(
    method: type[NeuronAttribution],
    at: ReducedLayer,
    inputs: Tensor | tuple[Tensor, ...],
    neuron: int,
    in_constructor: dict[str, Any],
    in_call: dict[str, Any],
) -> Tensor | tuple[Tensor, ...]:
    seen = observe_layer(at, inputs, in_call.get("additional_forward_args"))
    neuron = check_neuron(neuron, seen.n_neurons, at.name)
    check_reduction(method, at, seen)
    tracked = _with_gradients(_own(inputs, model_device(at.model)), method)
    at = _prepared(method, at, tracked, in_call)

    if issubclass(method, NeuronFeatureAblation) and in_call.get("feature_mask") is None:
        in_call = {**in_call, "feature_mask": grid_feature_mask(tracked)}
    with evaluating(at.model), without_traces(at.model), explained(method, at):
        if issubclass(method, NeuronConductance) and seen.position is None:
            parts = channel_conductance(at, tracked, neuron, **in_constructor, **in_call)
        else:
            parts = _captum_attribution(method, at, seen, tracked, neuron, in_constructor, in_call)
    if issubclass(method, NeuronDeepLift) and not {*in_constructor, *in_call} & _NOT_COMPLETE:
        extra = in_call.get("additional_forward_args")
        warn_of_gap(at, neuron, _as_tuple(inputs), in_call.get("baselines"), parts, extra)
    return parts if isinstance(inputs, tuple) else parts[0]


def _captum_attribution(
    method: type[NeuronAttribution],
    at: ReducedLayer,
    seen: LayerShape,
    inputs: Tensor | tuple[Tensor, ...],
    neuron: int,
    in_constructor: dict[str, Any],
    in_call: dict[str, Any],
) -> tuple[Tensor, ...]:
    """Return what ``method`` gives for one neuron, one tensor per input."""

    def select(output: object) -> Tensor:
        return at.rows(output)[:, neuron]

    selector: Any = select
    if issubclass(method, NeuronConductance):
        # Its default, Captum's trapezoids, has weights whose sum falls short of 1 by 1/n_steps.
        in_call = {"method": "gausslegendre", **in_call}
        selector = seen.captum_index(neuron)
    with ExitStack() as stack:
        site, at_input = at.layer, at.at_input
        if seen.container is not None:
            site, at_input, selector = stack.enter_context(rows_of(at)), False, neuron
        captum = method(at.model, site, **in_constructor, **_devices(method, at))
        attribution = captum.attribute(
            inputs, selector, attribute_to_neuron_input=at_input, **in_call
        )
    return tuple(one.detach() for one in _as_tuple(attribution))


def _attribute_layer(
    method: type[LayerAttribution],
    at: ReducedLayer,
    inputs: Tensor | tuple[Tensor, ...],
    neuron: int,
    in_constructor: dict[str, Any],
    in_call: dict[str, Any],
) -> Tensor:
    seen = observe_map(method, at, inputs, in_call.get("additional_forward_args"))
    neuron = check_neuron(neuron, seen.n_neurons, at.name)
    own = _own(inputs, model_device(at.model))
    at = _prepared(method, at, own, in_call)
    place = "attribute_to_layer_input"
    if place in inspect.signature(method.attribute).parameters:
        in_call = {**in_call, place: at.at_input}
    elif at.at_input:
        raise TypeError(
            f"attribute_to_neuron_input is True, but {method.__name__} looks only at what a layer "
            "gives; expected False"
        )
    in_place = issubclass(method, LayerIntegratedGradients)
    with (
        evaluating(at.model),
        without_traces(at.model),
        explained(method, at),
        out_of_place(at) if in_place else nullcontext(),
    ):
        captum = method(at.model, at.layer, **in_constructor, **_devices(method, at))
        attribution = captum.attribute(own, **in_call)
    return channel_map(method, at, own, neuron, seen, attribution)


def _prepared(
    method: type[Any],
    at: ReducedLayer,
    inputs: Tensor | tuple[Tensor, ...],
    in_call: dict[str, Any],
) -> ReducedLayer:
    """Return the layer where the rules of ``method`` reach all activation functions."""
    rule = rule_of(method)
    if rule is None:
        return at
    return with_activation_modules(rule, at, inputs, in_call.get("additional_forward_args"))


def _devices(method: type[Any], at: ReducedLayer) -> dict[str, Any]:
    takes = "device_ids" in inspect.signature(method).parameters
    return {"device_ids": at.device_ids} if takes else {}


def _as_tuple(tensors: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tensors if isinstance(tensors, tuple) else (tensors,)


def _own(
    inputs: Tensor | tuple[Tensor, ...], device: torch.device | None
) -> Tensor | tuple[Tensor, ...]:
    """Return copies of the inputs on ``device``, so that nothing is done to those of the caller."""
    if isinstance(inputs, tuple):
        return tuple(to_device(tensor.detach(), device).clone() for tensor in inputs)
    copied: Tensor = to_device(inputs.detach(), device).clone()
    return copied


def _with_gradients(
    inputs: Tensor | tuple[Tensor, ...], method: type[NeuronAttribution]
) -> Tensor | tuple[Tensor, ...]:
    """Let ``inputs`` track gradients, or raise `TypeError` if ``method`` needs what they cannot."""
    for tensor in _as_tuple(inputs):
        if tensor.is_floating_point():
            tensor.requires_grad_()
        elif not issubclass(method, NeuronFeatureAblation):
            raise TypeError(
                f"inputs has a tensor of {tensor.dtype}, by which {method.__name__} has no "
                "gradient; expected floating-point tensors (such as embeddings), or "
                "NeuronFeatureAblation"
            )
    return inputs

"""Heat maps by Guided Feature Inversion: where the mask comes from, and what a page says of it."""

from __future__ import annotations

import inspect
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import torch

from invert_captum.activations.batch import to_device
from invert_captum.activations.forward import model_device
from invert_captum.attr.feature_inversion.inversion_call import Call, only_pictures
from invert_captum.attr.feature_inversion.mask_layer import channel_maps, tensor_of
from invert_captum.attr.feature_inversion.model_runs import prepared
from invert_captum.attr.feature_inversion.neuron_guided_feature_inversion import (
    NeuronGuidedFeatureInversion,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from invert_captum.labeler import NeuronConceptLabeler
    from invert_captum.report.explorer.model_inputs import ModelInputs

_AT_INPUT = "attribute_to_layer_input"


def is_inversion(method: object) -> bool:
    """Return whether heat maps are masks of Guided Feature Inversion."""
    return inspect.isclass(method) and issubclass(method, NeuronGuidedFeatureInversion)


def settled_arguments(
    labeler: NeuronConceptLabeler, inputs: ModelInputs, arguments: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments of an inversion with the place where the mask layer has positions.

    Unless ``attribute_to_layer_input`` is given, it is what the layer gives, or, if that has no
    positions, what it gets, as of a pooling layer. One sample goes through the model.

    Args:
        labeler: Holds the model.
        inputs: What the model takes.
        arguments: Of `NeuronGuidedFeatureInversion` and its ``attribute``.

    Raises:
        TypeError: there is no inversion layer, or a layer is neither module nor name; or the inputs
            are no floating-point tensor.
        ValueError: the model has no layer of this name; or the inputs are no pictures; or the mask
            layer has no positions, or does not run once in a forward pass.
    """
    call = _call(labeler, arguments)
    pictures = only_pictures(inputs.take([0]))
    if _AT_INPUT in arguments:
        return dict(arguments)
    source = call.mask_layer or call.inversion_layer
    places = [source.at(at_input) for at_input in (False, True)]
    device = model_device(labeler.model) or pictures.device
    further = to_device(inputs.take_further([0]), device)
    with prepared(call.forward_func, device, further, call.device_ids) as run, torch.no_grad():
        _, seen = run(to_device(pictures, device), places, to_end=False)
    size = (pictures.shape[2], pictures.shape[3])
    for place, output in zip(places, seen, strict=True):
        with suppress(TypeError, ValueError):
            channel_maps(tensor_of(output, place.name), size, call.channel_dim, place.name)
            return {**arguments, _AT_INPUT: place.at_input}
    argument = "inversion_layer" if call.mask_layer is None else "mask_layer"
    raise ValueError(
        f"{argument} is {source.name!r}, which has no positions to make a mask of, neither in what "
        "it gives nor in what it gets; expected a layer with feature maps or tokens"
    )


def layers_text(labeler: NeuronConceptLabeler, arguments: Mapping[str, Any]) -> str:
    """Return what a page says of the layers of an inversion; arguments as `settled_arguments`."""
    call = _call(labeler, arguments)
    told, at_input = f"inversion layer {call.inversion_layer.name}", bool(arguments.get(_AT_INPUT))
    if call.mask_layer is None:
        return f"{told}, what it gets" if at_input else told
    mask = call.mask_layer.name
    return f"{told}, mask from {f'what {mask} gets' if at_input else mask}"


def _call(labeler: NeuronConceptLabeler, arguments: Mapping[str, Any]) -> Call:
    layer = arguments.get("inversion_layer")
    if layer is None:
        raise TypeError(
            "method is NeuronGuidedFeatureInversion, which needs inversion_layer; expected it as "
            "an argument"
        )
    mask_layer, channel_dim = arguments.get("mask_layer"), arguments.get("channel_dim")
    return Call.of(labeler.model, layer, mask_layer, labeler.device_ids, channel_dim)

"""Heat maps by Guided Feature Inversion: its layers, and where the mask comes from."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from invert_captum.attr.feature_inversion.inversion_call import only_pictures
from invert_captum.attr.feature_inversion.mask_layer import channel_maps, tensor_of
from invert_captum.attr.feature_inversion.neuron_guided_feature_inversion import (
    NeuronGuidedFeatureInversion,
)
from invert_captum.attr.feature_inversion.watched_layers import WatchedLayer
from invert_captum.attr.layer_shape import ReducedLayer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from invert_captum.labeler import NeuronConceptLabeler
    from invert_captum.report.explorer.model_inputs import ModelInputs

_AT_INPUT = "attribute_to_layer_input"


def is_inversion(method: object) -> bool:
    """Return whether heat maps are masks of Guided Feature Inversion."""
    return inspect.isclass(method) and issubclass(method, NeuronGuidedFeatureInversion)


@dataclass(frozen=True)
class InversionLayers:
    """The layers of an inversion.

    Attributes:
        inversion: The layer whose features are kept.
        mask: The layer whose channels make the mask; None for the inversion layer.
    """

    inversion: WatchedLayer
    mask: WatchedLayer | None

    @classmethod
    def of(cls, labeler: NeuronConceptLabeler, arguments: Mapping[str, Any]) -> InversionLayers:
        """Find ``inversion_layer`` and ``mask_layer`` of the arguments.

        Raises:
            TypeError: there is no inversion layer, or a layer is neither module nor name.
            ValueError: the model has no layer of this name.
        """
        if arguments.get("inversion_layer") is None:
            raise TypeError(
                "method is NeuronGuidedFeatureInversion, which needs inversion_layer; expected it "
                "as an argument"
            )
        has_mask = arguments.get("mask_layer") is not None
        return cls(
            _found(labeler, "inversion_layer", arguments),
            _found(labeler, "mask_layer", arguments) if has_mask else None,
        )

    def text(self, *, at_input: bool) -> str:
        """Return what a page says of them.

        Examples:
            >>> from torch import nn
            >>> pool = WatchedLayer("pool", nn.AvgPool2d(7))
            >>> InversionLayers(WatchedLayer("layer4", nn.ReLU()), pool).text(at_input=True)
            'inversion layer layer4, mask from what pool gets'
            >>> InversionLayers(pool, None).text(at_input=True)
            'inversion layer pool, what it gets'
        """
        told = f"inversion layer {self.inversion.name}"
        if self.mask is None:
            return f"{told}, what it gets" if at_input else told
        return f"{told}, mask from {'what ' * at_input}{self.mask.name}{' gets' * at_input}"


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
        TypeError: as in `InversionLayers.of`; or the inputs are no floating-point tensor.
        ValueError: as in `InversionLayers.of`; or the inputs are no pictures; or the mask layer has
            no positions, or does not run once in a forward pass.
    """
    layers = InversionLayers.of(labeler, arguments)
    pictures = only_pictures(inputs.take([0]))
    further = inputs.take_further([0])
    if _AT_INPUT in arguments:
        return dict(arguments)
    source = layers.inversion if layers.mask is None else layers.mask
    for at_input in (False, True):
        watched = source.at(at_input)
        if _has_positions(labeler, watched, pictures, further, arguments.get("channel_dim")):
            return {**arguments, _AT_INPUT: at_input}
    argument = "inversion_layer" if layers.mask is None else "mask_layer"
    raise ValueError(
        f"{argument} is {source.name!r}, which has no positions to make a mask of, neither in what "
        "it gives nor in what it gets; expected a layer with feature maps or tokens"
    )


def _has_positions(
    labeler: NeuronConceptLabeler,
    layer: WatchedLayer,
    pictures: Tensor,
    further: tuple[object, ...],
    channel_dim: int | None,
) -> bool:
    size = (pictures.shape[2], pictures.shape[3])
    found: list[bool] = []

    def see(output: object) -> Tensor:
        try:
            channel_maps(tensor_of(output, layer.name), size, channel_dim, layer.name)
        except (TypeError, ValueError):
            found.append(False)
        else:
            found.append(True)
        return torch.zeros(len(pictures), 1)

    watched = ReducedLayer(
        labeler.model,
        layer.module,
        layer.name,
        device_ids=labeler.device_ids,
        at_input=layer.at_input,
    )
    watched.run(pictures, see, further or None)
    return all(found)


def _found(
    labeler: NeuronConceptLabeler, argument: str, arguments: Mapping[str, Any]
) -> WatchedLayer:
    # What torch.compile gives has the layers of the model that was compiled under other names.
    model = getattr(labeler.model, "_orig_mod", labeler.model)
    return WatchedLayer.of(model, argument, arguments[argument])

"""Which methods of Captum can attribute a neuron, and with which reductions."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from captum.attr import (
    LayerAttribution,
    NeuronAttribution,
    NeuronConductance,
    NeuronDeepLift,
    NeuronDeepLiftShap,
)

if TYPE_CHECKING:
    from invert_captum.attr.layer_shape import LayerShape, ReducedLayer


def check_method(method: object) -> None:
    """Raise `TypeError` unless ``method`` is one of Captum's attributions of neurons or layers.

    Examples:
        >>> check_method(NeuronAttribution)
        Traceback (most recent call last):
            ...
        TypeError: method is NeuronAttribution, which is abstract; expected a subclass
    """
    if not inspect.isclass(method) or not issubclass(method, (NeuronAttribution, LayerAttribution)):
        raise TypeError(
            f"method is {method!r}; expected a subclass of captum.attr.NeuronAttribution or "
            "captum.attr.LayerAttribution, such as NeuronIntegratedGradients or LayerActivation"
        )
    if method in (NeuronAttribution, LayerAttribution):
        raise TypeError(f"method is {method.__name__}, which is abstract; expected a subclass")


def check_reduction(method: type[NeuronAttribution], layer: ReducedLayer, seen: LayerShape) -> None:
    """Raise where ``method`` would return wrong numbers for the reduction of ``layer``.

    Args:
        method: A subclass of `captum.attr.NeuronAttribution`.
        layer: The layer and its reduction.
        seen: What the layer gives.

    Raises:
        ValueError: the conductance of this reduction is not defined, or Captum cannot take what
            the layer gives; or DeepLIFT's rules do not reach the reduction.
    """
    if issubclass(method, NeuronConductance) and seen.container is not None:
        raise ValueError(
            f"layer {layer.name!r} gives {seen.container.__name__}, which {method.__name__} cannot "
            "take; expected a layer that gives a tensor, or NeuronIntegratedGradients"
        )
    came = f"but reduce is {layer.reduce!r} over positions {seen.sizes or 'unknown'}"
    alternatives = "NeuronIntegratedGradients or NeuronGradient"
    one_position = seen.position is not None
    if issubclass(method, NeuronConductance) and not (one_position or layer.reduce == "mean"):
        raise ValueError(
            f"method is {method.__name__}, which is the part of a prediction that flows through "
            "a position or, with 'mean', through all positions of a channel; what flows through "
            f"another reduction is not defined, {came}; expected 'mean' or one position, or "
            f"{alternatives}"
        )
    linear = one_position or layer.reduce == "mean" or callable(layer.reduce)
    if issubclass(method, (NeuronDeepLift, NeuronDeepLiftShap)) and not linear:
        raise ValueError(
            f"method is {method.__name__}, whose rules do not reach a reduction that is not "
            f"linear, {came}; expected {alternatives}"
        )

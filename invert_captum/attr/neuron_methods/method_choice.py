"""Which methods of Captum can attribute a neuron, and with which reductions."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from captum.attr import (
    LayerAttribution,
    NeuronAttribution,
    NeuronConductance,
    NeuronDeepLift,
    NeuronDeepLiftShap,
)

from invert_captum.attr.feature_inversion.guided_feature_inversion import GuidedFeatureInversion

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from invert_captum.attr.layer_shape import LayerShape, ReducedLayer

_NEURON_PLACE, _LAYER_PLACE = "attribute_to_neuron_input", "attribute_to_layer_input"


def check_method(method: object) -> None:
    """Raise `TypeError` unless ``method`` is one of Captum's attributions of neurons or layers.

    Examples:
        >>> check_method(NeuronAttribution)
        Traceback (most recent call last):
            ...
        TypeError: method is NeuronAttribution, which is abstract; expected a subclass
    """
    if method is GuidedFeatureInversion:
        raise TypeError(
            "method is GuidedFeatureInversion, which is about classes; expected "
            "NeuronGuidedFeatureInversion"
        )
    if not inspect.isclass(method) or not issubclass(method, (NeuronAttribution, LayerAttribution)):
        raise TypeError(
            f"method is {method!r}; expected a subclass of captum.attr.NeuronAttribution or "
            "captum.attr.LayerAttribution, such as NeuronIntegratedGradients or LayerActivation"
        )
    if method in (NeuronAttribution, LayerAttribution):
        raise TypeError(f"method is {method.__name__}, which is abstract; expected a subclass")


def check_complete(
    method: type[Any],
    in_constructor: Collection[str],
    in_call: Collection[str],
    reserved: Collection[str],
) -> None:
    """Raise `TypeError` if ``method`` needs an argument that is not there.

    Args:
        method: The method.
        in_constructor: Names of the arguments of its constructor.
        in_call: Names of the arguments of its ``attribute``.
        reserved: Names of parameters that the caller fills in itself.

    Examples:
        >>> from captum.attr import NeuronGradientShap
        >>> reserved = ("self", "forward_func", "layer", "inputs", "neuron_selector")
        >>> check_complete(NeuronGradientShap, (), (), reserved)
        Traceback (most recent call last):
            ...
        TypeError: method is NeuronGradientShap, which needs baselines; expected it as an argument
    """
    for function, given in ((method, in_constructor), (method.attribute, in_call)):
        for name, parameter in inspect.signature(function).parameters.items():
            by_name = parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
            needed = by_name and parameter.default is parameter.empty
            if needed and name not in given and name not in reserved:
                raise TypeError(
                    f"method is {method.__name__}, which needs {name}; expected it as an argument"
                )


def looks_at_input(
    method: type[NeuronAttribution | LayerAttribution], kwargs: Mapping[str, Any], default: bool
) -> tuple[bool, dict[str, Any]]:
    """Return whether the neuron's layer is looked at where it gets, and the other arguments.

    Of most methods ``attribute_to_layer_input`` says it, too. Of one whose ``attribute`` has both
    names it is about another layer, and goes on to the method.

    Args:
        method: The method.
        kwargs: Its arguments.
        default: What ``attribute_to_neuron_input`` is.

    Examples:
        >>> from captum.attr import LayerActivation
        >>> looks_at_input(LayerActivation, {"attribute_to_layer_input": True}, False)
        (True, {})
    """
    if {_NEURON_PLACE, _LAYER_PLACE} <= inspect.signature(method.attribute).parameters.keys():
        return default, dict(kwargs)
    rest = {name: value for name, value in kwargs.items() if name != _LAYER_PLACE}
    return bool(kwargs.get(_LAYER_PLACE, default)), rest


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

"""The layers of a labeler that a result is of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

from invert_captum.activations import resolve_layers
from invert_captum.activations.reducers import REDUCER_NAMES

if TYPE_CHECKING:
    from invert_captum.labeler import NeuronConceptLabeler
    from invert_captum.result import Explanation, LabelingResult


class LabeledLayers:
    """Finds the module and the selector of a labelled neuron in a labeler's model.

    Args:
        labeler: The labeler.
        result: What it, or `label_neurons` with its activations, found.

    Raises:
        ValueError: If a layer of the result is not one of the labeler.
    """

    def __init__(self, labeler: NeuronConceptLabeler, result: LabelingResult) -> None:
        modules = resolve_layers(labeler.model, labeler.layer)
        self.keyed_by_layer = not isinstance(labeler.layer, (nn.Module, str))
        names = list(modules)
        if len(names) == 1 and result.layers == (None,):
            self._name_of: dict[str | None, str] = {None: names[0]}
        else:
            missing = [layer for layer in result.layers if layer not in modules]
            if missing:
                raise ValueError(
                    f"labeler has the layers {names}; expected {missing[0]!r} among them, which "
                    "the result is of"
                )
            self._name_of = {layer: str(layer) for layer in result.layers}
        self._modules = modules

    def module(self, layer: str | None) -> nn.Module:
        """Return the module of a layer of the result."""
        return self._modules[self._name_of[layer]]

    def selector(self, explanation: Explanation) -> Any:
        """Return what ``labeler.attribute`` takes for the neuron of an explanation."""
        name = self._name_of[explanation.layer]
        return (name, explanation.neuron) if self.keyed_by_layer else explanation.neuron


def known_reduction(result: LabelingResult) -> dict[str, Any] | None:
    """Return how the result says that a layer's output became its activations.

    Returns:
        *dict*: ``reduce``, ``neuron_dim`` and ``attribute_to_layer_input``; empty if the result
        does not say it, None if it was a function, of which there is only the name.
    """
    extraction = result.settings.get("extraction")
    if extraction is None:
        return {}
    if extraction.get("reduce") not in REDUCER_NAMES:
        return None
    names = ("reduce", "neuron_dim", "attribute_to_layer_input")
    return {name: extraction[name] for name in names if name in extraction}

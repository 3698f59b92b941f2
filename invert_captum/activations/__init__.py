"""From a model and its inputs to activations: one row an input, one column a neuron.

The forward pass goes through `captum.attr.LayerActivation`; a reduction turns what a layer gives
(feature maps, token sequences) into one number per neuron.
"""

from __future__ import annotations

from invert_captum.activations.batches import Inputs
from invert_captum.activations.evaluation import evaluating
from invert_captum.activations.extraction import Extraction, extract_activations
from invert_captum.activations.fingerprint import model_fingerprint
from invert_captum.activations.layers import Layers, resolve_layers
from invert_captum.activations.neuron_attribution import attribute_neuron
from invert_captum.activations.reducers import Reducer, reduce_output

__all__ = [
    "Extraction",
    "Inputs",
    "Layers",
    "Reducer",
    "attribute_neuron",
    "evaluating",
    "extract_activations",
    "model_fingerprint",
    "reduce_output",
    "resolve_layers",
]

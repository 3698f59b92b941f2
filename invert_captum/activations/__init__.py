"""From a model and its inputs to activations: one row an input, one column a neuron.

The forward pass goes through `captum.attr.LayerActivation`; a reduction turns what a layer gives
(feature maps, token sequences) into one number per neuron. Activations are kept in memory, or in
an `ActivationStore`.

Names are resolved when first used, so that a store can be read without loading what models need.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from invert_captum.activations.batches import Inputs
    from invert_captum.activations.evaluation import evaluating
    from invert_captum.activations.extraction import Extraction, extract_activations
    from invert_captum.activations.fingerprint import model_fingerprint
    from invert_captum.activations.layers import Layers, resolve_layers
    from invert_captum.activations.reducers import Reducer, reduce_output
    from invert_captum.activations.store import ActivationStore
    from invert_captum.activations.store.extraction import extract_to_store

__all__ = [
    "ActivationStore",
    "Extraction",
    "Inputs",
    "Layers",
    "Reducer",
    "evaluating",
    "extract_activations",
    "extract_to_store",
    "model_fingerprint",
    "reduce_output",
    "resolve_layers",
]

_HOME = {
    "ActivationStore": "store",
    "Extraction": "extraction",
    "Inputs": "batches",
    "Layers": "layers",
    "Reducer": "reducers",
    "evaluating": "evaluation",
    "extract_activations": "extraction",
    "extract_to_store": "store.extraction",
    "model_fingerprint": "fingerprint",
    "reduce_output": "reducers",
    "resolve_layers": "layers",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)

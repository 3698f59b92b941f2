"""Labelled neurons on inputs, through Captum: where they fired, and what they do to a prediction.

`attribute_neuron` asks where in the input a neuron fired, `ConceptContribution` splits a prediction
over the labels of a layer, `ablate` switches neurons off, and `ablation_effect` measures, concept
by concept, what that does to a model.

Names are resolved when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from invert_captum.attr.neuron_attribution import attribute_neuron

__all__ = [
    "attribute_neuron",
]

_HOME = {
    "attribute_neuron": "neuron_attribution",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)

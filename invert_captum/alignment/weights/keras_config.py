"""What a whole-model file says about its layers beside their weights."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from invert_captum._validation import shown


@dataclass(frozen=True)
class KerasLayer:
    """One layer in a file's description of the model."""

    name: str
    kind: str
    settings: dict[str, Any]

    @property
    def activation(self) -> str | None:
        """The name of its activation, or None if it has none."""
        activation = self.settings.get("activation")
        if isinstance(activation, dict):
            # Keras 3 wraps a function of another package.
            activation = activation.get("config")
        # A registered function carries the name of its package in front.
        return None if activation is None else str(activation).rpartition(">")[2]

    @property
    def epsilon(self) -> float | None:
        """What it adds to the variance, or None if it is not a normalisation."""
        epsilon = self.settings.get("epsilon")
        return float(epsilon) if isinstance(epsilon, (int, float)) else None


@dataclass(frozen=True)
class KerasConfig:
    """The layers of a model, in the file's order, which for a chain is that of computation."""

    layers: tuple[KerasLayer, ...]

    def layer(self, name: str) -> KerasLayer | None:
        """Return the layer named ``name``, or None."""
        return next((layer for layer in self.layers if layer.name == name), None)

    @property
    def image_size(self) -> tuple[int, int] | None:
        """Height and width of the input, or None if the model takes any."""
        for layer in self.layers:
            shape = layer.settings.get("batch_input_shape", layer.settings.get("batch_shape"))
            if isinstance(shape, list) and len(shape) == 4:
                height, width = shape[1:3]
                known = isinstance(height, int) and isinstance(width, int)
                return (height, width) if known else None
        return None


def read_config(file: Any) -> KerasConfig:
    """Return what a whole-model file tells of its layers, or raise `ValueError`."""
    text = file.attrs.get("model_config")
    if not isinstance(text, (str, bytes)):
        raise ValueError(
            f"path has the attribute 'model_config' with {shown(text)}; expected the description "
            "that Keras keeps with a whole model"
        )
    try:
        layers = json.loads(text)["config"]["layers"]
        return KerasConfig(tuple(_layer(entry) for entry in layers))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(
            "path has a description 'model_config' that is not one of a Keras model with layers"
        ) from error


def _layer(entry: Any) -> KerasLayer:
    settings = dict(entry["config"])
    return KerasLayer(
        str(settings.get("name", entry.get("name"))), str(entry["class_name"]), settings
    )

"""Layers with which a Keras network begins and that belong to the preprocessing in PyTorch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from invert_captum._log import warn
from invert_captum._validation import listed, shown
from invert_captum.alignment.weights.preprocessing import keras_preprocessing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from invert_captum.alignment.weights.keras_config import KerasLayer
    from invert_captum.alignment.weights.keras_file import KerasFile, KerasWeight
    from invert_captum.alignment.weights.preprocessing import KerasPreprocessing, PreprocessingName

_KINDS = ("Rescaling", "Normalization")
# Padding belongs to the convolution that follows.
_NEUTRAL = ("InputLayer", "ZeroPadding2D", "Identity")
# What Keras divides by at least, `keras.config.epsilon()`.
_SMALLEST_DEVIATION = 1e-7

_Triple = tuple[float, float, float]


def weights_preprocessing(
    file: KerasFile, name: PreprocessingName | None
) -> tuple[KerasPreprocessing, tuple[str, ...]]:
    """Return what the network's images need, and the names of the weights that say so.

    ``name`` is what was done before the Keras network; its own input layers come on top.
    """
    if file.config is None:
        if any(name.startswith("normalization") for name in file.layers):
            raise ValueError(
                "path has weights of a normalising input layer, but does not describe the layers "
                "around it; expected a whole model, saved by model.save('x.h5')"
            )
        return keras_preprocessing(name or "torch"), ()
    layers = _input_layers(file.config.layers, set(file.layers))
    total = keras_preprocessing(name or ("none" if layers else "torch"))
    for layer in layers:
        factor, offset = _rescaling(layer) if layer.kind == "Rescaling" else _normal(layer, file)
        total = total.followed_by(factor, offset)
    accounted = {layer.name for layer in layers}
    return total, tuple(weight.name for weight in file.weights if weight.layer in accounted)


def _input_layers(layers: Sequence[KerasLayer], weighted: set[str]) -> list[KerasLayer]:
    """Return the layers that scale the images; tell what cannot be accounted for."""
    first = next(
        (
            place
            for place, layer in enumerate(layers)
            if layer.name in weighted and layer.kind not in _KINDS
        ),
        len(layers),
    )
    if inside := [layer.name for layer in layers[first:] if layer.kind in _KINDS]:
        raise ValueError(
            f"path has scaling layers {listed(inside)} inside the network; expected none but at "
            "its beginning"
        )
    if unknown := [
        layer.name for layer in layers[:first] if layer.kind not in (*_KINDS, *_NEUTRAL)
    ]:
        warn(
            f"path has the layers {listed(unknown)} before the first weights, which are no part of "
            "the PyTorch model nor of the preprocessing: apply what they do to the images"
        )
    return [layer for layer in layers[:first] if layer.kind in _KINDS]


def _rescaling(layer: KerasLayer) -> tuple[_Triple, _Triple]:
    factor = _triple(layer, "scale", layer.settings.get("scale"))
    if 0 in factor:
        raise ValueError(f"path has the scale {factor} in the layer {layer.name}; expected not 0")
    return factor, _triple(layer, "offset", layer.settings.get("offset", 0.0))


def _normal(layer: KerasLayer, file: KerasFile) -> tuple[_Triple, _Triple]:
    mean, variance = (file.find(layer.name, variable) for variable in ("mean", "variance"))
    if mean is None or variance is None or layer.settings.get("invert"):
        raise ValueError(
            f"path has the layer {layer.name} without a mean and a variance, or inverted; expected "
            "a Normalization with both"
        )
    means, variances = _numbers(layer, mean), _numbers(layer, variance)
    if min(variances) < 0:
        raise ValueError(f"path has the variance {variances} in {layer.name}; expected at least 0")
    first, second, third = (1 / max(math.sqrt(value), _SMALLEST_DEVIATION) for value in variances)
    factor = (first, second, third)
    shifts = [-value * times for value, times in zip(means, factor, strict=True)]
    return factor, (shifts[0], shifts[1], shifts[2])


def _numbers(layer: KerasLayer, weight: KerasWeight) -> _Triple:
    if weight.shape not in ((), (1,), (3,)):
        raise ValueError(
            f"path has {weight.variable} of shape {weight.shape} in the layer {layer.name}; "
            "expected 1 or 3 numbers"
        )
    return _triple(layer, weight.variable, weight.read().reshape(-1).tolist())


def _triple(layer: KerasLayer, setting: str, value: object) -> _Triple:
    if isinstance(value, dict):
        # Keras 3 wraps arrays.
        value = value.get("config", {}).get("value")
    numbers = list(value) if isinstance(value, (list, tuple)) else [value] * 3
    if len(numbers) == 1:
        numbers *= 3
    plain = [
        float(number)
        for number in numbers
        if isinstance(number, (int, float)) and not isinstance(number, bool)
    ]
    if len(plain) != 3 or len(numbers) != 3 or not all(map(math.isfinite, plain)):
        raise ValueError(
            f"path has {setting} {shown(value)} in the layer {layer.name}; expected 1 or 3 numbers"
        )
    return plain[0], plain[1], plain[2]

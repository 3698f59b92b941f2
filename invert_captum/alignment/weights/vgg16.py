"""VGG16 of ``keras.applications`` in torchvision's ``vgg16``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from torch import nn

from invert_captum._validation import listed, shown
from invert_captum.alignment.weights.assignments import convolution, dense, flattened_dense
from invert_captum.alignment.weights.model_checks import check_kinds, check_model_type

if TYPE_CHECKING:
    from invert_captum.alignment.weights.assignments import Assignment
    from invert_captum.alignment.weights.keras_file import KerasFile

RECIPE = "torchvision.models.vgg16()"
# Where torchvision's `features` has the convolutions of each block; between lie ReLU and pooling.
_BLOCKS = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))
_STRIDE = 32
# What may follow the first weights in Keras, with the settings that count.
_KERAS_SETTINGS: dict[str, dict[str, object]] = {
    "Conv2D": {"padding": "same", "data_format": "channels_last", "groups": 1},
    "MaxPooling2D": {"pool_size": [2, 2], "strides": [2, 2], "padding": "valid"},
    **{kind: {} for kind in ("Flatten", "Dense", "Dropout", "Activation", "ReLU", "Softmax")},
    # Refused elsewhere, where their place is known.
    **{kind: {} for kind in ("Rescaling", "Normalization", "Identity")},
}
_KINDS = ("Conv2d", "ReLU", "MaxPool2d", "AdaptiveAvgPool2d", "Linear", "Dropout", "Identity")


def vgg16_assignments(model: nn.Module, file: KerasFile) -> list[Assignment]:
    """Return which weights belong where, or raise `ValueError` if the model computes otherwise."""
    from torchvision.models import VGG

    check_model_type(model, VGG, RECIPE)
    check_kinds(model, _KINDS, RECIPE)
    _check_keras_layers(file)
    height, width = _grid(model, file)
    found = [
        assignment
        for block, places in enumerate(_BLOCKS, 1)
        for index, place in enumerate(places, 1)
        for assignment in convolution(f"features.{place}", f"block{block}_conv{index}")
    ]
    channels = next(
        (weight.shape[-1] for weight in file.weights if weight.layer == "block5_conv3"), 0
    )
    return [
        *found,
        *dense("classifier.0", "fc1", layout=flattened_dense(channels, height, width)),
        *dense("classifier.3", "fc2"),
        *dense("classifier.6", "predictions"),
    ]


def _check_keras_layers(file: KerasFile) -> None:
    """Raise if layers without weights make another network of it, such as average pooling."""
    layers = () if file.config is None else file.config.layers
    names = [layer.name for layer in layers]
    first = names.index("block1_conv1") if "block1_conv1" in names else 0
    for layer in layers[first:]:
        if layer.kind not in _KERAS_SETTINGS:
            raise ValueError(
                f"path has the layer {layer.name} of the kind {layer.kind}, which VGG16 has not; "
                f"expected {listed(list(_KERAS_SETTINGS)[:4])}"
            )
        for setting, expected in _KERAS_SETTINGS[layer.kind].items():
            if (found := layer.settings.get(setting, expected)) != expected:
                raise ValueError(
                    f"path has {setting} {shown(found)} in the layer {layer.name}; expected "
                    f"{expected!r}, as in VGG16"
                )


def _grid(model: nn.Module, file: KerasFile) -> tuple[int, int]:
    """Return height and width of the feature maps that Keras flattens."""
    kernel, last = file.find("fc1", "kernel"), file.find("block5_conv3", "kernel")
    if kernel is None or last is None or len(kernel.shape) != 2 or len(last.shape) != 4:
        raise ValueError(
            "path has no kernels block5_conv3 (height, width, in, out) and fc1 (in, out); expected "
            "a VGG16 with its dense layers (include_top=True)"
        )
    places = kernel.shape[0] // max(last.shape[-1], 1)
    size = None if file.config is None else file.config.image_size
    side = math.isqrt(places)
    grid = (side, side) if size is None else (size[0] // _STRIDE, size[1] // _STRIDE)
    if grid[0] * grid[1] * last.shape[-1] != kernel.shape[0]:
        raise ValueError(
            f"path has fc1 with {kernel.shape[0]} inputs from feature maps of {last.shape[-1]} "
            f"channels and size {grid if size else 'unknown (no square gives that number)'}; "
            "expected channels x height x width"
        )
    _check_pooling(model, grid)
    return grid


def _check_pooling(model: nn.Module, grid: tuple[int, int]) -> None:
    pooling = model.avgpool
    if isinstance(pooling, nn.AdaptiveAvgPool2d):
        size = pooling.output_size
        pair = (size, size) if isinstance(size, int) else size
        if tuple(pair or ()) != grid:
            raise ValueError(
                f"model.avgpool averages to {pair}, but the Keras network has feature maps {grid} "
                f"and does not average; expected torch.nn.AdaptiveAvgPool2d({grid}) or Identity"
            )

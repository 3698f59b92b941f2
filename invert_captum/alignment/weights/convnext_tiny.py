"""ConvNeXtTiny of the package ``keras_cv_attention_models`` in torchvision's ``convnext_tiny``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invert_captum.alignment.weights.assignments import (
    PER_CHANNEL,
    assign,
    convolution,
    dense,
    depthwise,
    layer_norm,
)
from invert_captum.alignment.weights.model_checks import check_kinds, check_model_type

if TYPE_CHECKING:
    from torch import nn

    from invert_captum.alignment.weights.assignments import Assignment
    from invert_captum.alignment.weights.keras_file import KerasFile

RECIPE = "torchvision.models.convnext_tiny()"
_KINDS = (
    *("Conv2d", "LayerNorm2d", "LayerNorm", "Linear", "GELU", "Permute", "StochasticDepth"),
    *("AdaptiveAvgPool2d", "Flatten"),
)


def convnext_tiny_assignments(model: nn.Module, _: KerasFile) -> list[Assignment]:
    """Return which weights belong where, or raise `ValueError` if the model computes otherwise."""
    from torchvision.models import ConvNeXt

    check_model_type(model, ConvNeXt, RECIPE)
    check_kinds(model, _KINDS, RECIPE)
    found = [*convolution("features.0.0", "stem_conv"), *layer_norm("features.0.1", "stem_ln")]
    for index, part in enumerate(model.get_submodule("features").children()):
        stack = f"stack{(index + 1) // 2 if index % 2 else index // 2 + 1}"
        if index % 2:
            for block, _module in enumerate(part.children()):
                found += _block(f"features.{index}.{block}", f"{stack}_block{block + 1}")
        elif index:
            found += layer_norm(f"features.{index}.0", f"{stack}_downsample_ln")
            found += convolution(f"features.{index}.1", f"{stack}_downsample_conv")
    return [*found, *layer_norm("classifier.0", "head_ln"), *dense("classifier.2", "predictions")]


def _block(module: str, layer: str) -> list[Assignment]:
    return [
        *depthwise(f"{module}.block.0", f"{layer}_dw_conv"),
        *layer_norm(f"{module}.block.2", f"{layer}_ln"),
        *dense(f"{module}.block.3", f"{layer}_up_dense"),
        *dense(f"{module}.block.5", f"{layer}_down_dense"),
        assign(f"{module}.layer_scale", f"{layer}_gamma", "weight", PER_CHANNEL),
    ]

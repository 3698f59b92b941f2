"""EfficientNetB0 of the package ``efficientnet`` or ``keras.applications`` in timm's.

In timm that is ``tf_efficientnet_b0``: its namesake without ``tf_`` pads the same on both sides and
has another epsilon.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from invert_captum.alignment.weights.assignments import (
    batch_norm,
    convolution,
    dense,
    depthwise,
)
from invert_captum.alignment.weights.model_checks import (
    check_kinds,
    check_model_type,
    check_same_padding,
    timm_class,
)

if TYPE_CHECKING:
    from torch import nn

    from invert_captum.alignment.weights.assignments import Assignment
    from invert_captum.alignment.weights.keras_file import KerasFile

RECIPE = "timm.create_model('tf_efficientnet_b0')"
_KINDS = (
    *("Conv2d", "Conv2dSame", "SiLU", "Sigmoid", "Identity", "Linear", "Dropout", "Flatten"),
    *("AdaptiveAvgPool2d", "FastAdaptiveAvgPool", "DropPath"),
)


def efficientnet_b0_assignments(model: nn.Module, _: KerasFile) -> list[Assignment]:
    """Return which weights belong where, or raise `ValueError` if the model computes otherwise."""
    check_model_type(model, timm_class("timm.models.efficientnet", "EfficientNet"), RECIPE)
    check_same_padding(model, RECIPE)
    check_kinds(model, _KINDS, RECIPE)
    found = [*convolution("conv_stem", "stem_conv", bias=False), *batch_norm("bn1", "stem_bn")]
    for stage, blocks in enumerate(model.get_submodule("blocks").children()):
        for index, block in enumerate(blocks.children()):
            module, layer = f"blocks.{stage}.{index}", f"block{stage + 1}{chr(ord('a') + index)}"
            found += _block(module, layer, expands=hasattr(block, "conv_pwl"))
    return [
        *found,
        *convolution("conv_head", "top_conv", bias=False),
        *batch_norm("bn2", "top_bn"),
        *dense("classifier", ("predictions", "probs")),
    ]


def _block(module: str, layer: str, *, expands: bool) -> list[Assignment]:
    if expands:
        first = [
            *convolution(f"{module}.conv_pw", f"{layer}_expand_conv", bias=False),
            *batch_norm(f"{module}.bn1", f"{layer}_expand_bn"),
        ]
        norms, projection = ("bn2", "bn3"), "conv_pwl"
    else:
        first, norms, projection = [], ("bn1", "bn2"), "conv_pw"
    return [
        *first,
        *depthwise(f"{module}.conv_dw", f"{layer}_dwconv", bias=False),
        *batch_norm(f"{module}.{norms[0]}", f"{layer}_bn"),
        *convolution(f"{module}.se.conv_reduce", f"{layer}_se_reduce"),
        *convolution(f"{module}.se.conv_expand", f"{layer}_se_expand"),
        *convolution(f"{module}.{projection}", f"{layer}_project_conv", bias=False),
        *batch_norm(f"{module}.{norms[1]}", f"{layer}_project_bn"),
    ]

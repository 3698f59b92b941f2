"""MaxViT_Tiny of the package ``keras_cv_attention_models`` in timm's ``maxvit_tiny_tf_224``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invert_captum.alignment.weights.assignments import (
    POINTWISE,
    RELATIVE_POSITIONS,
    assign,
    batch_norm,
    convolution,
    dense,
    depthwise,
    layer_norm,
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

RECIPE = "timm.create_model('maxvit_tiny_tf_224')"
_KINDS = (
    *("Conv2d", "Conv2dSame", "AvgPool2dSame", "GELUTanh", "SiLU", "Sigmoid", "Tanh", "Linear"),
    *("LayerNorm", "LayerNorm2d", "RelPosBiasTf", "Dropout", "DropPath", "Identity", "Flatten"),
    *("AdaptiveAvgPool2d", "FastAdaptiveAvgPool"),
)


def maxvit_tiny_assignments(model: nn.Module, _: KerasFile) -> list[Assignment]:
    """Return which weights belong where, or raise `ValueError` if the model computes otherwise."""
    check_model_type(model, timm_class("timm.models.maxxvit", "MaxxVit"), RECIPE)
    check_same_padding(model, RECIPE)
    check_kinds(model, _KINDS, RECIPE)
    found = [
        *convolution("stem.conv1", "stem_1_conv"),
        *batch_norm("stem.norm1", "stem_1_bn"),
        *convolution("stem.conv2", "stem_2_conv"),
    ]
    for index, stage in enumerate(model.get_submodule("stages").children()):
        for number, block in enumerate(stage.get_submodule("blocks").children()):
            module, layer = (
                f"stages.{index}.blocks.{number}",
                f"stack_{index + 1}_block_{number + 1}",
            )
            widens = any(name == "conv.shortcut.expand.weight" for name in block.state_dict())
            found += _convolutions(f"{module}.conv", f"{layer}/mbconv", widens=widens)
            found += _attention(f"{module}.attn_block", f"{layer}/block")
            found += _attention(f"{module}.attn_grid", f"{layer}/grid")
    return [
        *found,
        *layer_norm("head.norm", "post_ln"),
        *dense("head.pre_logits.fc", "features"),
        *dense("head.fc", "predictions"),
    ]


def _convolutions(module: str, layer: str, *, widens: bool) -> list[Assignment]:
    shortcut = convolution(f"{module}.shortcut.expand", f"{layer}/shortcut_conv")
    return [
        *(shortcut if widens else []),
        *batch_norm(f"{module}.pre_norm", f"{layer}/preact_bn"),
        *convolution(f"{module}.conv1_1x1", f"{layer}/expand_conv", bias=False),
        *batch_norm(f"{module}.norm1", f"{layer}/expand_bn"),
        *depthwise(f"{module}.conv2_kxk", f"{layer}/MB_dw_conv", bias=False),
        *batch_norm(f"{module}.norm2", f"{layer}/MB_dw_bn"),
        *convolution(f"{module}.se.fc1", f"{layer}/se/1_conv"),
        *convolution(f"{module}.se.fc2", f"{layer}/se/2_conv"),
        *convolution(f"{module}.conv3_1x1", f"{layer}/MB_pw_conv"),
    ]


def _attention(module: str, layer: str) -> list[Assignment]:
    table = f"{module}.attn.rel_pos.relative_position_bias_table"
    window = f"{layer}_window_mhsa"
    return [
        *layer_norm(f"{module}.norm1", f"{layer}_attn_preact_ln"),
        *dense(f"{module}.attn.qkv", f"{window}/qkv_conv", layout=POINTWISE),
        assign(table, f"{window}/pos_emb", "positional_embedding", RELATIVE_POSITIONS),
        *dense(f"{module}.attn.proj", f"{window}/output"),
        *layer_norm(f"{module}.norm2", f"{layer}_ffn_preact_ln"),
        *dense(f"{module}.mlp.fc1", f"{layer}_ffn/1_dense"),
        *dense(f"{module}.mlp.fc2", f"{layer}_ffn/2_dense"),
    ]

"""LeViT128 of the package ``keras_cv_attention_models`` in timm's ``levit_128``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invert_captum.alignment.weights.assignments import (
    DENSE,
    assign,
    batch_norm,
    convolution,
    dense,
)
from invert_captum.alignment.weights.model_checks import check_kinds, check_model_type, timm_class

if TYPE_CHECKING:
    from torch import nn

    from invert_captum.alignment.weights.assignments import Assignment
    from invert_captum.alignment.weights.keras_file import KerasFile

RECIPE = "timm.create_model('levit_128', distilled=False)"
_KINDS = (
    *("Conv2d", "BatchNorm2d", "BatchNorm1d", "Hardswish", "Linear", "Dropout", "Identity"),
    *("Downsample", "DropPath"),
)


def levit_assignments(model: nn.Module, _: KerasFile) -> list[Assignment]:
    """Return which weights belong where, or raise `ValueError` if the model computes otherwise."""
    check_model_type(model, timm_class("timm.models.levit", "Levit"), RECIPE)
    check_kinds(model, _KINDS, RECIPE)
    found = []
    for name, _module in model.get_submodule("stem").named_children():
        if name.startswith("conv"):
            layer = f"stem_{name.removeprefix('conv')}"
            found += convolution(f"stem.{name}.linear", f"{layer}_conv", bias=False)
            found += batch_norm(f"stem.{name}.bn", f"{layer}_bn")
    for index, stage in enumerate(model.get_submodule("stages").children()):
        if index:
            found += _downsampling(f"stages.{index}.downsample", f"stack{index}_downsample")
        for block, _module in enumerate(stage.get_submodule("blocks").children()):
            found += _block(f"stages.{index}.blocks.{block}", f"stack{index + 1}_block{block + 1}")
    return [*found, *batch_norm("head.bn", "head_bn"), *dense("head.linear", "head")]


def _block(module: str, layer: str) -> list[Assignment]:
    return [
        *_normed_dense(f"{module}.attn.qkv", f"{layer}_qkv", f"{layer}_qkv_bn"),
        _positions(f"{module}.attn", layer),
        *_normed_dense(f"{module}.attn.proj.ln", f"{layer}_out", f"{layer}_out_bn"),
        *_mlp(module, layer),
    ]


def _downsampling(module: str, layer: str) -> list[Assignment]:
    attention = f"{module}.attn_downsample"
    return [
        *_normed_dense(f"{attention}.kv", f"{layer}_kv", f"{layer}_kv_bn"),
        *_normed_dense(f"{attention}.q.ln", f"{layer}_q", f"{layer}_q_bn"),
        _positions(attention, layer),
        *_normed_dense(f"{attention}.proj.ln", f"{layer}_out", f"{layer}_out_bn"),
        *_mlp(module, layer),
    ]


def _positions(attention: str, layer: str) -> Assignment:
    # Keras has (positions, heads).
    variable = "positional_embedding"
    return assign(f"{attention}.attention_biases", f"{layer}_attn_pos", variable, DENSE)


def _mlp(module: str, layer: str) -> list[Assignment]:
    return [
        assignment
        for part in (1, 2)
        for assignment in _normed_dense(
            f"{module}.mlp.ln{part}", f"{layer}_mlp_{part}_dense", f"{layer}_mlp_{part}_bn"
        )
    ]


def _normed_dense(module: str, layer: str, norm: str) -> list[Assignment]:
    return [
        *dense(f"{module}.linear", layer, bias=False),
        *batch_norm(f"{module}.bn", norm),
    ]

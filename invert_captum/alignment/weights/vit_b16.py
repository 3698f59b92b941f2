"""ViT-B/16 of the package ``vit_keras`` in torchvision's ``vit_b_16``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from invert_captum.alignment.weights.assignments import (
    DENSE,
    SAME,
    SAME_3D,
    Assignment,
    Source,
    assign,
    convolution,
    dense,
    layer_norm,
)
from invert_captum.alignment.weights.model_checks import check_kinds, check_model_type

if TYPE_CHECKING:
    from torch import nn

    from invert_captum.alignment.weights.assignments import WeightLayout
    from invert_captum.alignment.weights.keras_file import KerasFile

RECIPE = "torchvision.models.vit_b_16()"
_KINDS = ("Conv2d", "LayerNorm", "Dropout", "NonDynamicallyQuantizableLinear", "Linear", "GELU")
_ATTENTION = "MultiHeadDotProductAttention_1"
# ViT-B has 12 heads for 768 numbers; weights alone do not tell how many there are.
_HEAD_SIZE = 64


def vit_b16_assignments(model: nn.Module, file: KerasFile) -> list[Assignment]:
    """Return which weights belong where, or raise `ValueError` if the model computes otherwise."""
    from torchvision.models import VisionTransformer

    check_model_type(model, VisionTransformer, RECIPE)
    check_kinds(model, _KINDS, RECIPE)
    found = [
        *convolution("conv_proj", "embedding"),
        assign("class_token", "class_token", "cls", SAME_3D),
        assign("encoder.pos_embedding", "Transformer/posembed_input", "pos_embedding", SAME_3D),
    ]
    for index, block in enumerate(model.get_submodule("encoder.layers").children()):
        layer = f"Transformer/encoderblock_{index}"
        _check_heads(block, layer, file)
        found += _block(f"encoder.layers.encoder_layer_{index}", layer)
    return [
        *found,
        *layer_norm("encoder.ln", "Transformer/encoder_norm"),
        *dense("heads.head", "head"),
    ]


def _block(module: str, layer: str) -> list[Assignment]:
    attention = f"{module}.self_attention"
    return [
        *layer_norm(f"{module}.ln_1", layer, scope="LayerNorm_0/"),
        _queries_keys_values(f"{attention}.in_proj_weight", layer, "kernel", DENSE),
        _queries_keys_values(f"{attention}.in_proj_bias", layer, "bias", SAME),
        assign(f"{attention}.out_proj.weight", layer, f"{_ATTENTION}/out/kernel", DENSE),
        assign(f"{attention}.out_proj.bias", layer, f"{_ATTENTION}/out/bias", SAME),
        *layer_norm(f"{module}.ln_2", layer, scope="LayerNorm_2/"),
        assign(f"{module}.mlp.0.weight", layer, "Dense_0/kernel", DENSE),
        assign(f"{module}.mlp.0.bias", layer, "Dense_0/bias", SAME),
        assign(f"{module}.mlp.3.weight", layer, "Dense_1/kernel", DENSE),
        assign(f"{module}.mlp.3.bias", layer, "Dense_1/bias", SAME),
    ]


def _queries_keys_values(
    target: str, layer: str, variable: str, layout: WeightLayout
) -> Assignment:
    sources = [
        Source((layer,), (f"{_ATTENTION}/{part}/{variable}",)) for part in ("query", "key", "value")
    ]
    return Assignment(target, tuple(sources), layout)


def _check_heads(block: nn.Module, layer: str, file: KerasFile) -> None:
    attention: Any = block.get_submodule("self_attention")
    heads, width = int(attention.num_heads), int(attention.embed_dim)
    described = None if file.config is None else file.config.layer(layer)
    expected = None if described is None else described.settings.get("num_heads")
    if expected is None and heads * _HEAD_SIZE != width:
        raise ValueError(
            f"model has {heads} heads for {width} numbers in {layer}; expected one for each "
            f"{_HEAD_SIZE}, as in ViT-B, because path does not tell the number"
        )
    if expected is not None and heads != expected:
        raise ValueError(
            f"model has {heads} attention heads, the Keras network's {layer} has {expected}; "
            "expected the same number"
        )

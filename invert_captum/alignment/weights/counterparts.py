"""The architectures with published Keras weights, and what they are in PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from invert_captum._validation import listed
from invert_captum.alignment.weights import (
    convnext_tiny,
    efficientnet_b0,
    levit,
    maxvit_tiny,
    vgg16,
    vit_b16,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from invert_captum.alignment.weights.assignments import Assignment
    from invert_captum.alignment.weights.keras_file import KerasFile

KerasArchitecture = Literal[
    "VGG16", "EfficientNetB0", "ConvNeXt-T", "ViT-B16", "ResNet50V2", "MaxViT-T", "LeViT"
]


@dataclass(frozen=True)
class Counterpart:
    """What a Keras architecture is in PyTorch.

    Args:
        marks: Layers that a file of this architecture has, and none of another.
        activations: What its layers apply. Another one in a file is another network.
        batch_epsilon: Of its batch normalisations, where a file does not tell.
        layer_epsilon: Of its layer normalisations, likewise.
        recipe: Code that builds it in PyTorch.
        assignments: Which weights belong where in a model; raises if it computes otherwise.
    """

    marks: tuple[str, ...]
    activations: frozenset[str]
    batch_epsilon: float | None
    layer_epsilon: float | None
    recipe: str
    assignments: Callable[[nn.Module, KerasFile], list[Assignment]]


@dataclass(frozen=True)
class NoCounterpart:
    """Why a Keras architecture is not loaded."""

    marks: tuple[str, ...]
    reason: str


COUNTERPARTS: dict[str, Counterpart | NoCounterpart] = {
    "VGG16": Counterpart(
        ("block1_conv1", "block5_conv3"),
        frozenset({"relu"}),
        None,
        None,
        vgg16.RECIPE,
        vgg16.vgg16_assignments,
    ),
    "EfficientNetB0": Counterpart(
        ("stem_conv", "block1a_dwconv"),
        frozenset({"swish", "silu", "sigmoid"}),
        1e-3,
        None,
        efficientnet_b0.RECIPE,
        efficientnet_b0.efficientnet_b0_assignments,
    ),
    "ConvNeXt-T": Counterpart(
        ("stem_conv", "stack1_block1_dw_conv"),
        frozenset({"gelu"}),
        None,
        1e-6,
        convnext_tiny.RECIPE,
        convnext_tiny.convnext_tiny_assignments,
    ),
    "ViT-B16": Counterpart(
        ("class_token", "Transformer/encoder_norm"),
        frozenset(),
        None,
        1e-6,
        vit_b16.RECIPE,
        vit_b16.vit_b16_assignments,
    ),
    "ResNet50V2": NoCounterpart(
        ("conv1_conv", "post_bn"),
        "in each stack it halves the maps in the last block and passes by it with max-pooling, "
        "where those of torchvision and timm halve in the first with a convolution",
    ),
    "MaxViT-T": Counterpart(
        ("stem_1_conv", "stack_1_block_1/mbconv/preact_bn"),
        frozenset({"gelu", "gelu/app", "swish", "silu", "sigmoid", "tanh", "softmax"}),
        1e-3,
        1e-5,
        maxvit_tiny.RECIPE,
        maxvit_tiny.maxvit_tiny_assignments,
    ),
    "LeViT": Counterpart(
        ("stem_1_conv", "stack1_block1_qkv"),
        frozenset({"hard_swish", "softmax"}),
        1e-5,
        None,
        levit.RECIPE,
        levit.levit_assignments,
    ),
}


def counterpart_of(file: KerasFile, architecture: str | None) -> tuple[str, Counterpart]:
    """Return the architecture of a file and what it is in PyTorch, or raise `ValueError`."""
    layers = set(file.layers)
    fitting = [name for name, entry in COUNTERPARTS.items() if layers.issuperset(entry.marks)]
    name = fitting[0] if architecture is None and fitting else architecture
    if name is None:
        raise ValueError(
            f"path has weights of the layers {listed(file.layers) or 'none'}, which are those of "
            f"no known architecture; expected one of {', '.join(COUNTERPARTS)}"
        )
    if name not in fitting:
        raise ValueError(
            f"architecture is {name!r}, but path has weights of "
            f"{fitting[0] if fitting else 'layers named ' + (listed(file.layers) or 'nothing')}; "
            f"expected the layers {listed(COUNTERPARTS[name].marks)} in it"
        )
    entry = COUNTERPARTS[name]
    if isinstance(entry, NoCounterpart):
        raise ValueError(
            f"path has weights of {name}, which has no counterpart in PyTorch: {entry.reason}"
        )
    return name, entry

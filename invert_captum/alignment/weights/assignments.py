"""Which weights of a Keras file belong to which parameter or buffer of a PyTorch model.

And in which order: Keras keeps the numbers of a weight otherwise than PyTorch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


@dataclass(frozen=True)
class WeightLayout:
    """How a Keras array of ``rank`` axes becomes a PyTorch one."""

    rank: int
    convert: Callable[[Tensor], Tensor]


def flattened_dense(channels: int, height: int, width: int) -> WeightLayout:
    """Return the layout of a dense kernel that follows flattening.

    Keras flattens (height, width, channels) and PyTorch (channels, height, width), so that the
    kernel's rows are in another order.
    """

    def convert(kernel: Tensor) -> Tensor:
        apart = kernel.T.reshape(-1, height, width, channels)
        return apart.permute(0, 3, 1, 2).flatten(1)

    return WeightLayout(2, convert)


SAME = WeightLayout(1, lambda vector: vector)
SAME_3D = WeightLayout(3, lambda array: array)
# Kernels are (height, width, in, out), and depthwise ones (height, width, in, multiplier).
CONVOLUTION = WeightLayout(4, lambda kernel: kernel.permute(3, 2, 0, 1))
DEPTHWISE = WeightLayout(
    4, lambda kernel: kernel.permute(2, 3, 0, 1).reshape(-1, 1, *kernel.shape[:2])
)
DENSE = WeightLayout(2, lambda kernel: kernel.T)
PER_CHANNEL = WeightLayout(1, lambda vector: vector[:, None, None])
# A dense layer that Keras writes as a convolution of one pixel.
POINTWISE = WeightLayout(4, lambda kernel: kernel.flatten(0, 2).T)
# One number for each head and offset between two places of a window. Keras counts offsets from the
# place that is looked at, timm to it, so that the square of offsets is turned by half.
RELATIVE_POSITIONS = WeightLayout(
    2, lambda table: table.reshape(len(table), *[math.isqrt(table.shape[1])] * 2).flip(1, 2)
)


@dataclass(frozen=True)
class Source:
    """A weight of the file: alternatives for its layer's name and for its own."""

    layers: tuple[str, ...]
    variables: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name in messages."""
        return f"{' or '.join(self.layers)}/{' or '.join(self.variables)}"


@dataclass(frozen=True)
class Assignment:
    """What ``target``, a name in the model's ``state_dict``, is made of: the sources in a row."""

    target: str
    sources: tuple[Source, ...]
    layout: WeightLayout


def assign(
    target: str, layer: str | tuple[str, ...], variable: str | tuple[str, ...], layout: WeightLayout
) -> Assignment:
    """Return the assignment of one weight to one target."""
    layers = (layer,) if isinstance(layer, str) else layer
    variables = (variable,) if isinstance(variable, str) else variable
    return Assignment(target, (Source(layers, variables),), layout)


def convolution(module: str, layer: str, *, bias: bool = True) -> list[Assignment]:
    """Return the assignments of a convolution."""
    kernel = assign(f"{module}.weight", layer, "kernel", CONVOLUTION)
    return [kernel, *_bias(module, layer, bias=bias)]


def depthwise(module: str, layer: str, *, bias: bool = True) -> list[Assignment]:
    """Return the assignments of a depthwise convolution."""
    # Keras 2 and Keras 3 name it differently.
    names = ("depthwise_kernel", "kernel")
    kernel = assign(f"{module}.weight", layer, names, DEPTHWISE)
    return [kernel, *_bias(module, layer, bias=bias)]


def dense(
    module: str, layer: str | tuple[str, ...], *, layout: WeightLayout = DENSE, bias: bool = True
) -> list[Assignment]:
    """Return the assignments of a dense layer."""
    kernel = assign(f"{module}.weight", layer, "kernel", layout)
    return [kernel, *_bias(module, layer, bias=bias)]


def layer_norm(module: str, layer: str, *, scope: str = "") -> list[Assignment]:
    """Return the assignments of a layer normalisation."""
    return [
        assign(f"{module}.weight", layer, f"{scope}gamma", SAME),
        assign(f"{module}.bias", layer, f"{scope}beta", SAME),
    ]


def batch_norm(module: str, layer: str) -> list[Assignment]:
    """Return the assignments of a batch normalisation and its statistics."""
    return [
        *layer_norm(module, layer),
        assign(f"{module}.running_mean", layer, "moving_mean", SAME),
        assign(f"{module}.running_var", layer, "moving_variance", SAME),
    ]


def _bias(module: str, layer: str | tuple[str, ...], *, bias: bool) -> list[Assignment]:
    return [assign(f"{module}.bias", layer, "bias", SAME)] if bias else []

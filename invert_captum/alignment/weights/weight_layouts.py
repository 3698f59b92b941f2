"""From the order in which Keras keeps the numbers of a weight to that of PyTorch."""

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

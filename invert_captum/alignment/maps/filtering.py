"""Correlation of maps with weights along one axis, which is all that blur and pyramid need."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Sequence


def filtered(
    maps: torch.Tensor,
    weights: Sequence[float],
    axis: int,
    zeros: tuple[int, int],
    stride: int = 1,
) -> torch.Tensor:
    """Correlate maps with weights along one axis, zeros around them.

    The sum of shifted maps. A convolution of torch would not do: autocast computes it in half
    precision, and a GPU rounds its factors to 10 bits (TensorFloat-32) unless told otherwise.

    Args:
        maps: Of shape (N, H, W), at least float32.
        weights: One for each shift, not turned round.
        axis: 1 for down the rows, 2 for across the columns.
        zeros: How many lie before and after the map, along the axis.
        stride: Which positions are kept, along the axis.
    """
    padded = functional.pad(maps, zeros if axis == 2 else (0, 0, *zeros))
    last = padded.shape[axis] - len(weights) + 1
    total = torch.zeros((), dtype=maps.dtype, device=maps.device)
    for shift, weight in enumerate(weights):
        kept = slice(shift, shift + last, stride)
        total = total + weight * (padded[:, kept] if axis == 1 else padded[..., kept])
    return total

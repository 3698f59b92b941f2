"""A coarse grid of features, so that ablating pictures takes hundreds of passes, not thousands."""

from __future__ import annotations

import math

import torch
from torch import Tensor

GRID = 14
"""Cells along each side of a picture."""


def grid_feature_mask(
    inputs: Tensor | tuple[Tensor, ...], cells: int = GRID
) -> Tensor | tuple[Tensor, ...] | None:
    """Return a ``feature_mask`` of grid cells over pictures for Captum's ablation methods.

    Args:
        inputs: A tensor or a tuple of tensors. Those with four axes (n, channels, height, width)
            are cut into cells over height and width, the same for all channels; of other tensors
            beside them each number is a feature, as Captum has it.
        cells: Cells along each side; at most one per pixel.

    Returns:
        Masks that broadcast against the inputs, with ids that no two tensors share; None if no
        tensor has four axes, for which Captum's own default does.

    Examples:
        >>> grid_feature_mask(torch.rand(2, 3, 4, 6), cells=2)
        tensor([[[[0, 0, 0, 1, 1, 1],
                  [0, 0, 0, 1, 1, 1],
                  [2, 2, 2, 3, 3, 3],
                  [2, 2, 2, 3, 3, 3]]]])
    """
    tensors = inputs if isinstance(inputs, tuple) else (inputs,)
    if not any(tensor.ndim == 4 for tensor in tensors):
        return None
    masks: list[Tensor] = []
    n_features = 0
    for tensor in tensors:
        mask = _grid(tensor, cells) if tensor.ndim == 4 else _each(tensor)
        masks.append((mask + n_features).to(tensor.device))
        n_features += int(mask.max()) + 1 if mask.numel() else 0
    return tuple(masks) if isinstance(inputs, tuple) else masks[0]


def _grid(pictures: Tensor, cells: int) -> Tensor:
    height, width = pictures.shape[2:]
    n_rows, n_columns = min(cells, height), min(cells, width)
    rows = torch.arange(height) * n_rows // height
    columns = torch.arange(width) * n_columns // width
    return (rows[:, None] * n_columns + columns)[None, None]


def _each(tensor: Tensor) -> Tensor:
    shape = tensor.shape[1:]
    return torch.arange(math.prod(shape)).reshape(1, *shape)

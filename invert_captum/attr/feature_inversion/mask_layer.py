"""What the mask layer gives, as maps that lie on the picture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from torch import Tensor

from invert_captum.activations.reducers import neurons_first
from invert_captum.attr.upsampling import token_grid

if TYPE_CHECKING:
    from collections.abc import Sequence


def tensor_of(value: Any, layer: str) -> Tensor:
    """Return the one tensor in what a layer gives, which may be a tuple, list or dict with it.

    Raises:
        TypeError: there is none, or several.
    """
    items = value.values() if isinstance(value, dict) else value
    if isinstance(value, (tuple, list, dict)):
        tensors = [item for item in items if isinstance(item, Tensor)]
        if len(tensors) == 1:
            return tensors[0]
        raise TypeError(
            f"layer {layer!r} has a {type(value).__name__} with {len(tensors)} tensors; expected "
            "one tensor"
        )
    if not isinstance(value, Tensor):
        raise TypeError(f"layer {layer!r} has {type(value).__name__}; expected a tensor")
    return value


def channel_maps(
    output: Tensor, size: tuple[int, int], channel_dim: int | None, layer: str
) -> Tensor:
    """Return a layer's channels as maps.

    Feature maps may have their channels before or after the positions: unless ``channel_dim`` says
    which, it is the reading whose positions come nearest to the picture's aspect ratio. Tokens of
    a vision transformer are folded into the grid of their patches, without the class token.

    Args:
        output: Shape (n, channels, height, width), (n, height, width, channels) or
            (n, tokens, channels).
        size: Height and width of the picture.
        channel_dim: Axis of the channels; None: as above.
        layer: Name of the layer, for messages.

    Returns:
        Shape (n, channels, height, width).

    Raises:
        ValueError: the layer has no positions, or tokens that fill no grid.

    Examples:
        >>> import torch
        >>> channel_maps(torch.rand(2, 7, 7, 96), (224, 224), None, "features.1").shape
        torch.Size([2, 96, 7, 7])
        >>> channel_maps(torch.rand(2, 50, 96), (224, 224), None, "encoder").shape
        torch.Size([2, 96, 7, 7])
    """
    axis = channel_axis(output.shape, size, channel_dim)
    maps = neurons_first(output, axis, layer)
    if maps.ndim == 3:
        maps = _folded(maps, size, layer)
    if maps.ndim != 4 or math.prod(maps.shape[2:]) < 2:
        raise ValueError(
            f"layer {layer!r} has shape {tuple(output.shape)}, without positions to make a mask "
            "of; expected maps (n, channels, height, width), (n, height, width, channels) or "
            "tokens (n, tokens, channels). Of a pooling layer take what it gets: "
            "attribute_to_layer_input=True"
        )
    return maps


def channel_axis(
    shape: Sequence[int], size: tuple[int, int], channel_dim: int | None
) -> int | None:
    """Return the axis of the channels in what a layer gives; None: the usual one.

    Examples:
        >>> channel_axis((2, 7, 7, 96), (224, 224), None)
        3
    """
    if channel_dim is not None or len(shape) != 4:
        return channel_dim
    apart = {axis: _off_ratio([*shape[1:axis], *shape[axis + 1 :]], size) for axis in (1, 3)}
    return min(apart, key=lambda axis: apart[axis])


def _off_ratio(positions: Sequence[int], size: tuple[int, int]) -> float:
    """Return by what factor, as a logarithm, the aspect ratio of positions is off."""
    (height, width), (high, wide) = positions, size
    return abs(math.log(height * wide / (width * high)))


def _folded(maps: Tensor, size: tuple[int, int], layer: str) -> Tensor:
    n_tokens = maps.shape[2]
    grid = token_grid(n_tokens, size)
    if grid is None:
        raise ValueError(
            f"layer {layer!r} has {n_tokens} tokens, which with or without a class token fill no "
            f"grid over pictures of {size[0]} x {size[1]}"
        )
    n_before, height, width = grid
    patches = maps[:, :, n_before:]
    return patches.reshape(*maps.shape[:2], height, width)

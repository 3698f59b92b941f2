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

    Feature maps may have their channels before or after the positions, see `channel_axis`. Tokens
    of a vision transformer are folded into the grid of their patches, without the class token.

    Args:
        output: Shape (n, channels, height, width), (n, height, width, channels) or
            (n, tokens, channels).
        size: Height and width of the picture.
        channel_dim: Axis of the channels; None: as above.
        layer: Name of the layer, for messages.

    Returns:
        Shape (n, channels, height, width).

    Raises:
        ValueError: the layer has no positions, tokens that fill no grid, no axis ``channel_dim``,
            or axes of which it is not sure what they are.

    Examples:
        >>> import torch
        >>> channel_maps(torch.rand(2, 7, 7, 96), (224, 224), None, "features.1").shape
        torch.Size([2, 96, 7, 7])
        >>> channel_maps(torch.rand(2, 50, 96), (224, 224), None, "encoder").shape
        torch.Size([2, 96, 7, 7])
    """
    axes = [axis for axis in range(-output.ndim, output.ndim) if axis % output.ndim]
    if channel_dim is not None and channel_dim not in axes:
        raise ValueError(
            f"channel_dim is {channel_dim}, but layer {layer!r} has shape {tuple(output.shape)}; "
            "expected an axis of it other than 0, the axis of the pictures"
        )
    if channel_dim is None and output.ndim == 3:
        _check_tokens((output.shape[1], output.shape[2]), size, layer)
    axis = channel_dim
    if axis is None:
        axis = channel_axis(output.shape, size, layer, "channel_dim=1 or channel_dim=3")
    maps = neurons_first(output, axis, layer)
    if maps.ndim == 3:
        maps = _folded(maps, size, layer)
    if maps.ndim != 4 or math.prod(maps.shape[2:]) < 2:
        raise ValueError(
            f"layer {layer!r} has shape {tuple(output.shape)}, without positions to make a mask "
            "of; expected maps (n, channels, height, width), (n, height, width, channels) or "
            "tokens (n, tokens, channels): what a pooling layer gets "
            "(attribute_to_layer_input=True), an earlier layer, or larger pictures"
        )
    return maps


def channel_axis(
    shape: Sequence[int], size: tuple[int, int], layer: str, remedy: str
) -> int | None:
    """Return the axis of the channels in what a layer gives; None unless it has four axes.

    The channels come second where the positions after them have the picture's aspect ratio, or
    there is only one. Else it is the reading whose positions come nearer to that ratio.

    Args:
        shape: Of what the layer gives.
        size: Height and width of the picture.
        layer: Name of the layer, for messages.
        remedy: What a caller may say where both readings fit, for messages.

    Raises:
        ValueError: both readings have the picture's aspect ratio but for one row or column.

    Examples:
        >>> channel_axis((2, 7, 7, 96), (224, 224), "features.1", "channel_dim")
        3
    """
    if len(shape) != 4:
        return None
    second, last = (shape[2], shape[3]), (shape[1], shape[2])
    if math.prod(second) == 1 or _off_ratio(second, size) == 0:
        return 1
    if _nearly_fits(second, size) and _nearly_fits(last, size):
        raise ValueError(
            f"layer {layer!r} has shape {tuple(shape)}, in which axis 1 or axis 3 may be the "
            f"channels of pictures of {size[0]} x {size[1]}; expected {remedy}"
        )
    return 3 if _off_ratio(last, size) < _off_ratio(second, size) else 1


def _check_tokens(sizes: tuple[int, int], size: tuple[int, int], layer: str) -> None:
    """Raise `ValueError` if two axes after the pictures may be height and width."""
    if min(sizes) > 1 and _off_ratio(sizes, size) == 0:
        raise ValueError(
            f"layer {layer!r} has shape (n, {sizes[0]}, {sizes[1]}), which may be tokens with "
            "channels, or maps without an axis of channels; expected channel_dim=2 if they are "
            "tokens, or maps (n, channels, height, width)"
        )


def _off_ratio(positions: tuple[int, int], size: tuple[int, int]) -> float:
    """Return by what factor, as a logarithm, the aspect ratio of positions is off."""
    (height, width), (high, wide) = positions, size
    return abs(math.log(height * wide / (width * high)))


def _nearly_fits(positions: tuple[int, int], size: tuple[int, int]) -> bool:
    """Return whether one row or column more or less would have the picture's aspect ratio."""
    (height, width), (high, wide) = positions, size
    return (height - 1) * wide <= high * (width + 1) and high * (width - 1) <= (height + 1) * wide


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

"""Values at the positions of a layer, laid over the inputs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from captum.attr import LayerAttribution

if TYPE_CHECKING:
    from torch import Tensor

_MODES = {2: "bilinear", 3: "trilinear"}


def lay_over_inputs(
    values: Tensor, inputs: Tensor | tuple[Tensor, ...], *, layer: str = "layer"
) -> Tensor:
    """Up-sample one value per position of a layer to the inputs.

    Maps go through `captum.attr.LayerAttribution.interpolate`, bilinear over pictures and
    trilinear over volumes. Tokens of a vision transformer are folded into the grid of their
    patches; a class token before them, which has no place in the picture, is left out. Tokens of
    inputs that have as many are returned as they are.

    Args:
        values: Shape (n, height, width), (n, depth, height, width) or (n, tokens).
        inputs: The inputs of the model. Of several tensors, the one that fits counts.
        layer: Name of the layer, for error messages.

    Returns:
        Shape (n, 1, height, width) or (n, 1, depth, height, width) of the inputs, or (n, tokens).

    Raises:
        ValueError: the positions do not fit the inputs, or only the class token has a value.

    Examples:
        >>> import torch
        >>> lay_over_inputs(torch.rand(2, 7, 7), torch.rand(2, 3, 224, 224)).shape
        torch.Size([2, 1, 224, 224])
        >>> lay_over_inputs(torch.rand(2, 50), torch.rand(2, 3, 224, 224)).shape
        torch.Size([2, 1, 224, 224])
        >>> lay_over_inputs(torch.rand(2, 12), torch.rand(2, 12, 384)).shape
        torch.Size([2, 12])
    """
    tensors = inputs if isinstance(inputs, tuple) else (inputs,)
    sizes = tuple(values.shape[1:])
    if len(sizes) == 1 and any(t.ndim in (2, 3) and t.shape[1:2] == sizes for t in tensors):
        return values
    n_axes = max(len(sizes), 2)
    spatial = {tuple(t.shape[2:]) for t in tensors if n_axes in _MODES and t.ndim == n_axes + 2}
    grids = {size: _as_grid(values, size, layer) for size in spatial}
    fitting = {size: grid for size, grid in grids.items() if grid is not None}
    if len(fitting) != 1:
        raise ValueError(
            f"layer {layer!r} has positions {sizes}, but inputs has shape "
            f"{', '.join(str(tuple(t.shape)) for t in tensors)}; expected pictures (n, channels, "
            "height, width) for maps or for patches that fill a grid of the same aspect ratio, "
            "or (n, tokens) or (n, tokens, features) for tokens"
        )
    ((size, grid),) = fitting.items()
    upsampled: Tensor = LayerAttribution.interpolate(grid.unsqueeze(1), size, _MODES[n_axes])
    return upsampled


def token_grid(n_tokens: int, size: tuple[int, int]) -> tuple[int, int, int] | None:
    """Return how the tokens of a vision transformer cover a picture.

    Args:
        n_tokens: Number of tokens.
        size: Height and width of the picture.

    Returns:
        How many tokens stand before the patches (0, or 1 for a class token), and height and width
        of the grid of patches; None if no grid has the picture's aspect ratio.

    Examples:
        >>> token_grid(197, (224, 224)), token_grid(50, (224, 200))
        ((1, 14, 14), None)
    """
    for n_before in (0, 1):
        n_patches = n_tokens - n_before
        height = math.isqrt(n_patches * size[0] // size[1])
        if not height or n_patches % height or height * size[1] * height != n_patches * size[0]:
            continue
        return n_before, height, n_patches // height
    return None


def _as_grid(values: Tensor, size: tuple[int, ...], layer: str) -> Tensor | None:
    """Return ``values`` as a map over inputs of ``size``, or None if they make none."""
    if values.ndim > 2:
        return values
    grid = token_grid(values.shape[1], (size[0], size[1]))
    if grid is None:
        return None
    n_before, height, width = grid
    patches = values[:, n_before:]
    if n_before and values[:, 0].any() and not patches.any():
        raise ValueError(
            f"all of layer {layer!r} lies in its class token alone, which has no place in "
            "the picture; expected a reduction over patches, such as 'mean', or a Neuron* "
            "method"
        )
    return patches.reshape(len(patches), height, width)

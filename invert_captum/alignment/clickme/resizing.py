"""Bilinear resizing, as TensorFlow's ``tf.image.resize`` does it by default."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn.functional import interpolate

if TYPE_CHECKING:
    from torch import Tensor


def resized(picture: Tensor, height: int, width: int, *, smooth: bool = False) -> Tensor:
    """Resize a picture with bilinear interpolation between the centres of pixels.

    Args:
        picture: Shape (C, H, W), floating.
        height: The new height, in pixels.
        width: The new width, in pixels.
        smooth: Where the picture shrinks, average over all its pixels. The default looks at no more
            than 2 by 2 of them, as the reference does.

    Returns:
        Shape (C, height, width), of the same type.

    Source: the released code of Fel et al., NeurIPS 2022, whose loader resizes without smoothing.

    Examples:
        >>> import torch
        >>> line = torch.tensor([0.0, 0.0, 8.0, 0.0]).expand(1, 1, 4)
        >>> resized(line, 1, 2).tolist(), resized(line, 1, 8).tolist()
        ([[[0.0, 4.0]]], [[[0.0, 0.0, 0.0, 2.0, 6.0, 6.0, 2.0, 0.0]]])
    """
    return interpolate(
        picture[None], size=(height, width), mode="bilinear", align_corners=False, antialias=smooth
    )[0]

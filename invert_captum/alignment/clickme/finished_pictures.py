"""Pictures and finished maps of any size, as folders and archives hold them, made into tensors.

ClickMe's records hold clicks, which the reference blurs. A map from elsewhere is taken as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from invert_captum.alignment.clickme.resizing import resized

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor


def finished_image(image: NDArray[Any], size: int) -> Tensor:
    """Resize a picture, averaging where it shrinks.

    Args:
        image: uint8, shape (H, W, 3), or (H, W) for grey levels, which become three channels.
        size: The side of the result, in pixels.

    Returns:
        float32, shape (3, size, size), from 0 to 255.

    Raises:
        TypeError: ``image`` is not of type uint8.
        ValueError: ``image`` has another shape, or no pixels.

    Examples:
        >>> finished_image(np.full((50, 30, 3), 7, np.uint8), 32).shape
        torch.Size([3, 32, 32])
    """
    if image.dtype != np.uint8:
        raise TypeError(f"image is of {image.dtype}; expected uint8, from 0 to 255")
    if image.ndim == 2:
        image = np.repeat(image[:, :, None], 3, axis=2)
    if image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ValueError(f"image has shape {image.shape}; expected (H, W, 3), with pixels")
    channels = torch.tensor(np.ascontiguousarray(image)).permute(2, 0, 1).float()
    # Averaging white pixels may round to a little more than white.
    return resized(channels, size, size, smooth=True).clamp(0, 255)


def finished_map(heatmap: NDArray[Any], image: NDArray[Any], size: int) -> Tensor:
    """Resize a map, averaging where it shrinks. It is neither blurred nor scaled.

    Args:
        heatmap: Real numbers that are not negative, shape (H, W).
        image: The picture that it belongs to, shape (H, W) or (H, W, 3).
        size: The side of the result, in pixels.

    Returns:
        float32, shape (size, size).

    Raises:
        TypeError: ``heatmap`` is not of real numbers.
        ValueError: it has not the picture's height and width, or NaN, infinite or negative values.

    Examples:
        >>> finished_map(np.ones((50, 30)), np.zeros((50, 30, 3), np.uint8), 32).shape
        torch.Size([32, 32])
    """
    checked = checked_map(heatmap)
    if checked.shape != image.shape[:2]:
        raise ValueError(
            f"heatmap has shape {checked.shape}, but its image {image.shape}; expected "
            f"{image.shape[:2]}"
        )
    return resized(torch.tensor(checked)[None], size, size, smooth=True)[0]


def checked_map(heatmap: NDArray[Any]) -> NDArray[np.float32]:
    """Return a heat map in single precision.

    Raises:
        TypeError: If it is not of real numbers.
        ValueError: If it is no (H, W) with pixels, or has NaN, infinite or negative values.
    """
    if not isinstance(heatmap, np.ndarray) or heatmap.dtype.kind not in "buif":
        came = heatmap.dtype if isinstance(heatmap, np.ndarray) else type(heatmap).__name__
        raise TypeError(f"heatmap is of {came}; expected a NumPy array of real numbers")
    if heatmap.ndim != 2 or heatmap.size == 0:
        raise ValueError(f"heatmap has shape {heatmap.shape}; expected (H, W), with pixels")
    with np.errstate(over="ignore"):
        checked = heatmap.astype(np.float32, order="C")
    if not np.isfinite(checked).all():
        raise ValueError(
            "heatmap has NaN or infinite values, or too large ones for 32 bits; expected finite "
            "ones"
        )
    if checked.min() < 0:
        raise ValueError(f"heatmap goes down to {checked.min():g}; expected no negative value")
    return checked

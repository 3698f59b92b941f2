"""The Gaussian blur of human maps, as the reference places it."""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from invert_captum._validation import check_integer, shown
from invert_captum.alignment.maps.map_checks import check_maps


def gaussian_kernel(size: int = 10, sigma: float = 10.0) -> torch.Tensor:
    """Return a square Gaussian kernel that sums to one.

    Its peak is at row ``(size - 1) // 2`` and column ``size // 2``, counted from 0 at the top left:
    the kernel of an even size lies off centre.

    Args:
        size: The side of the kernel, in pixels.
        sigma: The standard deviation, in pixels.

    Returns:
        The kernel, of shape (size, size), float64.

    Raises:
        ValueError: If ``size`` is below 1, or ``sigma`` is not positive and finite.

    Source: the released code of Fel et al., "Harmonizing the object recognition strategies of deep
    neural networks with humans", NeurIPS 2022.

    Examples:
        >>> kernel = gaussian_kernel(3, 1.0)
        >>> round(float(kernel.sum()), 6), round(float(kernel[1, 1]), 4)
        (1.0, 0.2042)
    """
    size = check_integer("size", size, minimum=1)
    if not isinstance(sigma, (int, float)) or not math.isfinite(sigma) or sigma <= 0:
        raise ValueError(f"sigma must be positive and finite, got {shown(sigma)}")
    pixels = torch.arange(size, dtype=torch.float64)
    down = pixels - (size - 1) // 2
    across = pixels - size // 2
    kernel = torch.exp(-(down[:, None].square() + across.square()) / (2 * sigma**2))
    return kernel / kernel.sum()


def gaussian_blur(maps: torch.Tensor, size: int = 10, sigma: float = 10.0) -> torch.Tensor:
    """Blur maps with a Gaussian kernel, zeros around them.

    The published human maps are blurred with the default kernel at 64 by 64 pixels. Zeros around
    the map darken it near its border. With an even ``size`` what is blurred
    moves by one pixel to the left, as in the reference.

    Args:
        maps: Maps of shape (N, H, W), floating.
        size: The side of the kernel, in pixels.
        sigma: The standard deviation, in pixels.

    Returns:
        The blurred maps, of the same shape, type and device.

    Raises:
        TypeError: If ``maps`` are not a floating tensor.
        ValueError: If their shape is another, or ``size`` or ``sigma`` is out of range.

    Source: the released code of Fel et al., NeurIPS 2022.

    Examples:
        >>> import torch
        >>> spot = torch.zeros(1, 21, 21)
        >>> spot[0, 10, 10] = 1
        >>> blurred = gaussian_blur(spot)
        >>> divmod(int(blurred.argmax()), 21)
        (10, 9)
    """
    maps = check_maps("maps", maps)
    kernel = gaussian_kernel(size, sigma).to(maps)
    before = (size - 1) // 2
    after = size - 1 - before
    padded = functional.pad(maps[:, None], (before, after, before, after))
    return functional.conv2d(padded, kernel[None, None])[:, 0]

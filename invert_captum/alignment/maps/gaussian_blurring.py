"""The Gaussian blur of human maps, as the reference places it."""

from __future__ import annotations

import torch

from invert_captum._validation import check_integer
from invert_captum.alignment.maps.filtering import filtered
from invert_captum.alignment.maps.map_checks import at_least_float32, check_maps, check_number


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
        TypeError: If ``size`` is no integer, or ``sigma`` no number.
        ValueError: If ``size`` is below 1, or ``sigma`` is not positive and finite.

    Source: the released code of Fel et al., "Harmonizing the object recognition strategies of deep
    neural networks with humans", NeurIPS 2022.

    Examples:
        >>> kernel = gaussian_kernel(3, 1.0)
        >>> round(float(kernel.sum()), 6), round(float(kernel[1, 1]), 4)
        (1.0, 0.2042)
    """
    down, across = _profiles(size, sigma)
    return torch.outer(down, across)


def _profiles(size: int, sigma: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the weights of rows and columns, whose outer product is the kernel."""
    size = check_integer("size", size, minimum=1)
    sigma = check_number("sigma", sigma, zero_allowed=False)
    # On the CPU, because some devices have no float64.
    pixels = torch.arange(size, dtype=torch.float64, device="cpu")
    down, across = (
        torch.exp(-((pixels - peak) ** 2) / (2 * sigma**2)) for peak in ((size - 1) // 2, size // 2)
    )
    return down / down.sum(), across / across.sum()


def gaussian_blur(maps: torch.Tensor, size: int = 10, sigma: float = 10.0) -> torch.Tensor:
    """Blur maps with a Gaussian kernel, zeros around them.

    The published human maps are blurred with the default kernel at 64 by 64 pixels. Zeros around
    the map darken it near its border. With an even ``size`` what is blurred moves by one pixel to
    the left, as in the reference. The sums are taken in at least float32, also under
    `torch.autocast`.

    Args:
        maps: Maps of shape (N, H, W), floating.
        size: The side of the kernel, in pixels.
        sigma: The standard deviation, in pixels.

    Returns:
        The blurred maps, of the same shape, type and device.

    Raises:
        TypeError: If ``maps`` are not a floating tensor, or ``size`` or ``sigma`` is no number.
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
    down, across = (weights.tolist() for weights in _profiles(size, sigma))
    before = (len(down) - 1) // 2
    zeros = before, len(down) - 1 - before
    blurred = filtered(filtered(at_least_float32(maps), down, 1, zeros), across, 2, zeros)
    return blurred.to(maps.dtype)

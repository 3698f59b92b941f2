"""Pictures, and maps laid over them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import LinearSegmentedColormap

from invert_captum._validation import listed

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.axes import Axes

    Numbers = npt.NDArray[np.float64]

# How much of the grey picture's contrast stays under a map.
_CONTRAST = 0.55
# Above this percentile a map has its strongest colour: a few extreme pixels would hide the rest.
_STRONGEST = 99.0
_LUMINANCE = np.array([0.299, 0.587, 0.114])


def _map_colours() -> LinearSegmentedColormap:
    """Return matplotlib's inferno, clear where a map is low, so that the picture shows through."""
    colours = colormaps["inferno"](np.linspace(0.15, 1, 256))
    colours[:, 3] = np.interp(np.linspace(0, 1, 256), [0, 0.25, 0.6, 1], [0, 0.35, 0.75, 0.92])
    return LinearSegmentedColormap.from_list("overlay", [tuple(each) for each in colours])


def array_of(name: str, values: Any) -> npt.NDArray[Any]:
    """Return a tensor or array as numbers of NumPy, or raise unless they are finite.

    Examples:
        >>> import torch
        >>> array_of("maps", torch.ones(1, 2, requires_grad=True)).tolist()
        [[1.0, 1.0]]
    """
    plain = values.detach().cpu() if hasattr(values, "detach") else values
    plain = plain.float() if str(getattr(plain, "dtype", "")) == "torch.bfloat16" else plain
    numbers = np.asarray(plain)
    if numbers.dtype.kind not in "biuf":
        raise TypeError(f"{name} is of {numbers.dtype}; expected numbers")
    if not np.isfinite(numbers).all():
        raise ValueError(f"{name} has NaN or infinite values; expected finite ones")
    return numbers


def check_map_stack(name: str, maps: npt.NDArray[Any], expected: tuple[int, ...]) -> None:
    """Raise `ValueError` unless maps have the ``expected`` shape (N, H, W)."""
    if maps.shape != expected:
        raise ValueError(f"{name} has shape {maps.shape}; expected {expected}")


def picture_of(image: npt.NDArray[Any]) -> Numbers:
    """Return an image (C, H, W) as RGB in [0, 1], shape (H, W, 3).

    uint8 and numbers in [0, 1] are taken as they are; any others, such as normalised ones, are
    scaled so that the lowest is 0 and the highest is 1.

    Examples:
        >>> picture_of(np.array([[[-1.0, 3.0]]])).tolist()
        [[[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]]
    """
    if image.dtype == np.uint8:
        pixels = image / 255
    else:
        pixels = image.astype(np.float64)
        low, high = pixels.min(), pixels.max()
        if low < 0 or high > 1:
            pixels = (pixels - low) / (high - low) if high > low else np.zeros_like(pixels)
    if len(pixels) not in (1, 3):
        raise ValueError(f"images have {len(pixels)} channels; expected {listed([1, 3])}")
    return np.moveaxis(np.broadcast_to(pixels, (3, *pixels.shape[1:])), 0, -1).copy()


def strength(values: Numbers) -> Numbers:
    """Return a map scaled to [0, 1]: its lowest is 0, and all from its 99th percentile on is 1.

    Examples:
        >>> strength(np.array([[1.0, 2.0, 3.0]])).round(2).tolist()
        [[0.0, 0.51, 1.0]]
        >>> strength(np.array([[7.0, 7.0]])).tolist()
        [[0.0, 0.0]]
    """
    low, high = float(values.min()), float(np.percentile(values, _STRONGEST))
    # A map that is flat but for fewer pixels than the percentile leaves out.
    high = high if high > low else float(values.max())
    return np.clip((values - low) / (high - low), 0, 1) if high > low else np.zeros_like(values)


def draw_overlay(axes: Axes, picture: Numbers, values: Numbers) -> None:
    """Draw a map (h, w) over its picture (H, W, 3) in grey."""
    height, width = picture.shape[:2]
    extent = (-0.5, width - 0.5, height - 0.5, -0.5)
    grey = 1 - _CONTRAST * (1 - picture @ _LUMINANCE)
    axes.imshow(grey, cmap="gray", vmin=0, vmax=1, extent=extent)
    axes.imshow(
        strength(values),
        cmap=_map_colours(),
        vmin=0,
        vmax=1,
        extent=extent,
        interpolation="nearest",
    )

"""Pictures and heat maps of any kind as arrays that matplotlib and Captum draw."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    import numpy.typing as npt
    import torch

    from invert_captum.report.neuron_card import Pictures

    Images: TypeAlias = "Pictures | Sequence[Any] | npt.NDArray[Any] | torch.Tensor"
    Attributions: TypeAlias = "Callable[[int], Any] | Mapping[int, Any]"
    Vector = npt.NDArray[np.float64]

# More than a tile of a figure shows; thumbnails keep a figure's file small.
_LARGEST = 512
_CHANNELS = (1, 3, 4)


def picture_source(images: Images, n_samples: int) -> Callable[[int], Any]:
    """Return a function that gives the picture of the sample with an index.

    Args:
        images: Such a function, or n pictures in a row.
        n_samples: The number of samples, n.

    Raises:
        TypeError: If it is neither.
        ValueError: If there are not n pictures.
    """
    if callable(images):
        return images
    is_row = hasattr(images, "__getitem__") and hasattr(images, "__len__")
    if not is_row or isinstance(images, Mapping):
        raise TypeError(
            f"images is a {type(images).__name__}; expected a function from a sample's index to "
            "its picture, or a sequence or tensor of pictures"
        )
    if len(images) != n_samples:
        raise ValueError(
            f"images has {len(images):,} pictures, activations have {n_samples:,} samples: the "
            "rows must be the same inputs in the same order"
        )
    return images.__getitem__


def attribution_source(attributions: Attributions) -> Callable[[int], Any]:
    """Return a function that gives the attributions of the sample with an index.

    Args:
        attributions: Such a function, or a mapping from indices.

    Raises:
        TypeError: If it is neither.
    """
    if callable(attributions):
        return attributions
    if not isinstance(attributions, Mapping):
        raise TypeError(
            f"attributions is a {type(attributions).__name__}; expected a function from a sample's "
            "index to its attributions, or a mapping"
        )

    def of_sample(sample: int) -> Any:
        if sample not in attributions:
            raise ValueError(
                f"attributions has nothing for sample {sample}, which is among the most excited; "
                "expected one for each of these"
            )
        return attributions[sample]

    return of_sample


def picture_array(picture: Any, argument: str = "images") -> npt.NDArray[np.float64]:
    """Return a picture as RGB in [0, 1], shape (height, width, 3), not larger than a tile needs.

    Args:
        picture: A PIL image; or an array or tensor, (height, width) or with 1, 3 or 4 channels on
            the last axis or on the first. Transparent parts lie on white. uint8 is taken as it is;
            any other numbers (PIL's modes I and F, too) are scaled so that the lowest is 0 and the
            highest is 1.
        argument: What gave it, for messages.

    Raises:
        ValueError: If an array has another shape, is empty, or has NaN or infinite values.

    Examples:
        >>> picture_array(np.array([[-1.0, 3.0]])).tolist()
        [[[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]]
    """
    # Pillow would cut numbers of more than a byte off at 255.
    is_drawn = isinstance(picture, Image.Image) and picture.mode[0] not in "IF"
    drawn = picture if is_drawn else _image(_numbers(picture, argument), argument)
    drawn = drawn.convert("RGBA")
    drawn.thumbnail((_LARGEST, _LARGEST))
    ground = Image.new("RGBA", drawn.size, "white")
    shown = Image.alpha_composite(ground, drawn).convert("RGB")
    return np.asarray(shown, dtype=np.float64) / 255


def heat_array(attributions: Any) -> Vector:
    """Return attributions as a map (height, width), summed over channels.

    Args:
        attributions: An array or tensor: (height, width), or with any number of channels on the
            first axis, or with 1, 3 or 4 on the last one.

    Raises:
        ValueError: If it has another shape, is empty, or has NaN or infinite values.
    """
    numbers = _numbers(attributions, "attributions").astype(np.float64)
    if numbers.ndim == 3:
        last = numbers.shape[-1] in _CHANNELS and numbers.shape[0] not in _CHANNELS
        numbers = numbers.sum(axis=2 if last else 0)
    return numbers


def on_one_grid(picture: Vector, heat: Vector) -> tuple[Vector, Vector]:
    """Return a picture (h, w, 3) and a map, both of the map's shape or a multiple of it.

    A coarse map keeps its cells, each of which is drawn as a block of equal pixels.
    """
    factor = max(1, min(picture.shape[:2]) // max(heat.shape))
    finer = np.kron(heat, np.ones((factor, factor))).astype(np.float64)
    size = finer.shape[1], finer.shape[0]
    pixels = Image.fromarray(np.round(255 * picture).astype(np.uint8))
    resized = pixels.resize(size, Image.Resampling.BILINEAR)
    return np.asarray(resized, dtype=np.float64) / 255, finer


def _numbers(array: Any, argument: str) -> npt.NDArray[Any]:
    """Return an array or tensor as numbers that can be drawn."""
    # A tensor may be on a device, need gradients, or be of a type that NumPy does not know.
    plain = array.detach().cpu() if hasattr(array, "detach") else array
    plain = plain.float() if str(getattr(plain, "dtype", "")) == "torch.bfloat16" else plain
    try:
        numbers = np.asarray(plain)
    except ValueError as error:
        raise ValueError(
            f"{argument} has a {type(array).__name__} that is no array; expected numbers, "
            "(height, width) or with one more axis of channels"
        ) from error
    if numbers.dtype.kind not in "biuf" or numbers.ndim not in (2, 3) or numbers.size == 0:
        raise ValueError(
            f"{argument} has one of shape {numbers.shape} and dtype {numbers.dtype}; expected "
            "numbers, (height, width) or with one more axis of channels"
        )
    if not np.isfinite(numbers).all():
        raise ValueError(f"{argument} has one with NaN or infinite values; expected finite ones")
    return numbers


def _image(numbers: npt.NDArray[Any], argument: str) -> Image.Image:
    if numbers.ndim == 3:
        if numbers.shape[-1] not in _CHANNELS and numbers.shape[0] in _CHANNELS:
            numbers = np.moveaxis(numbers, 0, -1)
        if numbers.shape[-1] not in _CHANNELS:
            raise ValueError(
                f"{argument} has one of shape {numbers.shape}; expected 1, 3 or 4 channels on its "
                "first or last axis"
            )
        numbers = numbers[..., 0] if numbers.shape[-1] == 1 else numbers
    if numbers.dtype != np.uint8:
        numbers = numbers.astype(np.float64)
        low, high = numbers.min(), numbers.max()
        scaled = (numbers - low) / (high - low) if high > low else np.clip(numbers, 0, 1)
        numbers = np.round(255 * scaled).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(numbers))

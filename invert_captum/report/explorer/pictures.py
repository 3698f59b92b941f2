"""Pictures as thumbnails in the text of a page."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from torch import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

_QUALITY = 80
# Up to this side a picture without loss may be the smaller file; drawings often are.
_TINY = 32
_COLOURS = (3, 4)
_MODES_OF_16_BITS = ("I", "F", "I;16", "I;16B", "I;16L")


def is_picture(item: object) -> bool:
    """Return whether an item is a picture: of PIL, or an array in one of the layouts of pictures.

    Examples:
        >>> is_picture(np.zeros((8, 8, 3))), is_picture(np.zeros((5, 8, 8)))
        (True, False)
    """
    if isinstance(item, Image.Image):
        return True
    if not isinstance(item, (np.ndarray, Tensor)) or 0 in item.shape:
        return False
    return item.ndim == 2 or (
        item.ndim == 3 and (item.shape[-1] in (1, *_COLOURS) or item.shape[0] in (1, 3))
    )


def thumbnail_uri(picture: Image.Image | NDArray[Any] | Tensor, side: int) -> str:
    """Return a picture as a ``data:`` address of a small WebP image.

    Args:
        picture: A PIL image; or an array or tensor (height, width), (height, width, 3 or 4) or
            (1 or 3, height, width). Bytes are taken as they are; of other numbers, the lowest
            becomes black and the highest white.
        side: The longer side in pixels at most; a picture is never enlarged.

    Examples:
        >>> thumbnail_uri(np.zeros((4, 4), dtype=np.uint8), side=96)[:23]
        'data:image/webp;base64,'
    """
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(_pixels(picture))
    image = _in_colour(image)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    content = _webp(image, quality=_QUALITY)
    if max(image.size) <= _TINY:
        content = min(content, _webp(image, lossless=True), key=len)
    return f"data:image/webp;base64,{base64.b64encode(content).decode('ascii')}"


def _in_colour(image: Image.Image) -> Image.Image:
    """Return a copy with the mode RGB, or RGBA if something of it is transparent."""
    if image.mode in _MODES_OF_16_BITS:
        image = Image.fromarray(_as_bytes(np.asarray(image)))
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _webp(image: Image.Image, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, "WEBP", **options)
    return file.getvalue()


def _pixels(picture: NDArray[Any] | Tensor) -> NDArray[np.uint8]:
    """Return bytes of the shape (height, width) or (height, width, 3 or 4)."""
    first_by_default = isinstance(picture, Tensor)
    array = _as_array(picture)
    if array.ndim == 3:
        can_be_first, can_be_last = array.shape[0] in (1, 3), array.shape[2] in (1, *_COLOURS)
        # Tensors have colours first, arrays have them last, where a shape allows both.
        if can_be_first and (first_by_default or not can_be_last):
            array = array.transpose(1, 2, 0)
        array = array[:, :, 0] if array.shape[2] == 1 else array
    return _as_bytes(array)


def _as_array(picture: NDArray[Any] | Tensor) -> NDArray[Any]:
    if not isinstance(picture, Tensor):
        return picture
    plain = picture.detach().cpu()
    # bfloat16 is what NumPy does not know.
    array: NDArray[Any] = (plain.float() if plain.is_floating_point() else plain).numpy()
    return array


def _as_bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    numbers = np.nan_to_num(array.astype(np.float64), posinf=np.nan, neginf=np.nan)
    if numbers.ndim == 3 and numbers.shape[2] == 4:
        opacity = np.clip(numbers[:, :, 3:], 0, 1)
        scaled = np.concatenate([_scaled(numbers[:, :, :3]), opacity], axis=2)
    else:
        scaled = _scaled(numbers)
    pixels: NDArray[np.uint8] = np.rint(scaled * 255).astype(np.uint8)
    return pixels


def _scaled(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = float(numbers.min()), float(numbers.max())
    return np.clip(numbers, 0, 1) if low == high else (numbers - low) / (high - low)

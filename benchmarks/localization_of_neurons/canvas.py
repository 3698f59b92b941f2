"""Emoji pasted at known places on a plain canvas; their alpha gives the exact object masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from invert_captum.demo.emoji import PICTURE_SIZE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from invert_captum.demo.emoji import Emoji

# Alpha from which a pixel belongs to the object: half covered.
_OPAQUE = 128


@dataclass(frozen=True)
class Canvas:
    """A picture with objects at known places.

    Attributes:
        pixels: uint8, shape (224, 224, 3).
        masks: bool, shape (k, 224, 224): where each of the k objects lies.
    """

    pixels: NDArray[np.uint8]
    masks: NDArray[np.bool_]

    def picture(self) -> Image.Image:
        """Return the picture, so that `PictureDataset` takes a canvas as it takes an emoji."""
        return Image.fromarray(self.pixels)


def read_drawing(emoji: Emoji, size: int) -> Image.Image:
    """Return the picture of an emoji with its alpha, ``size`` pixels wide and high."""
    with Image.open(emoji.picture_path) as file:
        return file.convert("RGBA").resize((size, size), Image.Resampling.BICUBIC)


def paste(
    drawings: Sequence[Image.Image], corners: Sequence[tuple[int, int]], colour: str
) -> Canvas:
    """Return a canvas of one colour with drawings on it.

    Args:
        drawings: k RGBA pictures.
        corners: Left and top of each, in pixels.
        colour: A colour that Pillow knows.
    """
    ground = Image.new("RGBA", (PICTURE_SIZE, PICTURE_SIZE), colour)
    masks = np.zeros((len(drawings), PICTURE_SIZE, PICTURE_SIZE), dtype=bool)
    for mask, drawing, (left, top) in zip(masks, drawings, corners, strict=True):
        ground.alpha_composite(drawing, (left, top))
        opaque = np.asarray(drawing)[:, :, 3] >= _OPAQUE
        mask[top : top + drawing.height, left : left + drawing.width] = opaque
    return Canvas(np.array(ground.convert("RGB")), masks)


def draw_corners(k: int, size: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Draw left and top of one or two squares that lie on the canvas and do not overlap.

    Every placement that is possible is equally probable.

    Args:
        k: How many squares.
        size: Their side in pixels.
        rng: What draws.

    Raises:
        ValueError: If there is no room for them.
    """
    if k not in (1, 2) or not 1 <= size <= PICTURE_SIZE // k:
        raise ValueError(
            f"k is {k} and size is {size}; expected 1 square of up to {PICTURE_SIZE} pixels or 2 "
            f"of up to {PICTURE_SIZE // 2}"
        )
    while True:
        corners = rng.integers(0, PICTURE_SIZE - size + 1, size=(k, 2))
        if np.abs(corners[0] - corners[-1]).max() >= size or k == 1:
            return [(int(left), int(top)) for left, top in corners]

"""Emoji at several sizes, ready to be pasted by the thousand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from benchmarks.harmonized_emoji.emoji_classes import Members
    from invert_captum.demo.emoji import Emoji


@dataclass(frozen=True)
class Sprites:
    """Drawings in the top left corner of an otherwise transparent canvas.

    Attributes:
        colours: Colours times alpha, uint8, shape (n, sizes, canvas, canvas, channels).
        alphas: Alpha, uint8, shape (n, sizes, canvas, canvas).
        sides: The side of a drawing at each size, in pixels, shape (sizes,).
        labels: The class of each drawing, shape (n,).
        series: Which series of near-duplicates each is of, shape (n,).
        shares: How probable each drawing is: classes equally, within one its series equally, and
            the emoji of a series equally, shape (n,).
        titles: The name of each.
    """

    colours: NDArray[np.uint8]
    alphas: NDArray[np.uint8]
    sides: NDArray[np.int64]
    labels: NDArray[np.int64]
    series: NDArray[np.int64]
    shares: NDArray[np.float64]
    titles: list[str]

    @property
    def canvas(self) -> int:
        """The side of the canvas in pixels."""
        return int(self.alphas.shape[-1])


def draw_sprites(members: Members, canvas: int, channels: int, sides: Sequence[int]) -> Sprites:
    """Draw every emoji at every size.

    Args:
        members: The emoji, by class and by series.
        canvas: The side of the canvas in pixels.
        channels: 1 for grey, 3 for colour.
        sides: The sizes, in pixels, none above ``canvas``.

    Raises:
        ValueError: If a size is not within the canvas.
    """
    outside = [side for side in sides if not 1 <= side <= canvas]
    if outside or not sides:
        raise ValueError(f"sides is {list(sides)}; expected sizes of 1 to {canvas} pixels")
    emoji: list[Emoji] = []
    labels: list[int] = []
    numbers: list[int] = []
    shares: list[float] = []
    for label, series in enumerate(members):
        for one in series:
            number = numbers[-1] + 1 if numbers else 0
            emoji += one
            labels += [label] * len(one)
            numbers += [number] * len(one)
            shares += [1 / (len(members) * len(series) * len(one))] * len(one)
    colours = np.zeros((len(emoji), len(sides), canvas, canvas, channels), dtype=np.uint8)
    alphas = np.zeros(colours.shape[:-1], dtype=np.uint8)
    for row, drawn in enumerate(emoji):
        for column, side in enumerate(sides):
            colour, alpha = _drawing(drawn, side, channels)
            colours[row, column, :side, :side] = colour
            alphas[row, column, :side, :side] = alpha
    return Sprites(
        colours,
        alphas,
        np.array(sides),
        np.array(labels),
        np.array(numbers),
        np.array(shares),
        [one.title for one in emoji],
    )


def _drawing(emoji: Emoji, side: int, channels: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return colours times alpha (side, side, channels), and alpha (side, side)."""
    with Image.open(emoji.picture_path) as file:
        # Pillow weights the colours of RGBA by alpha, so that what is transparent gives no halo.
        drawing = file.convert("RGBA").resize((side, side), Image.Resampling.BICUBIC)
    alpha = np.asarray(drawing.getchannel("A"))
    opaque = drawing.convert("RGB").convert("L" if channels == 1 else "RGB")
    colours = np.asarray(opaque, dtype=np.float32).reshape(side, side, channels)
    return np.round(colours * (alpha[:, :, None] / 255)).astype(np.uint8), alpha

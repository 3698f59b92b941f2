"""Photographs as backgrounds, each of them of one class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from benchmarks.localization_of_objects.photographs import Photograph

# A crop has half the width and height of the photograph.
ZOOM = 2


@dataclass(frozen=True)
class Grounds:
    """Photographs that crops are taken from.

    Attributes:
        pixels: uint8, shape (k, side, side, channels).
        labels: The class that each photograph belongs to, shape (k,).
        names: Of the photographs.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    names: list[str]

    def draw(
        self, labels: NDArray[np.int64], matching: float | None, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Draw a photograph for each picture.

        Args:
            labels: The classes of the pictures, shape (n,).
            matching: How probable a photograph of the picture's class is, else it is one of
                another class; None for any photograph whatever the class.
            rng: What draws.

        Returns:
            *ndarray*: Rows of `pixels`, shape (n,).
        """
        probability = np.ones((len(labels), len(self.labels)))
        if matching is not None:
            own = labels[:, None] == self.labels
            matched = rng.random(len(labels)) < matching
            probability = (own == matched[:, None]).astype(np.float64)
        # The largest of independent uniform numbers falls on each candidate alike.
        return np.asarray((probability * rng.uniform(0.5, 1, probability.shape)).argmax(axis=1))

    def crop(
        self, rows: NDArray[np.int64], side: int, rng: np.random.Generator
    ) -> NDArray[np.uint8]:
        """Return a random square of each photograph, every second one mirrored.

        Args:
            rows: Photographs, shape (n,).
            side: Of the squares, in pixels.
            rng: What draws.

        Returns:
            *ndarray*: uint8, shape (n, side, side, channels).
        """
        steps = np.arange(side)
        top, left = rng.integers(0, self.pixels.shape[1] - side + 1, size=(2, len(rows)))
        mirrored = rng.random(len(rows)) < 0.5
        across = left[:, None] + np.where(mirrored[:, None], steps[::-1], steps)
        down = top[:, None] + steps
        at = (rows[:, None, None], down[:, :, None], across[:, None, :])
        return np.asarray(self.pixels[at])


def make_grounds(
    photographs: Sequence[Photograph], n_classes: int, canvas: int, channels: int
) -> Grounds:
    """Deal out photographs to classes, as many to each, and reduce them.

    Args:
        photographs: The first belongs to the first class, and so on round; what is left over after
            the last full round is dropped.
        n_classes: How many classes there are.
        canvas: The side of the pictures, in pixels.
        channels: 1 for grey, 3 for colour.

    Raises:
        ValueError: If there are fewer photographs than classes.
    """
    rounds = len(photographs) // n_classes
    if rounds == 0:
        raise ValueError(
            f"photographs has {len(photographs)}; expected one for each of {n_classes} classes"
        )
    kept = photographs[: rounds * n_classes]
    side = ZOOM * canvas
    pixels = [
        np.asarray(
            one.picture()
            .convert("L" if channels == 1 else "RGB")
            .resize((side, side), Image.Resampling.BICUBIC)
        ).reshape(side, side, channels)
        for one in kept
    ]
    labels = np.tile(np.arange(n_classes), rounds)
    return Grounds(np.stack(pixels), labels, [one.name for one in kept])

"""Pictures of emoji on photographs, with the map of where people would look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import torch

from invert_captum.alignment.maps.gaussian_blurring import gaussian_blur

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from benchmarks.harmonized_emoji.grounds import Grounds
    from benchmarks.harmonized_emoji.sprites import Sprites

Backgrounds = Literal["unrelated", "spurious"]
BACKGROUNDS: tuple[Backgrounds, ...] = ("unrelated", "spurious")

MATCHING = 0.9
"""How often a training picture of the spurious set has a photograph of its class."""

# ClickMe's maps are blurred at 64 pixels with a kernel of 10 pixels, sigma 10.
_BLURRED_AT, _BLUR = 64, 10


class Scenes(NamedTuple):
    """Pictures and what is known of each.

    Attributes:
        images: 0 to 1, float32, shape (n, channels, canvas, canvas).
        labels: Classes, int64, shape (n,).
        heatmaps: The blurred alpha of the object, 0 to 1, float32, shape (n, canvas, canvas).
        masks: Its alpha, 0 to 1, float32, shape (n, canvas, canvas).
        emoji: Which drawing was pasted, int64, shape (n,).
        grounds: Which photograph it was pasted on, int64, shape (n,).
    """

    images: Tensor
    labels: Tensor
    heatmaps: Tensor
    masks: Tensor
    emoji: NDArray[np.int64]
    grounds: NDArray[np.int64]


def matching_of(backgrounds: Backgrounds, *, training: bool) -> float | None:
    """Return how often the photograph is of the picture's class; None where it is unrelated."""
    if backgrounds == "unrelated":
        return None
    return MATCHING if training else 0.0


def draw_scenes(
    sprites: Sprites,
    grounds: Grounds,
    n: int,
    matching: float | None,
    rng: np.random.Generator,
) -> Scenes:
    """Draw n pictures: an emoji at a random place and size on a random crop of a photograph.

    Args:
        sprites: The emoji.
        grounds: The photographs.
        n: How many pictures.
        matching: As in `Grounds.draw`.
        rng: What draws.
    """
    canvas = sprites.canvas
    emoji = rng.choice(len(sprites.labels), size=n, p=sprites.shares)
    labels = sprites.labels[emoji]
    size = rng.integers(0, len(sprites.sides), size=n)
    photographs = grounds.draw(labels, matching, rng)
    crops = grounds.crop(photographs, canvas, rng)
    top, left = rng.integers(0, canvas - sprites.sides[size] + 1, size=(2, n))
    # Drawings lie in the corner of a transparent canvas: to move one is to roll the canvas.
    down = (np.arange(canvas) - top[:, None]) % canvas
    across = (np.arange(canvas) - left[:, None]) % canvas
    at = (emoji[:, None, None], size[:, None, None], down[:, :, None], across[:, None, :])
    alphas = sprites.alphas[at].astype(np.float32) / 255
    pixels = sprites.colours[at].astype(np.float32) + crops * (1 - alphas[..., None])
    masks = torch.from_numpy(alphas)
    return Scenes(
        torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)) / 255),
        torch.from_numpy(labels),
        human_maps(masks),
        masks,
        emoji,
        photographs,
    )


def human_maps(masks: Tensor) -> Tensor:
    """Blur masks as ClickMe's maps are, with the kernel scaled to the resolution.

    Args:
        masks: Shape (n, side, side).

    Examples:
        >>> spot = torch.zeros(1, 32, 32)
        >>> spot[0, 16, 16] = 1
        >>> int((human_maps(spot) > 0).sum())  # a kernel of 5 x 5
        25
    """
    size = max(1, round(_BLUR * masks.shape[-1] / _BLURRED_AT))
    return gaussian_blur(masks, size, float(size))

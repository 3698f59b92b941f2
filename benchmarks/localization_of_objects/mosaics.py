"""Mosaics of four labelled photographs, to see which tile an attribution points at.

A tile is a quarter of the picture: pointing anywhere is right in one case of four.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from benchmarks.localization_of_objects.object_scenes import Scene
from invert_captum.demo.emoji import PICTURE_SIZE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from benchmarks.localization_of_objects.photographs import Photograph

TILE_SIZE = PICTURE_SIZE // 2
PLACES = ((0, 0), (TILE_SIZE, 0), (0, TILE_SIZE), (TILE_SIZE, TILE_SIZE))
"""Left and top of each of the four tiles."""

# Shufflings that give up; of twenty photographs with one class twice most need one or two.
_MOST_SHUFFLES = 1_000


def make_mosaics(
    photographs: Sequence[Photograph], *, rounds: int = 8, seed: int = 0
) -> list[Scene]:
    """Return mosaics of photographs of different classes, each photograph once in every round.

    From round to round a photograph goes to the next of the four places, in other company.

    Args:
        photographs: 4m of them, each of one class.
        rounds: How often each is used.
        seed: Of the draws.

    Returns:
        *list[Scene]*: m mosaics for each round. The objects of a scene are in the order of
        `PLACES`.

    Raises:
        ValueError: If the photographs cannot be parted into mosaics of different classes.
    """
    if not photographs or len(photographs) % 4 or any(len(one.shows) != 1 for one in photographs):
        raise ValueError(
            f"photographs has {len(photographs)} photographs; expected a multiple of 4, each of "
            "one class"
        )
    rng = np.random.default_rng(seed)
    decks = rng.permutation(len(photographs)).reshape(4, -1)
    scenes: list[Scene] = []
    for moved in range(rounds):
        hands = _draw_hands(photographs, np.roll(decks, moved, axis=0), rng)
        scenes += [_lay([photographs[row] for row in hand]) for hand in hands]
    return scenes


def _draw_hands(
    photographs: Sequence[Photograph], decks: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw rows of photographs, shape (m, 4), from a deck for each place, without equal classes."""
    classes = np.array([min(one.shows) for one in photographs])
    for _ in range(_MOST_SHUFFLES):
        hands = rng.permuted(decks, axis=1).T
        if all(len(set(hand)) == 4 for hand in classes[hands].tolist()):
            return hands
    raise ValueError(
        f"photographs has {len(set(classes.tolist()))} classes among {len(classes)} photographs, "
        "which do not go into mosaics of four different classes"
    )


def _lay(tiles: Sequence[Photograph]) -> Scene:
    """Lay four photographs in the order of `PLACES`."""
    picture = Image.new("RGB", (PICTURE_SIZE, PICTURE_SIZE))
    masks = np.zeros((4, PICTURE_SIZE, PICTURE_SIZE), dtype=bool)
    for tile, mask, (left, top) in zip(tiles, masks, PLACES, strict=True):
        small = tile.picture().resize((TILE_SIZE, TILE_SIZE), Image.Resampling.BICUBIC)
        picture.paste(small, (left, top))
        mask[top : top + TILE_SIZE, left : left + TILE_SIZE] = True
    classes = tuple(min(tile.shows) for tile in tiles)
    return Scene(np.array(picture), masks, classes, tuple(tile.name for tile in tiles), "mosaic")

"""Cut-outs pasted into a photograph; their alpha gives the exact object masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.localization_of_objects.stamps import OPAQUE
from invert_captum.demo.emoji import PICTURE_SIZE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from PIL import Image

    from benchmarks.localization_of_objects.photographs import Photograph


def paste(
    drawings: Sequence[Image.Image], corners: Sequence[tuple[int, int]], ground: Photograph
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return a photograph with cut-outs on it.

    Args:
        drawings: k RGBA pictures. They must not overlap, or a mask would cover what is hidden.
        corners: Left and top of each, in pixels.
        ground: The photograph.

    Returns:
        *tuple*: The picture, uint8 of shape (224, 224, 3), and where each cut-out covers at least
        half of a pixel, bool of shape (k, 224, 224).
    """
    picture = ground.picture().convert("RGBA")
    masks = np.zeros((len(drawings), PICTURE_SIZE, PICTURE_SIZE), dtype=bool)
    for mask, drawing, (left, top) in zip(masks, drawings, corners, strict=True):
        picture.alpha_composite(drawing, (left, top))
        opaque = np.asarray(drawing)[:, :, 3] >= OPAQUE
        mask[top : top + drawing.height, left : left + drawing.width] = opaque
    return np.array(picture.convert("RGB")), masks


def draw_corners(
    sizes: Sequence[tuple[int, int]], rng: np.random.Generator
) -> list[tuple[int, int]]:
    """Draw left and top of one or two boxes that lie on the picture and do not overlap.

    Every placement that is possible is equally probable.

    Args:
        sizes: Width and height of each, in pixels.
        rng: What draws.

    Raises:
        ValueError: If there is no room for them.
    """
    boxes = np.array(sizes)
    fit_beside = len(boxes) == 1 or (boxes.sum(axis=0) <= PICTURE_SIZE).any()
    if len(boxes) not in (1, 2) or boxes.max() > PICTURE_SIZE or not fit_beside:
        raise ValueError(
            f"sizes is {list(sizes)}; expected one box, or two that fit beside each other, on "
            f"{PICTURE_SIZE} x {PICTURE_SIZE} pixels"
        )
    while True:
        near = rng.integers(0, PICTURE_SIZE - boxes + 1)
        far = near + boxes
        if len(boxes) == 1 or ((far[0] <= near[1]) | (far[1] <= near[0])).any():
            return [(int(left), int(top)) for left, top in near]

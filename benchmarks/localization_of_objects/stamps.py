"""Photographic cut-outs with their alpha: stamps of the painting program Tux Paint.

They come from Debian's ``tuxpaint-stamps-default`` (GPL-2), which no Python package brings along.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from benchmarks.localization_of_objects.stamp_classes import CLASS_OF_STAMP

if TYPE_CHECKING:
    from collections.abc import Mapping

DEBIAN_FOLDER = "/usr/share/tuxpaint/stamps"
FOLDER_VARIABLE = "TUXPAINT_STAMPS"

OPAQUE = 128
"""Alpha from which a pixel belongs to the object: half covered."""


@dataclass(frozen=True)
class Stamp:
    """A cut-out.

    Attributes:
        name: Its path below the folder of the stamps, without ``.png``.
        target: The index of the ImageNet class that it shows.
        drawing: RGBA, cropped to what is visible.
    """

    name: str
    target: int
    drawing: Image.Image

    def resized(self, length: int) -> Image.Image:
        """Return the cut-out with ``length`` pixels on its longer side, its aspect kept."""
        longer = max(self.drawing.size)
        width, height = (max(1, round(side * length / longer)) for side in self.drawing.size)
        # Pillow weights the colours of RGBA by alpha, so that what is transparent gives no halo.
        return self.drawing.resize((width, height), Image.Resampling.BICUBIC)


def stamps_folder() -> Path:
    """Return the folder of the stamps: ``$TUXPAINT_STAMPS`` where that is set, else Debian's.

    Raises:
        RuntimeError: If it does not exist.
    """
    folder = Path(os.environ.get(FOLDER_VARIABLE, DEBIAN_FOLDER))
    if not folder.is_dir():
        raise RuntimeError(
            f"{folder} does not exist: install the stamps of Tux Paint (apt-get install "
            f"tuxpaint-stamps-default), or set {FOLDER_VARIABLE} to their folder"
        )
    return folder


def read_stamps(
    folder: Path | None = None, classes: Mapping[str, int] = CLASS_OF_STAMP
) -> list[Stamp]:
    """Return the stamps that show a class of ImageNet.

    Args:
        folder: Where the stamps are; None for `stamps_folder`.
        classes: ImageNet's class index by path below the folder.

    Raises:
        RuntimeError: If the folder or a stamp does not exist.
    """
    folder = stamps_folder() if folder is None else folder
    missing = [path for path in classes if not (folder / path).is_file()]
    if missing:
        raise RuntimeError(
            f"{folder} lacks {len(missing)} of {len(classes)} stamps, the first is {missing[0]}: "
            "install tuxpaint-stamps-default of 2022 or later"
        )
    return [
        Stamp(path.removesuffix(".png"), target, _read_drawing(folder / path))
        for path, target in classes.items()
    ]


def _read_drawing(path: Path) -> Image.Image:
    with Image.open(path) as file:
        drawing = file.convert("RGBA")
    box = drawing.getchannel("A").point(lambda alpha: 255 * (alpha >= OPAQUE)).getbbox()
    if box is None:
        raise ValueError(f"{path} has no pixel with an alpha of {OPAQUE} or more: nothing to see")
    return drawing.crop(box)

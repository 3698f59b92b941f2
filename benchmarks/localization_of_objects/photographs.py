"""Photographs that ship inside Python packages, 224 pixels wide and high.

Only the files are read, the packages are not imported: twenty photographs with their ImageNet class
from ``foolbox``, the rest from ``scikit-image`` and ``scikit-learn``.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from invert_captum.demo.emoji import PICTURE_SIZE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

# The classes of ImageNet that are to be seen, by eye and rather too many than too few.
_OF_SCIKIT_IMAGE: dict[str, frozenset[int]] = {
    "astronaut.png": frozenset({518, 652, 744, 657, 812}),  # helmet, uniform, rocket, shuttle
    "brick.png": frozenset({825}),  # stone wall
    "camera.png": frozenset({732, 745, 759, 872}),  # cameras, projector, tripod
    "chelsea.png": frozenset({281, 282, 285}),  # cats
    "coffee.png": frozenset({504, 505, 809, 967, 968}),  # mug, pot, bowl, espresso, cup
    "coins.png": frozenset(),
    "grass.png": frozenset({958}),  # hay
    "gravel.png": frozenset(),
    "motorcycle_left.png": frozenset({479, 518, 665, 670}),  # wheel, helmet, moped, scooter
    "rocket.jpg": frozenset({657, 744, 812}),  # missile, projectile, shuttle
}
_OF_SCIKIT_LEARN: dict[str, frozenset[int]] = {
    "china.jpg": frozenset({663, 698, 832}),  # monastery, palace, stupa
    "flower.jpg": frozenset({985}),  # daisy
}


@dataclass(frozen=True)
class Photograph:
    """A photograph.

    Attributes:
        name: The file's name without its ending.
        pixels: uint8, shape (224, 224, 3).
        shows: The indices of the ImageNet classes that are to be seen in it.
    """

    name: str
    pixels: NDArray[np.uint8]
    shows: frozenset[int]

    @classmethod
    def read(cls, path: Path, shows: frozenset[int]) -> Photograph:
        """Read the largest central square of a picture; a grey one gets three equal channels."""
        with Image.open(path) as file:
            size = (PICTURE_SIZE, PICTURE_SIZE)
            square = ImageOps.fit(file.convert("RGB"), size, Image.Resampling.BICUBIC)
        return cls(path.stem, np.array(square), shows)

    def picture(self) -> Image.Image:
        """Return the picture, so that `PictureDataset` takes a photograph as it takes an emoji."""
        return Image.fromarray(self.pixels)


def data_folder(distribution: str, folder: str) -> Path:
    """Return a folder inside an installed package.

    Args:
        distribution: The package's name for pip.
        folder: The folder below site-packages.

    Raises:
        RuntimeError: If the package or the folder is missing.
    """
    try:
        path = Path(str(metadata.distribution(distribution).locate_file(folder)))
    except metadata.PackageNotFoundError:
        path = None
    if path is None or not path.is_dir():
        raise RuntimeError(
            f"the photographs of {folder} are not installed: pip install {distribution}"
        )
    return path


def read_labelled(folder: Path | None = None) -> list[Photograph]:
    """Return the photographs ``imagenet_NUMBER_CLASS.jpg``, in the order of their names.

    Args:
        folder: Where they are; None for foolbox's data.

    Raises:
        RuntimeError: If there is none.
    """
    folder = data_folder("foolbox", "foolbox/data") if folder is None else folder
    paths = sorted(folder.glob("imagenet_*_*.jpg"))
    if not paths:
        raise RuntimeError(f"{folder} has no imagenet_NUMBER_CLASS.jpg: pip install foolbox")
    return [Photograph.read(path, frozenset({int(path.stem.split("_")[-1])})) for path in paths]


def read_named(folder: Path, shows: Mapping[str, frozenset[int]]) -> list[Photograph]:
    """Return photographs of a folder by file name, with the classes that each shows."""
    return [Photograph.read(folder / name, classes) for name, classes in shows.items()]


def read_photographs() -> list[Photograph]:
    """Return all photographs: 20 of foolbox, 10 of scikit-image and 2 of scikit-learn."""
    return [
        *read_labelled(),
        *read_named(data_folder("scikit-image", "skimage/data"), _OF_SCIKIT_IMAGE),
        *read_named(data_folder("scikit-learn", "sklearn/datasets/images"), _OF_SCIKIT_LEARN),
    ]

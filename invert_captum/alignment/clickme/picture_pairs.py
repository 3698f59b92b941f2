"""A folder of pictures and their heat maps as a source of records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from invert_captum._validation import listed
from invert_captum.alignment.clickme.decoding import decode_picture
from invert_captum.alignment.clickme.finished_pictures import finished_image, finished_map
from invert_captum.alignment.clickme.sources import LoadedRecord
from invert_captum.alignment.clickme.tf_records import damaged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from invert_captum.alignment.clickme.sources import Share

IMAGES, HEATMAPS = "images", "heatmaps"
_PICTURES = (".jpeg", ".jpg", ".png")
_MAPS = (*_PICTURES, ".npy")
# Passing over pictures of other formats would shrink a data set without a word.
_REFUSED = (".bmp", ".gif", ".heic", ".npz", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class PairEntry:
    """A picture and its heat map, as files."""

    folder: Path
    number: int
    image: Path
    heatmap: Path
    label: int

    def load(self, size: int) -> LoadedRecord:
        """Read both files, or raise `DamagedRecords`, which names the picture."""
        try:
            image = decode_picture(self.image.read_bytes(), "image", "RGB", "L", upright=True)
            heatmap = finished_map(self._read_map(), image, size)
            return LoadedRecord(finished_image(image, size), self.label, heatmap)
        except (OSError, TypeError, ValueError) as error:
            name = self.image.relative_to(self.folder)
            raise damaged(self.folder, self.number, f"{name}: {error}") from error

    def _read_map(self) -> NDArray[Any]:
        if self.heatmap.suffix.lower() == ".npy":
            # Mapped, a header that promises more than the file holds costs no memory.
            return np.lib.format.open_memmap(self.heatmap, mode="r")
        name = f"heatmap {self.heatmap.relative_to(self.folder)}"
        heatmap = decode_picture(self.heatmap.read_bytes(), name, "L", "I;16", "RGB")
        if heatmap.ndim == 2:
            return heatmap
        # What torchvision.utils.save_image makes of grey levels.
        if (heatmap != heatmap[..., :1]).any():
            raise ValueError(
                f"{name} is in colours; expected grey levels, not what a colour map drew; "
                "save the values themselves, by numpy.save or, in uint8, PIL.Image.fromarray"
            )
        return heatmap[..., 0]


@dataclass(frozen=True)
class PicturePairs:
    """A folder of picture pairs.

    Attributes:
        path: The folder.
        classes: The labels by class.
        pairs: Every picture, its heat map and its label, in the order of their names.
    """

    path: Path
    classes: dict[str, int]
    pairs: tuple[tuple[Path, Path, int], ...]

    def count(self) -> int:
        """Count the pairs."""
        return len(self.pairs)

    def entries(self, share: Share, first: int, *, check_all: bool) -> Iterator[PairEntry | None]:  # noqa: ARG002 - a bad pair hides no other
        """Name the pairs of the share."""
        for number, pair in enumerate(self.pairs):
            yield PairEntry(self.path, number, *pair) if share.holds(first + number) else None


def is_picture_folder(folder: Path) -> bool:
    """Say whether a folder is laid out for pictures and heat maps, or half of it is."""
    return (folder / IMAGES).is_dir() or (folder / HEATMAPS).is_dir()


def picture_pairs(folder: Path, n_classes: int) -> PicturePairs:
    """Find the pairs of ``images/<class>/<name>`` and ``heatmaps/<class>/<name>``.

    Pictures are JPEG or PNG, in colours or grey levels of 8 bits. Heat maps are JPEG or PNG in grey
    levels of 8 or 16 bits, or in three equal channels, as torchvision's ``save_image`` writes them,
    or NumPy's ``.npy``, of the picture's height and width. If all class
    folders are named by whole numbers, these are the labels; else the labels count the folders'
    sorted names from 0, as torchvision's ``ImageFolder`` does. An empty class folder counts too.

    Args:
        folder: The folder that holds ``images`` and ``heatmaps``.
        n_classes: The number of classes.

    Returns:
        The pairs.

    Raises:
        FileNotFoundError: A picture has no heat map, or a heat map no picture.
        ValueError: There is no pair, a name comes twice in a class, a picture lies outside the
            class folders or has another format, or a class's label is no class.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as name:
        ...     for kind in ("images", "heatmaps"):
        ...         Path(name, kind, "owl").mkdir(parents=True)
        ...         Path(name, kind, "owl", "first.png").touch()
        ...     found = picture_pairs(Path(name), 1000)
        >>> found.classes, found.count()
        ({'owl': 0}, 1)
    """
    images, heatmaps = _named(folder / IMAGES, _PICTURES), _named(folder / HEATMAPS, _MAPS)
    for kind, there, other in ((HEATMAPS, images, heatmaps), (IMAGES, heatmaps, images)):
        if missing := sorted("/".join(key) for key in there.keys() - other.keys()):
            raise FileNotFoundError(f"{folder / kind} lacks the counterparts of {listed(missing)}")
    if not images:
        raise ValueError(f"{folder / IMAGES} holds no picture; expected <class>/<name>.png or .jpg")
    classes = class_labels(folder)
    if max(classes.values()) >= n_classes:
        raise ValueError(
            f"{folder / IMAGES} has labels up to {max(classes.values())}; expected them below "
            f"n_classes, which is {n_classes}"
        )
    pairs = ((images[key], heatmaps[key], classes[key[0]]) for key in sorted(images))
    return PicturePairs(folder, classes, tuple(pairs))


def _named(folder: Path, suffixes: tuple[str, ...]) -> dict[tuple[str, str], Path]:
    """Return the files by class and name."""
    found: dict[tuple[str, str], Path] = {}
    # `Path.rglob` passes over folders that are links, and with them over whole classes.
    for entry in _visible(folder) if folder.is_dir() else []:
        for path in _visible(entry) if entry.is_dir() else [entry]:
            suffix = path.suffix.lower()
            if suffix in _REFUSED:
                raise ValueError(
                    f"{path} is of a format that is not read; expected {listed(suffixes)}"
                )
            if path.is_dir() or (path == entry and suffix in suffixes):
                raise ValueError(f"{path} is misplaced; expected {folder}/<class>/<name>")
            if suffix not in suffixes:
                continue
            key = (path.parent.name, path.stem)
            if key in found:
                raise ValueError(f"{found[key]} and {path} have one name; expected one file a name")
            found[key] = path
    return found


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def class_labels(folder: Path) -> dict[str, int]:
    """Return the label of each class folder, see `picture_pairs`."""
    names = [path.name for path in _visible(folder / IMAGES) if path.is_dir()]
    numbered = all(name.isascii() and name.isdecimal() for name in names)
    labels = {name: int(name) if numbered else i for i, name in enumerate(names)}
    if len(set(labels.values())) < len(labels):
        raise ValueError(f"{folder / IMAGES} has two folders of one number; expected one a class")
    return labels

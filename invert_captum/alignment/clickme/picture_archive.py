"""A NumPy archive of pictures and heat maps as a source of records."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from invert_captum._validation import listed
from invert_captum.alignment.clickme.decoding import checked_label
from invert_captum.alignment.clickme.finished_pictures import finished_image, finished_map
from invert_captum.alignment.clickme.sources import LoadedRecord
from invert_captum.alignment.clickme.tf_records import damaged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from invert_captum.alignment.clickme.sources import Share

_LAYOUT = "images (n, H, W, 3) of uint8, heatmaps (n, H, W), labels (n,) of integers"
_NAMES = ("images", "heatmaps", "labels")
# What reading a damaged or an encrypted archive raises.
_UNREADABLE = (ValueError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError)
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


@dataclass(frozen=True)
class RowEntry:
    """One row of an archive's arrays."""

    path: Path
    number: int
    image: NDArray[Any]
    heatmap: NDArray[Any]
    label: int
    n_classes: int

    def load(self, size: int) -> LoadedRecord:
        """Resize the row's picture and map, or raise `DamagedRecords`."""
        try:
            label = checked_label(self.label, self.n_classes)
            heatmap = finished_map(self.heatmap, self.image, size)
        except ValueError as error:
            raise damaged(self.path, self.number, str(error)) from error
        return LoadedRecord(finished_image(self.image, size), label, heatmap)


@dataclass(frozen=True)
class PictureArchive:
    """An archive of pictures; its arrays are read where they are walked over, and not kept.

    Attributes:
        path: The ``.npz`` file.
        n_rows: How many pictures it holds.
        n_classes: The number of classes.
    """

    path: Path
    n_rows: int
    n_classes: int

    def count(self) -> int:
        """Return the number of rows."""
        return self.n_rows

    def entries(self, share: Share, first: int, *, check_all: bool) -> Iterator[RowEntry | None]:  # noqa: ARG002 - a bad row hides no other
        """Read the arrays, and name the rows of the share."""
        try:
            with np.load(self.path, allow_pickle=False) as archive:
                images, heatmaps, labels = (archive[name] for name in _NAMES)
        except _UNREADABLE as error:
            raise damaged(self.path, 0, f"the archive cannot be read: {error}") from error
        for i in range(self.n_rows):
            if not share.holds(first + i):
                yield None
                continue
            label = int(labels[i])
            yield RowEntry(self.path, i, images[i], heatmaps[i], label, self.n_classes)


def picture_archive(path: Path, n_classes: int) -> PictureArchive:
    """Check the layout of an archive, from the headers of its arrays.

    Args:
        path: An ``.npz`` file of ``images``, uint8, shape (n, H, W, 3), ``heatmaps``, real and not
            negative, shape (n, H, W), and ``labels``, integers, shape (n,).
        n_classes: The number of classes.

    Returns:
        The archive.

    Raises:
        ValueError: The file is no such archive, or its arrays have other names, types or shapes, or
            no row.

    Examples:
        >>> import pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "two.npz")
        ...     images = np.zeros((2, 8, 8, 3), np.uint8)
        ...     np.savez(path, images=images, heatmaps=np.ones((2, 8, 8)), labels=np.array([3, 1]))
        ...     picture_archive(path, 1000).count()
        2
    """
    try:
        with zipfile.ZipFile(path) as archive:
            there = archive.namelist()
            if missing := [name for name in _NAMES if f"{name}.npy" not in there]:
                held = listed([name.removesuffix(".npy") for name in there]) if there else "none"
                raise ValueError(f"it lacks {listed(missing)}; its arrays are {held}")
            headers = [_header(archive, f"{name}.npy") for name in _NAMES]
    except _UNREADABLE as error:
        raise ValueError(f"{path} cannot be read: {error}; expected {_LAYOUT}") from error
    (images, pixels), (heatmaps, heat), (labels, numbers) = headers
    right_types = pixels == np.uint8 and heat.kind in "buif" and numbers.kind in "ui"
    right_images = len(images) == 4 and images[3] == 3 and 0 not in images
    if not (right_types and right_images and (heatmaps, labels) == (images[:3], images[:1])):
        found = ", ".join(
            f"{name} {shape} of {dtype}"
            for name, (shape, dtype) in zip(_NAMES, headers, strict=True)
        )
        raise ValueError(f"{path} holds {found}; expected {_LAYOUT}, and at least one row")
    return PictureArchive(path, images[0], n_classes)


def _header(archive: zipfile.ZipFile, name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    with archive.open(name) as file:
        version = np.lib.format.read_magic(file)
        if version not in _HEADERS:
            raise ValueError(f"{name} has NumPy's format {version}; expected (1, 0) or (2, 0)")
        shape, _, dtype = _HEADERS[version](file)
    return shape, dtype

"""The pictures and concepts that a command line names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from PIL import Image
from torch.utils.data import Dataset

from invert_captum._log import warn
from invert_captum._validation import listed
from invert_captum.cli.failures import MISFITS, first_line
from invert_captum.cli.preprocessing import as_seen
from invert_captum.concepts import ConceptSet
from invert_captum.concepts.readers.image_folder import IMAGE_EXTENSIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from invert_captum.cli.preprocessing import Preprocess

FOLDERS = "folders"


class PictureFiles(Dataset[torch.Tensor]):
    """Picture files as inputs of a model; transparent ones are laid on white.

    Args:
        files: The files, in the order of the rows.
        preprocess: From an RGB picture to a tensor.

    Attributes:
        transparent: Rows of the pictures read so far that have transparent pixels.
    """

    def __init__(self, files: Sequence[Path], preprocess: Preprocess) -> None:
        self.files = files
        self.preprocess = preprocess
        self.transparent: set[int] = set()

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> torch.Tensor:
        picture = self.picture(index)
        try:
            tensor = self.preprocess(picture)
        except MISFITS as error:
            file, reason = str(self.files[index]), first_line(error)
            raise ValueError(f"the preprocessing fails on {file!r}: {reason}") from error
        if not isinstance(tensor, torch.Tensor):
            raise TypeError(f"--preprocess returned a {type(tensor).__name__}; expected a tensor")
        return tensor

    def as_seen(self, index: int) -> torch.Tensor | Image.Image:
        """Return what the model sees of the picture, or all of it if the input is no picture."""
        seen = as_seen(self.preprocess, self[index])
        return self.picture(index) if seen is None else seen

    def picture(self, index: int) -> Image.Image:
        """Return the picture as it is in the file, in RGB, on white where it is transparent.

        Raises:
            ValueError: If the file is no picture that can be read; the message names it.
        """
        path = self.files[index]
        try:
            with Image.open(path) as file:
                picture, transparent = _on_white(file)
        # Pillow tells damage in many ways: SyntaxError for a broken PNG, ValueError for others.
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise ValueError(f"{str(path)!r} is not a picture that can be read: {error}") from error
        if transparent:
            self.transparent.add(index)
        return picture

    def warn_of_transparent(self) -> None:
        """Warn of the transparent pictures among those read so far, if there are any."""
        if not self.transparent:
            return
        count, total = len(self.transparent), len(self.files)
        have, are = ("has", "it is") if count == 1 else ("have", "they are")
        warn(f"{count:,} of {total:,} pictures {have} transparent pixels; {are} laid on white")


def _on_white(picture: Image.Image) -> tuple[Image.Image, bool]:
    """Return a picture in RGB as it looks on white, and whether any of its pixels is transparent.

    Conversion to RGB alone would show the colours, often arbitrary, that lie under such pixels.

    Raises:
        ValueError: If the numbers of its pixels are no bytes.
    """
    if picture.mode[0] in "IF":
        # Pillow would cut them off at 255.
        raise ValueError(f"its pixels are numbers of mode {picture.mode}; expected bytes, 0 to 255")
    if not picture.has_transparency_data:
        return picture.convert("RGB"), False
    layer = picture.convert("RGBA")
    white = Image.new("RGBA", layer.size, "white")
    n_opaque = layer.getchannel("A").histogram()[255]
    is_transparent = n_opaque < layer.width * layer.height
    return Image.alpha_composite(white, layer).convert("RGB"), is_transparent


def read_concepts(images: Path, concepts: str) -> tuple[list[Path], ConceptSet, int]:
    """Return the picture files in the order of their paths, and their concepts.

    Args:
        images: The folder of pictures.
        concepts: ``"folders"``, or a CSV file whose sample ids are paths relative to ``images``.

    Returns:
        The n files, the concepts of n samples, and how many pictures in the folder have no row.

    Raises:
        ValueError: If the folder does not exist, files are missing or lie outside of it.
    """
    if not images.is_dir():
        raise ValueError(f"--images is {str(images)!r}; expected a folder that exists")
    if concepts == FOLDERS:
        files, shown = ConceptSet.from_image_folder(images)
        return files, shown, 0
    if not Path(concepts).is_file():
        raise ValueError(
            f"--concepts is {concepts!r}; expected a CSV file that exists, or the word {FOLDERS}"
        )
    shown = ConceptSet.from_csv(concepts)
    # By path, so that the order of the CSV's rows does not change the split.
    shown = shown.join(sorted(shown.sample_ids or ()))
    files = files_inside(images, shown.sample_ids or (), "--concepts lists")
    with_row = {file.resolve() for file in files}
    return files, shown, len(_pictures(images) - with_row)


def files_inside(images: Path, sample_ids: Sequence[str], listing: str) -> list[Path]:
    """Return the picture files of sample ids, which are paths relative to a folder.

    Args:
        images: The folder.
        sample_ids: The paths.
        listing: What names them and how, for messages: ``"--concepts lists"``.

    Raises:
        ValueError: If a path leads out of the folder, or a file is missing.
    """
    outside = [one for one in sample_ids if _leaves_folder(one)]
    if outside:
        raise ValueError(f"{listing} {listed(outside)}; expected paths relative to --images")
    files = [images / one for one in sample_ids]
    missing = [one for one, file in zip(sample_ids, files, strict=True) if not file.is_file()]
    if missing:
        raise ValueError(
            f"{listing} {len(missing):,} of {len(files):,} files that are not in "
            f"{str(images)!r}: {listed(missing)}; expected paths relative to --images"
        )
    return files


def _leaves_folder(sample_id: str) -> bool:
    # A path with an anchor, such as / or a drive, takes the place of the folder it is joined to.
    return bool(Path(sample_id).anchor) or ".." in Path(sample_id).parts


def _pictures(images: Path) -> set[Path]:
    """Return the real paths of what `ConceptSet.from_image_folder` would take for pictures."""
    return {
        path.resolve()
        for path in images.rglob("*")
        if path.suffix.lower() in IMAGE_EXTENSIONS
        and not any(part.startswith(".") for part in path.relative_to(images).parts)
    }

"""Concepts from a tree of images: every folder is a concept."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from invert_captum._log import progress
from invert_captum._validation import as_list
from invert_captum.concepts.labels import labels_from_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from invert_captum.concepts.concept_set import ConceptSet

IMAGE_EXTENSIONS = (
    ".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp",
)  # fmt: skip


def from_image_folder(
    folder: str | os.PathLike[str],
    *,
    extensions: Iterable[str] | None = None,
    show_progress: bool = False,
) -> tuple[list[Path], ConceptSet]:
    """Read concepts from a tree of images in which every folder is a concept.

    The image ``animals/dog/x.png`` shows the concepts ``animals`` and ``dog``. Folders of one name
    at several places are one concept. An image in ``folder`` itself shows no concept. Hidden files
    and folders are left out, folders without images are no concepts, and links are followed.

    Args:
        folder: The root of the tree, itself no concept.
        extensions: File name endings of images, in any case; None takes `IMAGE_EXTENSIONS`.
        show_progress: Whether to draw a progress bar.

    Returns:
        *tuple[list[Path], ConceptSet]*: the files, sorted by their relative path, and the concepts
        in alphabetical order, whose sample ids are those paths (with ``/`` on every system) and
        whose rows are the files.

    Raises:
        TypeError: If ``extensions`` is a single string.
        ValueError: If ``folder`` is not a folder, no image lies in a folder below it, or
            ``extensions`` is empty or holds something else than file name endings.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as root:
        ...     Path(root, "animals", "dog").mkdir(parents=True)
        ...     Path(root, "animals", "dog", "x.png").touch()
        ...     Path(root, "animals", "y.png").touch()
        ...     files, concepts = from_image_folder(root)
        >>> [file.name for file in files], concepts.names, concepts["dog"].tolist()
        (['x.png', 'y.png'], ('animals', 'dog'), [True, False])
    """
    from invert_captum.concepts.concept_set import ConceptSet

    root = Path(folder)
    if not root.is_dir():
        raise ValueError(f"folder is {os.fspath(folder)!r}; expected a folder that exists")
    endings = _endings(extensions)
    found = progress(_images(root, endings), show=show_progress, description="Images")
    paths = {path.relative_to(root).as_posix(): path for path in found}
    if not paths:
        raise ValueError(f"folder {os.fspath(folder)!r} has no images ({', '.join(endings)})")
    sample_ids = sorted(paths)
    rows: dict[str, list[int]] = {}
    for row, sample_id in enumerate(sample_ids):
        for name in set(sample_id.split("/")[:-1]):
            rows.setdefault(name, []).append(row)
    if not rows:
        raise ValueError(
            f"folder {os.fspath(folder)!r} has images but none in a folder below it; "
            "expected a folder for each concept"
        )
    names = sorted(rows)
    labels = labels_from_columns([rows[name] for name in names], len(sample_ids))
    concepts = ConceptSet(labels, names, sample_ids=sample_ids)
    return [paths[sample_id] for sample_id in sample_ids], concepts


def _endings(extensions: Iterable[str] | None) -> tuple[str, ...]:
    if extensions is None:
        return IMAGE_EXTENSIONS
    endings = []
    for position, extension in enumerate(as_list("extensions", extensions)):
        if not isinstance(extension, str) or not extension.strip("."):
            raise ValueError(
                f"extensions[{position}] is {extension!r}; expected a file name ending, as '.png'"
            )
        endings.append("." + extension.lower().lstrip("."))
    if not endings:
        raise ValueError("extensions is empty; expected at least one file name ending")
    return tuple(endings)


def _images(root: Path, endings: tuple[str, ...]) -> Iterator[Path]:
    for parent, folders, files in os.walk(root, followlinks=True):
        here = Path(parent).resolve()
        # A link to a folder that holds it would never end.
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".") and not here.is_relative_to(Path(parent, name).resolve())
        ]
        for name in files:
            if not name.startswith(".") and name.lower().endswith(endings):
                yield Path(parent, name)

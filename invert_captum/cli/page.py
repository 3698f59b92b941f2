"""The explorer page of a labelling of one's own pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from invert_captum.cli.model import TORCHVISION
from invert_captum.report.explorer import write_explorer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from invert_captum.cli.images import PictureFiles
    from invert_captum.labeler import NeuronConceptLabeler
    from invert_captum.report.folder import SavedRun


def write_page(
    path: Path,
    run: SavedRun,
    pictures: PictureFiles,
    labeler: NeuronConceptLabeler | None,
    names: Sequence[str] | None,
    *,
    top: int,
    batch_size: int,
    show_progress: bool,
    map_arguments: Mapping[str, Any] | None = None,
) -> None:
    """Write the page of a labelling.

    Args:
        path: The HTML file.
        run: The labelling.
        pictures: Its pictures, in the order of the rows.
        labeler: Of the model that was labelled; None for a page without heat maps.
        names: Of the classes that the model gives.
        top: How many neurons get heat maps.
        batch_size: How many pictures go through the model at once.
        show_progress: Whether to draw progress bars on standard error.
        map_arguments: Further arguments of `write_explorer`, about the method of heat maps.
    """
    write_explorer(
        run.result,
        path,
        run.activations,
        run.concepts,
        inputs=None if labeler is None else pictures,
        # Heat maps lie over what the model sees, which is often cut from the picture.
        shown=pictures.picture if labeler is None else pictures.as_seen,
        labeler=labeler,
        top=top,
        class_names=names,
        batch_size=batch_size,
        show_progress=show_progress,
        **(map_arguments or {}),
    )


def read_class_names(file: Path | None) -> tuple[str, ...] | None:
    """Return the lines of a text file, None without a file.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If there is no file, it is no UTF-8 text, or a line is empty above another.
    """
    if file is None:
        return None
    if not file.is_file():
        raise ValueError(f"--class-names is {str(file)!r}; expected a text file that exists")
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"--class-names {str(file)!r} is no text in UTF-8: {error}") from error
    names = tuple(line.strip() for line in text.rstrip().split("\n"))
    if "" in names:
        raise ValueError(
            f"--class-names {str(file)!r} has no name in line {names.index('') + 1}; expected one "
            "in every line"
        )
    return names


def class_names(model: str) -> list[str] | None:
    """Return the classes of a model of torchvision's, None for any other.

    Args:
        model: As given to `load_model`.
    """
    if not model.startswith(TORCHVISION):
        return None
    from torchvision import models

    weights = models.get_model_weights(model.removeprefix(TORCHVISION)).DEFAULT
    names: list[str] | None = weights.meta.get("categories")
    return names

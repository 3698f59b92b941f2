"""From the paths that a user gives to the sources behind them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from invert_captum._validation import shown
from invert_captum.alignment.clickme.picture_archive import picture_archive
from invert_captum.alignment.clickme.picture_pairs import (
    IMAGES,
    PicturePairs,
    class_labels,
    is_picture_folder,
    picture_pairs,
)
from invert_captum.alignment.clickme.record_file import RecordFile
from invert_captum.alignment.clickme.shard_files import SPLITS, shard_files
from invert_captum.alignment.clickme.tf_records import damaged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from invert_captum.alignment.clickme.shard_files import Split
    from invert_captum.alignment.clickme.sources import Source

AnyPath: TypeAlias = str | os.PathLike[str]


def clickme_sources(
    paths: AnyPath | Iterable[AnyPath], split: Split | None, n_classes: int
) -> tuple[Source, ...]:
    """Find the sources behind paths.

    Args:
        paths: Files and folders, as `ClickMeDataset` takes them.
        split: The part to take of each folder.
        n_classes: The number of classes.

    Returns:
        The sources, in the order of the paths.

    Raises:
        TypeError: A path is none.
        FileNotFoundError: A path does not exist, or a shard or a picture of a folder is missing.
        ValueError: There is no path, one comes twice, a file is given with a split, a source is
            empty or not laid out as it must be, or two folders, or two splits of one, number their
            classes differently.

    Examples:
        >>> clickme_sources([], None, 1000)
        Traceback (most recent call last):
        ...
        ValueError: paths is empty; expected at least one file or folder
    """
    sources: list[Source] = []
    for path in _listed_paths(paths):
        sources.extend(_sources_of(path, split, n_classes))
    seen: set[Path] = set()
    for source in sources:
        place = source.path.resolve()
        if place in seen:
            raise ValueError(f"paths leads twice to {source.path}; expected every file once")
        seen.add(place)
    folders = [source for source in sources if isinstance(source, PicturePairs)]
    for folder in folders[1:]:
        _check_classes(folders[0].path, folders[0].classes, folder.path, folder.classes)
    return tuple(sources)


def _listed_paths(paths: object) -> list[Path]:
    if isinstance(paths, (str, os.PathLike)):
        return [Path(paths)]
    if isinstance(paths, (bytes, dict, set)) or not isinstance(paths, Iterable):
        raise TypeError(f"paths is {shown(paths)}; expected a path or a list of paths")
    found = []
    for path in paths:
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"paths has the entry {shown(path)}; expected a path")
        found.append(Path(path))
    if not found:
        raise ValueError("paths is empty; expected at least one file or folder")
    return found


def _sources_of(path: Path, split: Split | None, n_classes: int) -> Iterator[Source]:
    if not path.exists():
        raise FileNotFoundError(f"{str(path)!r} does not exist")
    if path.is_dir():
        yield from _folder_sources(path, split, n_classes)
        return
    if split is not None:
        raise ValueError(
            f"split is {split!r}, but {str(path)!r} is a file; expected a folder, or no split"
        )
    yield picture_archive(path, n_classes) if path.suffix == ".npz" else _file(path, n_classes)


def _folder_sources(path: Path, split: Split | None, n_classes: int) -> Iterator[Source]:
    pictures = path / split if split is not None else path
    if is_picture_folder(pictures):
        found = picture_pairs(pictures, n_classes)
        others = [path / name for name in SPLITS if split is not None and name != split]
        for other in others:
            if (other / IMAGES).is_dir():
                _check_classes(other, class_labels(other), pictures, found.classes)
        yield found
    elif is_picture_folder(path):
        raise FileNotFoundError(f"{str(pictures)!r} does not exist; {path} holds pictures itself")
    else:
        yield from (_file(shard, n_classes) for shard in shard_files(path, split))


def _file(path: Path, n_classes: int) -> RecordFile:
    if path.stat().st_size == 0:
        raise damaged(path, 0, "the file is empty; expected at least one record")
    return RecordFile(path, n_classes)


def _check_classes(
    first: Path, classes: dict[str, int], second: Path, others: dict[str, int]
) -> None:
    """Raise unless a class folder of one name has one label in both, and a label one name."""
    named = {label: name for name, label in classes.items()}
    for name, label in others.items():
        if classes.get(name, label) != label or named.get(label, name) != name:
            raise ValueError(
                f"{first} and {second} have different class folders, so that their labels "
                f"disagree on {name!r}; expected the same folders in both, empty where a class has "
                "no picture, or folders named by the labels"
            )

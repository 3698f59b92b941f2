"""Where the files of a store are: a folder of this machine, or any URL that fsspec knows."""

from __future__ import annotations

import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from invert_captum._files import replacing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# How many objects of a URL are asked for at once: chunks have a few MB, requests wait for replies.
_AT_ONCE = 16

# No file takes so long to be written.
_LEFT_SECONDS = 24 * 3600


class Folder(Protocol):
    """Files by key, such as ``records/00000003.json``; a file is there whole or not at all."""

    @property
    def address(self) -> str:
        """Absolute path or URL that opens it again."""

    @property
    def location(self) -> str:
        """The address without a password, for messages."""

    def read(self, key: str) -> bytes:
        """Return a file's content, or raise `FileNotFoundError`."""

    def read_each(self, keys: Iterable[str]) -> Iterator[bytes | Exception]:
        """Yield the content of each file, or the error of reading it."""

    def write(self, key: str, content: bytes) -> None:
        """Write a file, or replace it."""

    def settle(self, keys: Iterable[str]) -> None:
        """Make sure that the files ``keys`` outlast a power cut before any that come later."""

    def delete(self, key: str) -> None:
        """Delete a file if it is there."""

    def sizes(self, under: str = "") -> dict[str, int]:
        """Return the bytes of every file below a folder, by key."""

    def tidy(self) -> None:
        """Delete what killed processes left half written."""


def open_folder(location: str | os.PathLike[str], argument: str = "store") -> Folder:
    """Return the folder at a path or URL, which need not exist yet.

    Args:
        location: The path, where ``~`` is the home folder, or the URL.
        argument: How messages call it.

    Raises:
        TypeError: ``location`` is neither a string nor a path.
        ImportError: fsspec lacks a package that this kind of URL needs.
        ValueError: fsspec does not know this kind of URL, or it has a query.
    """
    if not isinstance(location, (str, os.PathLike)) or not str(location):
        raise TypeError(f"{argument} is {location!r}; expected a path or an fsspec URL")
    address = os.fspath(location)
    if "://" not in address:
        return LocalFolder(address)
    if "?" in address:
        raise ValueError(
            f"{argument} is {_without_password(address)!r}, a URL with a query; expected one "
            "to which names of files can be added"
        )
    from fsspec.core import url_to_fs
    from fsspec.implementations.local import LocalFileSystem

    files, root = url_to_fs(address)
    if isinstance(files, LocalFileSystem):
        return LocalFolder(root)
    return RemoteFolder(address, files, root)


class LocalFolder:
    """A folder of this machine.

    Args:
        path: Where it is; made when the first file is written.
    """

    def __init__(self, path: str) -> None:
        # Workers may have another current directory.
        self._path = Path(path).expanduser().absolute()
        there = (one for one in self._path.parents if one.exists())
        # The nearest folder that is there already; those below it are made for the store.
        self._above = next(there, self._path)
        self.location = self.address = str(self._path)

    def read(self, key: str) -> bytes:
        """Return a file's content, or raise `FileNotFoundError`."""
        return (self._path / key).read_bytes()

    def read_each(self, keys: Iterable[str]) -> Iterator[bytes | Exception]:
        """Yield the content of each file, or the error of reading it."""
        for key in keys:
            try:
                yield self.read(key)
            except OSError as error:
                yield error

    def write(self, key: str, content: bytes) -> None:
        """Write a file under another name, flush it to disk, then give it its own name."""
        target = self._path / key
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as file:
            file.write(content)

    def settle(self, keys: Iterable[str]) -> None:
        """Flush the folders of these files to disk, up to one that was there before the store."""
        if os.name != "posix":
            return
        above = {folder for key in keys for folder in (self._path / key).parents}
        for folder in above:
            if folder == self._path or self._path in folder.parents:
                _flush(folder)
            elif folder == self._above or self._above in folder.parents:
                # What is not the store's own need not be readable.
                with suppress(PermissionError):
                    _flush(folder)

    def delete(self, key: str) -> None:
        """Delete a file if it is there."""
        (self._path / key).unlink(missing_ok=True)

    def sizes(self, under: str = "") -> dict[str, int]:
        """Return the bytes of every file below a folder, by key; not of unfinished files."""
        return {
            path.relative_to(self._path).as_posix(): path.stat().st_size
            for path in self._files(under)
            if not _is_unfinished(path)
        }

    def tidy(self) -> None:
        """Delete what killed processes left half written, but not what others are writing."""
        for path in self._files(""):
            with suppress(FileNotFoundError):
                if _is_unfinished(path) and time.time() - path.stat().st_mtime > _LEFT_SECONDS:
                    path.unlink()

    def _files(self, under: str) -> list[Path]:
        # A failed listing must not be taken for an empty one.
        walk = os.walk(self._path / under, onerror=_unless_gone, followlinks=True)
        return [Path(at) / name for at, _, names in walk for name in names]


class RemoteFolder:
    """A folder of an fsspec file system; an object is put there as a whole.

    Args:
        location: The URL.
        files: The file system.
        root: The folder's path in it.
    """

    def __init__(self, location: str, files: Any, root: str) -> None:
        self.address = location
        self.location = _without_password(location)
        self._files = files
        self._root = root.rstrip("/")

    def read(self, key: str) -> bytes:
        """Return a file's content, or raise `FileNotFoundError`."""
        return bytes(self._files.cat_file(self._at(key)))

    def read_each(self, keys: Iterable[str]) -> Iterator[bytes | Exception]:
        """Yield the content of each file, or the error of reading it, several requests at once."""
        waiting = iter(keys)
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            while some := list(islice(waiting, _AT_ONCE)):
                yield from threads.map(self._content_or_error, some)

    def write(self, key: str, content: bytes) -> None:
        """Put a file."""
        path = self._at(key)
        try:
            self._files.pipe_file(path, content)
        except FileNotFoundError:
            # Only file systems with real folders ask for them to be made.
            self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
            self._files.pipe_file(path, content)

    def settle(self, keys: Iterable[str]) -> None:
        """Do nothing: a file system that has taken an object keeps it."""

    def delete(self, key: str) -> None:
        """Delete a file if it is there."""
        if self._files.exists(self._at(key)):
            self._files.rm_file(self._at(key))

    def sizes(self, under: str = "") -> dict[str, int]:
        """Return the bytes of every file below a folder, by key."""
        # Others may have written since the last listing.
        self._files.invalidate_cache()
        try:
            found = self._files.find(self._at(under).rstrip("/"), detail=True)
        except FileNotFoundError:
            return {}
        return {path[len(self._root) :].lstrip("/"): one["size"] for path, one in found.items()}

    def tidy(self) -> None:
        """Do nothing: there are no unfinished files."""

    def _at(self, key: str) -> str:
        return f"{self._root}/{key}"

    def _content_or_error(self, key: str) -> bytes | Exception:
        try:
            return self.read(key)
        except Exception as error:  # file systems raise errors of many kinds
            return error


def _is_unfinished(path: Path) -> bool:
    return path.name.startswith(".") and path.suffix == ".tmp"


def _flush(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _without_password(address: str) -> str:
    return re.sub(r"://[^/]*@", "://", address)

"""Walking through an HDF5 file without leaving it.

A link in an HDF5 file may lead to another file, and so may the storage of an array. A file from a
stranger could then bring in what was never part of it, so only hard links and own storage count.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from invert_captum._validation import shown

# Numbers that no one needs to save memory on.
_LEAST_CHUNK = 2**16


def members(group: Any) -> list[str]:
    """Return the names in a group."""
    return list(group.keys())


def group_at(group: Any, path: str) -> Any:
    """Return the group at ``path`` below ``group``, or raise `ValueError`."""
    import h5py

    found = _at(group, path)
    if not isinstance(found, h5py.Group):
        raise ValueError(f"path has no group {path!r} where Keras keeps one")
    return found


def dataset_at(group: Any, path: str) -> Any:
    """Return the array at ``path`` below ``group``, or raise `ValueError`."""
    import h5py

    found = _at(group, path)
    if not isinstance(found, h5py.Dataset):
        raise ValueError(f"path has no array {path!r} where Keras keeps one")
    if found.external or found.is_virtual:
        raise ValueError(f"path keeps the array {path!r} in another file; expected one in itself")
    if found.size and not found.id.get_storage_size():
        # HDF5 would make zeros of it.
        raise ValueError(f"path has an array {path!r} that was never written; expected its numbers")
    if found.chunks is not None and math.prod(found.chunks) > max(found.size, _LEAST_CHUNK):
        # A chunk is unpacked as a whole, so that a small file could fill the memory.
        raise ValueError(
            f"path keeps the array {path!r} of shape {found.shape} in chunks of {found.chunks}; "
            "expected chunks no larger than the array"
        )
    return found


def names_at(group: Any, attribute: str) -> list[str]:
    """Return a list of names that Keras keeps as an attribute, in pieces if it is long."""
    pieces = [group.attrs[attribute]] if attribute in group.attrs else []
    while not pieces or len(pieces) > 1 or f"{attribute}0" in group.attrs:
        key = f"{attribute}{len(pieces)}"
        if key not in group.attrs:
            break
        pieces.append(group.attrs[key])
    if not pieces:
        raise ValueError(f"path has a group {group.name!r} without the attribute {attribute!r}")
    return [_text(name, attribute) for piece in pieces for name in np.ravel(piece)]


def _at(group: Any, path: str) -> Any:
    import h5py

    for part in path.split("/"):
        if not isinstance(group, h5py.Group) or part not in group.keys():  # noqa: SIM118
            return None
        if not isinstance(group.get(part, getlink=True), h5py.HardLink):
            raise ValueError(
                f"path has a soft or external link {part!r} in {group.name!r}, which is not "
                "followed; expected what Keras wrote"
            )
        group = group[part]
    return group


def _text(name: object, attribute: str) -> str:
    if isinstance(name, bytes):
        return name.decode("utf-8", errors="replace")
    if isinstance(name, str):
        return str(name)
    raise ValueError(f"path has {shown(name)} in the attribute {attribute!r}; expected names")

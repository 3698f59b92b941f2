"""The batches that a model is trained on, in groups, and the parts of their source."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset

from invert_captum._validation import shown
from invert_captum.alignment.clickme.clickme_dataset import ClickMeDataset
from invert_captum.alignment.training.optimization import Batch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sized

_WRAP = "a data set gives single images; wrap it in a DataLoader"
_EXPECTED = "expected (images, labels, heatmaps) or (images, labels, heatmaps, tokens), tensors"


def check_data(data: object, n_epochs: int) -> None:
    """Refuse data that cannot be gone through, or not once for each epoch, or gives no batches."""
    # Other iterable data sets may well give batches.
    if isinstance(data, ClickMeDataset) or (
        isinstance(data, Dataset) and not isinstance(data, IterableDataset)
    ):
        raise TypeError(f"data is a {type(data).__name__}; expected batches; {_WRAP}")
    if not hasattr(data, "__iter__") and not hasattr(data, "__getitem__"):
        raise TypeError(
            f"data is {shown(data)}; expected an iterable of batches, such as a DataLoader"
        )
    if isinstance(data, Iterator) and n_epochs > 1:
        raise ValueError(
            f"data is {shown(data)}, which can be gone through only once, but n_epochs is "
            f"{n_epochs}; expected a DataLoader, a list, or an object with __iter__ that starts "
            "anew"
        )


def batch_groups(
    batches: Iterator[object], n: int, *, done: int, epoch: int, device: torch.device
) -> Iterator[list[Batch]]:
    """Yield ``n`` batches at a time on ``device``; the last group of an epoch may be smaller.

    Args:
        batches: The batches that are left in the epoch.
        n: Batches in a group.
        done: How many batches of the epoch went before. Error messages count them from 0, as
            those of `evaluate_alignment` do.
        epoch: The epoch's number, from 1, for error messages.
        device: Where the tensors are moved.
    """
    number = done
    while group := list(islice(batches, n)):
        names = [f"data's batch {number + i} of epoch {epoch}" for i in range(len(group))]
        number += len(group)
        yield [_checked(batch, name, device) for batch, name in zip(group, names, strict=True)]


def skip(batches: Iterator[object], n: int, epoch: int) -> None:
    """Leave out ``n`` batches, which an earlier run has trained on."""
    found = sum(1 for _ in islice(batches, n))
    if found < n:
        raise ValueError(
            f"data has {found:,} batches in epoch {epoch}, of which the checkpoint has done {n:,}; "
            "expected the data of the run that wrote it"
        )


def set_epoch(data: object, epoch: int) -> None:
    """Tell the number of the epoch, from 0, to every part of ``data`` that has a ``set_epoch``."""
    for part in parts(data):
        if callable(method := getattr(part, "set_epoch", None)):
            method(epoch)


def generators(data: object) -> list[torch.Generator]:
    """Return the random generators that ``data`` and its parts were given."""
    found = [getattr(part, "generator", None) for part in parts(data)]
    unique = {id(one): one for one in found if isinstance(one, torch.Generator)}
    return list(unique.values())


def parts(data: object) -> list[object]:
    """Return ``data`` with its samplers and the data sets inside it, each once."""
    found: dict[int, object] = {}
    waiting = [data]
    while waiting:
        part = waiting.pop(0)
        if part is None or id(part) in found:
            continue
        found[id(part)] = part
        names = ("sampler", "batch_sampler", "dataset")
        waiting += [getattr(part, name, None) for name in names]
        several = getattr(part, "datasets", None)
        waiting += several if isinstance(several, (list, tuple)) else []
    return list(found.values())


def n_batches(data: object) -> int | None:
    """Return the number of batches in an epoch, or None where it is unknown."""
    try:
        return len(cast("Sized", data))
    except TypeError:
        return None


def iterate(data: object) -> Iterator[object]:
    """Start an epoch."""
    return iter(cast("Iterable[object]", data))


def _checked(batch: object, name: str, device: torch.device) -> Batch:
    if not isinstance(batch, (tuple, list)):
        raise TypeError(f"{name} is of type {type(batch).__name__}; {_EXPECTED}")
    if len(batch) not in (3, 4):
        raise ValueError(f"{name} has {len(batch)} entries; {_EXPECTED}")
    if isinstance(batch[0], Tensor) and batch[0].ndim == 3:
        raise ValueError(
            f"{name} has images of shape {tuple(batch[0].shape)}; expected (N, C, H, W); {_WRAP}"
        )
    for entry, role in zip(batch, ("images", "labels", "heatmaps", "tokens"), strict=False):
        if not isinstance(entry, Tensor):
            raise TypeError(f"{name} has {role} of type {type(entry).__name__}; {_EXPECTED}")
        if entry.ndim == 0 or len(entry) != len(batch[0]) or len(entry) == 0:
            shapes = ", ".join(str(tuple(one.shape)) for one in batch if isinstance(one, Tensor))
            raise ValueError(f"{name} has shapes {shapes}; expected the same number of rows, not 0")
    images, labels, heatmaps, *rest = (one.to(device, non_blocking=True) for one in batch)
    return Batch(images, labels, heatmaps, rest[0] if rest else None, name)

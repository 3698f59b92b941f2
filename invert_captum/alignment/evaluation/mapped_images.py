"""Batches of images with human maps, checked, without the rows that have none."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from invert_captum._validation import listed, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_BATCH = "(images, labels, heatmaps) or (images, labels, heatmaps, tokens)"


class MappedImages(NamedTuple):
    """The rows of one batch that have a human map.

    Attributes:
        number: Which batch it is, counted from 0.
        images: Shape (n, C, H, W).
        labels: Class indices, int64, shape (n,).
        heatmaps: Human maps in float32, in which they are ranked, shape (n, H, W).
        rows: Which rows of the batch they are, int64, shape (n,).
        n_rows: How many rows the whole batch has.
        n_label_classes: How long one-hot labels are; None for class indices.
    """

    number: int
    images: Tensor
    labels: Tensor
    heatmaps: Tensor
    rows: Tensor
    n_rows: int
    n_label_classes: int | None


def mapped_images(data: Iterable[object], device: torch.device | str) -> Iterator[MappedImages]:
    """Yield the checked batches of ``data`` on a device, each without its rows of token 0.

    Args:
        data: Batches ``(images (N, C, H, W), labels (N,) or (N, K), heatmaps (N, H, W))``, or the
            same with tokens (N,); a batch may come without any row.
        device: Where the rows are put.

    Raises:
        TypeError: An item is no such tuple of tensors.
        ValueError: The sizes do not fit, labels are not one-hot, a human map that counts has NaN,
            infinite or negative values, or tokens have.

    Examples:
        >>> batch = torch.rand(2, 3, 4, 4), torch.tensor([1, 0]), torch.rand(2, 4, 4)
        >>> (kept,) = mapped_images([(*batch, torch.tensor([0.0, 1.0]))], "cpu")
        >>> kept.rows.tolist(), kept.labels.tolist(), tuple(kept.images.shape)
        ([1], [0], (1, 3, 4, 4))
    """
    for number, item in enumerate(data):
        images, labels, heatmaps, tokens = _parts(item, number)
        _check_images(images, number)
        n = len(images)
        _check_heatmaps(heatmaps, images, number)
        kept = _has_map(tokens, n, number).nonzero().flatten()
        classes, n_label_classes = _classes(labels, n, kept.to(labels.device), number)
        maps = heatmaps[kept.to(heatmaps.device)]
        _check_values(maps, kept, number)
        chosen = images[kept.to(images.device)].detach()
        yield MappedImages(
            number,
            chosen.to(device),
            classes.to(device),
            # First to float32, because not every device has float64.
            maps.detach().float().to(device),
            kept.cpu(),
            n,
            n_label_classes,
        )


def _parts(item: object, number: int) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """Return the tensors of a batch."""
    if not isinstance(item, (tuple, list)) or len(item) not in (3, 4):
        came = f" of {len(item)}" if isinstance(item, (tuple, list)) else ""
        raise TypeError(
            f"data gives a {type(item).__name__}{came} as batch {number}; expected {_BATCH}, as a "
            "DataLoader or a list of such tuples gives them"
        )
    names = ("images", "labels", "heatmaps", "tokens")
    for name, part in zip(names, item, strict=False):
        if not isinstance(part, Tensor):
            raise TypeError(
                f"{name} of batch {number} is {shown(part)}; expected a tensor, as a DataLoader "
                "gives it"
            )
    return item[0], item[1], item[2], item[3] if len(item) == 4 else None


def _check_images(images: Tensor, number: int) -> None:
    if images.ndim != 4 or 0 in images.shape[1:]:
        hint = "; a data set gives single images, a DataLoader of it batches"
        raise ValueError(
            f"images of batch {number} has shape {tuple(images.shape)}; expected (N, C, H, W)"
            f"{hint if images.ndim == 3 else ''}"
        )
    if not images.is_floating_point():
        raise TypeError(f"images of batch {number} is {images.dtype}; expected floating point")


def _check_heatmaps(heatmaps: Tensor, images: Tensor, number: int) -> None:
    n, _, height, width = images.shape
    expected = (n, height, width)
    if tuple(heatmaps.shape) != expected:
        one_channel = tuple(heatmaps.shape) in ((n, 1, height, width), (n, height, width, 1))
        hint = f", as heatmaps.reshape{expected} makes them" if one_channel else ""
        raise ValueError(
            f"heatmaps of batch {number} has shape {tuple(heatmaps.shape)}, but images are "
            f"{tuple(images.shape)}; expected {expected}{hint}"
        )
    if not heatmaps.is_floating_point():
        raise TypeError(f"heatmaps of batch {number} is {heatmaps.dtype}; expected floating point")


def _has_map(tokens: Tensor | None, n: int, number: int) -> Tensor:
    """Return which of n rows have a human map, booleans (n,)."""
    if tokens is None:
        return torch.ones(n, dtype=torch.bool)
    if tuple(tokens.shape) != (n,):
        raise ValueError(
            f"tokens of batch {number} has shape {tuple(tokens.shape)}; expected ({n},), one for "
            "each image"
        )
    if tokens.is_complex():
        raise TypeError(f"tokens of batch {number} is {tokens.dtype}; expected real numbers")
    wrong = (~(tokens.isfinite() & (tokens >= 0))).nonzero().flatten().tolist()
    if wrong:
        raise ValueError(
            f"tokens of batch {number} has NaN, infinite or negative values in rows "
            f"{listed(wrong)}; expected 1 for a row with a human map and 0 for one without"
        )
    return tokens > 0


def _classes(labels: Tensor, n: int, kept: Tensor, number: int) -> tuple[Tensor, int | None]:
    """Return the class indices of the rows that are kept, and how long one-hot labels are."""
    if labels.ndim not in (1, 2) or len(labels) != n:
        raise ValueError(
            f"labels of batch {number} has shape {tuple(labels.shape)}, but there are {n} images; "
            f"expected class indices ({n},) or one-hot rows ({n}, classes)"
        )
    rows = labels[kept]
    if rows.ndim == 2:
        is_one_hot = ((rows == 0) | (rows == 1)).all(1) & (rows.sum(1) == 1)
        wrong = kept[~is_one_hot].tolist()
        if wrong:
            raise ValueError(
                f"labels of batch {number} is not one-hot in rows {listed(wrong)}, so that there "
                "is no one class to explain; expected a single 1 in each row, or class indices"
            )
        return rows.int().argmax(1), labels.shape[1]
    if rows.is_floating_point() or rows.is_complex() or rows.dtype == torch.bool:
        raise TypeError(f"labels of batch {number} is {rows.dtype}; expected integer indices")
    return rows.long(), None


def _check_values(maps: Tensor, kept: Tensor, number: int) -> None:
    """Refuse human maps that no heat map can have."""
    fine = (maps.isfinite() & (maps >= 0)).flatten(1).all(1)
    wrong = kept[(~fine).cpu()].tolist()
    if wrong:
        raise ValueError(
            f"heatmaps of batch {number} has NaN, infinite or negative values in rows "
            f"{listed(wrong)}; expected finite maps of at least 0, or token 0 where there is none"
        )

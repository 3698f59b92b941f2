"""What the loss asks of a batch, read from the device once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from invert_captum._log import warn
from invert_captum._validation import shown
from invert_captum.alignment.maps.map_checks import check_maps

if TYPE_CHECKING:
    from collections.abc import Iterable


def check_images(images: object) -> torch.Tensor:
    """Return ``images`` if they are floating pictures of shape (N, C, H, W), N at least 1."""
    if not isinstance(images, torch.Tensor) or not images.is_floating_point():
        kind = images.dtype if isinstance(images, torch.Tensor) else shown(images)
        raise TypeError(f"images must be a floating torch tensor, got {kind}")
    if images.ndim != 4 or 0 in images.shape:
        raise ValueError(
            f"images must have shape (N, C, H, W), none of them 0, got {tuple(images.shape)}"
        )
    return images


def check_human_maps(
    images: torch.Tensor, heatmaps: object, tokens: object
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the human maps and their tokens on the device of the images.

    Args:
        images: The images, of shape (N, C, H, W).
        heatmaps: The human maps, of shape (N, H, W), at least 0.
        tokens: Their weights, of shape (N,), at least 0; None means 1 for each.

    Raises:
        TypeError: If ``heatmaps`` or ``tokens`` are not floating (tokens may be integers).
        ValueError: If a shape is another, or a value is negative, infinite or NaN.
    """
    maps = check_maps("heatmaps", heatmaps)
    expected = (len(images), *images.shape[2:])
    if maps.shape != expected:
        raise ValueError(
            f"heatmaps has shape {tuple(maps.shape)}, but images are {tuple(images.shape)}; "
            f"expected {expected}"
        )
    if tokens is None:
        tokens = torch.ones(len(images))
    if not isinstance(tokens, torch.Tensor) or tokens.is_complex():
        raise TypeError(f"tokens must be a torch tensor of real numbers, got {shown(tokens)}")
    if tokens.shape != expected[:1]:
        raise ValueError(f"tokens has shape {tuple(tokens.shape)}, expected {expected[:1]}")
    maps = maps.to(images.device)
    weights = tokens.to(images.device, torch.promote_types(maps.dtype, torch.float32))
    smallest, largest = maps.amin(dim=(1, 2)), maps.amax(dim=(1, 2))
    # NaN fails every comparison, and minima and maxima pass it on.
    fine = [
        (smallest >= 0) & (largest < float("inf")),
        (weights >= 0) & (weights < float("inf")),
        (largest > smallest) | (weights == 0),
    ]
    fine_maps, fine_weights, varying = torch.stack(fine).tolist()
    _refuse_rows("heatmaps", fine_maps)
    _refuse_rows("tokens", fine_weights)
    constant = _rows(varying)
    if constant:
        warn(
            f"{len(constant)} of {len(maps)} heatmaps are the same everywhere but have a token "
            f"(rows {_listed(constant)}): they ask the model to look nowhere; give them token 0 "
            "if there is no human map"
        )
    return maps, weights


def _refuse_rows(name: str, fine: list[bool]) -> None:
    if not all(fine):
        raise ValueError(
            f"{name} must be at least 0 and finite, but rows {_listed(_rows(fine))} of {len(fine)} "
            "hold negative, infinite or NaN values"
        )


def _rows(fine: list[bool]) -> list[int]:
    return [row for row, passed in enumerate(fine) if not passed]


def _listed(rows: list[int], most: int = 8) -> str:
    return ", ".join(map(str, rows[:most])) + (", …" if len(rows) > most else "")


def class_weights(labels: object, logits: torch.Tensor) -> torch.Tensor:
    """Return labels as rows of weights over the classes.

    Args:
        labels: Class indices, integers of shape (N,), or rows of weights, of shape (N, K).
        logits: The model's outputs, of shape (N, K).

    Returns:
        Weights of the shape, type (at least float32) and device of ``logits``.

    Raises:
        TypeError: If class indices are not integers.
        ValueError: If the shape fits neither, or an index is no class, or a weight is not finite.
    """
    n_images, n_classes = logits.shape
    if not isinstance(labels, torch.Tensor):
        raise TypeError(f"labels must be a torch tensor, got {shown(labels)}")
    dtype = torch.promote_types(logits.dtype, torch.float32)
    if labels.shape == logits.shape:
        weights = labels.to(logits.device, dtype)
        sums = weights.sum(dim=1)
        finite, normalised = torch.stack([sums.isfinite(), (sums - 1).abs() <= 1e-4]).tolist()
        _refuse_label_rows(_rows(finite))
        if not all(normalised):
            warn(
                f"the rows {_listed(_rows(normalised))} of labels do not sum to 1; the loss is "
                "computed from them as they are"
            )
        return weights
    if labels.shape != logits.shape[:1]:
        raise ValueError(
            f"labels has shape {tuple(labels.shape)}; expected class indices of shape "
            f"({n_images},) or rows of weights of shape {tuple(logits.shape)}"
        )
    if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
        raise TypeError(f"labels as class indices must be integers, got {labels.dtype}")
    indices = labels.to(logits.device, torch.int64)
    lowest, highest = torch.stack([indices.min(), indices.max()]).tolist()
    if lowest < 0 or highest >= n_classes:
        raise ValueError(
            f"labels hold {lowest if lowest < 0 else highest}, but the model has {n_classes} "
            f"classes; expected 0 to {n_classes - 1}"
        )
    return torch.nn.functional.one_hot(indices, n_classes).to(dtype)


def _refuse_label_rows(rows: Iterable[int]) -> None:
    rows = list(rows)
    if rows:
        raise ValueError(f"labels must be finite, but rows {_listed(rows)} are not")

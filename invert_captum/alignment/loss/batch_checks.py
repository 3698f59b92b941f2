"""What the loss asks of a batch, read from the device once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from invert_captum._log import warn
from invert_captum._validation import shown
from invert_captum.alignment.maps.map_checks import check_maps
from invert_captum.alignment.probabilities import warn_of_probabilities

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
    """Return the human maps, zero where the token is 0, and their tokens, where the images are.

    Args:
        images: The images, of shape (N, C, H, W), finite.
        heatmaps: The human maps, of shape (N, H, W), at least 0 where the token is not 0.
        tokens: Their weights, of shape (N,), at least 0; None means 1 for each.

    Raises:
        TypeError: If ``heatmaps`` or ``tokens`` are not floating (tokens may be integers).
        ValueError: If a shape is another, or a value is negative, infinite or NaN, or one of the
            images infinite or NaN.

    Warns:
        InvertCaptumWarning: If a map with a token is the same everywhere. The text has no numbers,
            so that Python shows it once in a training, not at every step.
    """
    maps = check_maps("heatmaps", heatmaps)
    expected = (len(images), *images.shape[2:])
    if maps.shape != expected:
        if maps.shape == images.shape[:3]:
            raise ValueError(
                f"images has shape {tuple(images.shape)}, but heatmaps {tuple(maps.shape)}; images "
                "are (N, C, H, W): move the channels first, as images.permute(0, 3, 1, 2) does"
            )
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
    weights = tokens.to(images.device, torch.promote_types(maps.dtype, torch.float32))
    # What stands where there is no map may be anything, and 0 times NaN would be NaN.
    maps = maps.to(images.device).masked_fill((weights == 0)[:, None, None], 0)
    pixels = images.detach()
    smallest, largest = maps.amin(dim=(1, 2)), maps.amax(dim=(1, 2))
    # NaN fails every comparison, and minima and maxima pass it on.
    fine = [
        (smallest >= 0) & (largest < float("inf")),
        (weights >= 0) & (weights < float("inf")),
        (largest > smallest) | (weights == 0),
        (pixels.amin(dim=(1, 2, 3)) > -float("inf")) & (pixels.amax(dim=(1, 2, 3)) < float("inf")),
    ]
    fine_maps, fine_weights, varying, fine_images = torch.stack(fine).tolist()
    _refuse_rows("images", fine_images, "finite", "infinite or NaN values")
    for name, fine_rows in (("heatmaps", fine_maps), ("tokens", fine_weights)):
        _refuse_rows(name, fine_rows, "at least 0 and finite", "negative, infinite or NaN values")
    if not all(varying):
        warn(
            "heatmaps that have a token are the same everywhere: they ask the model to look "
            "nowhere; give them token 0 if there is no human map"
        )
    return maps, weights


def _refuse_rows(name: str, fine: list[bool], expected: str, came: str) -> None:
    if not all(fine):
        raise ValueError(
            f"{name} must be {expected}, but rows {_listed(_rows(fine))} of {len(fine)} hold {came}"
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

    Warns:
        InvertCaptumWarning: If rows of weights do not sum to 1, or the logits look like
            probabilities.
    """
    n_images, n_classes = logits.shape
    if not isinstance(labels, torch.Tensor):
        raise TypeError(f"labels must be a torch tensor, got {shown(labels)}")
    dtype = torch.promote_types(logits.dtype, torch.float32)
    if labels.shape == logits.shape:
        weights = labels.to(logits.device, dtype)
        sums = weights.sum(dim=1)
        fine = [sums.isfinite(), (sums - 1).abs() <= 1e-4, _are_shares(logits)]
        finite, normalised, shares = torch.stack(fine).tolist()
        _refuse_label_rows(_rows(finite))
        if not all(normalised):
            warn("rows of labels do not sum to 1; the loss is computed from them as they are")
        if all(shares):
            warn_of_probabilities()
        return weights
    if labels.shape != logits.shape[:1]:
        raise ValueError(
            f"labels has shape {tuple(labels.shape)}; expected class indices of shape "
            f"({n_images},) or rows of weights of shape {tuple(logits.shape)}"
        )
    if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
        raise TypeError(f"labels as class indices must be integers, got {labels.dtype}")
    indices = labels.to(logits.device, torch.int64)
    shares = _are_shares(logits).all().to(torch.int64)
    lowest, highest, all_shares = torch.stack([indices.min(), indices.max(), shares]).tolist()
    if lowest < 0 or highest >= n_classes:
        raise ValueError(
            f"labels hold {lowest if lowest < 0 else highest}, but the model has {n_classes} "
            f"classes; expected 0 to {n_classes - 1}"
        )
    if all_shares:
        warn_of_probabilities()
    return torch.nn.functional.one_hot(indices, n_classes).to(dtype)


def _are_shares(logits: torch.Tensor) -> torch.Tensor:
    """Tell for each row whether it is at least 0 and sums to 1, as probabilities do."""
    logits = logits.detach()
    sums = logits.to(torch.promote_types(logits.dtype, torch.float32)).sum(dim=1)
    return (logits >= 0).all(dim=1) & ((sums - 1).abs() <= 1e-4) & (logits.shape[1] > 1)


def _refuse_label_rows(rows: Iterable[int]) -> None:
    rows = list(rows)
    if rows:
        raise ValueError(f"labels must be finite, but rows {_listed(rows)} are not")

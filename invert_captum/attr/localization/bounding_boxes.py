"""Boxes around what a mask keeps."""

from __future__ import annotations

import math
import numbers
from typing import TYPE_CHECKING, Literal

import torch

from invert_captum._log import warn
from invert_captum._validation import listed, shown
from invert_captum.attr.localization.averaged_maps import averaged_maps

if TYPE_CHECKING:
    from torch import Tensor

_MEAN_FACTOR = 1.5


def localize(
    mask: Tensor, threshold: Literal["mean", "max"] | float = "mean", factor: float = _MEAN_FACTOR
) -> Tensor:
    """Draw the tightest box around all positions where a mask exceeds a threshold.

    That is the localisation of Du et al. 2018 (arXiv 1804.00506, section 4.4): a position counts
    if its value, averaged over the channels, is greater than 1.5 times the mean of its mask. Class
    activation maps (Zhou et al. 2016, arXiv 1512.04150) are compared with 0.2 times their maximum.

    Args:
        mask: Masks or attributions, shape (n, C, H, W), (n, H, W), or (H, W) for a single one. Of
            signed attributions pass the positive part or the absolute value.
        threshold: ``"mean"`` or ``"max"`` of each mask, or a number that is the threshold of all.
        factor: By what ``"mean"`` (any positive number) or ``"max"`` (between 0 and 1) is
            multiplied. A number is not multiplied by anything.

    Returns:
        *Tensor*: int64, shape (n, 4), on the device of ``mask``: left, top, right, bottom, where
        right and bottom are the first column and row outside, as `torchvision.ops.box_iou` takes
        them. The row's box is ``mask[..., top:bottom, left:right]``. Where nothing exceeds the
        threshold, as in a constant mask or one in [0, 1] whose mean is above 2/3, it is the empty
        box 0, 0, 0, 0.

    Raises:
        TypeError: ``mask`` is no tensor of real numbers, or ``threshold`` or ``factor`` no number.
        ValueError: ``mask`` has another shape or NaN or infinite values, the mean or maximum that
            is to be multiplied is negative, ``threshold`` or ``factor`` has no valid value, or a
            ``factor`` comes with a number.

    Warns:
        InvertCaptumWarning: A box is empty.

    Examples:
        >>> import torch
        >>> mask = torch.zeros(1, 3, 5, 6)
        >>> mask[..., 1:3, 2:6] = 1
        >>> localize(mask)
        tensor([[2, 1, 6, 3]])
        >>> localize(mask, threshold="max", factor=0.2)
        tensor([[2, 1, 6, 3]])
    """
    _check_threshold(threshold, factor)
    maps = averaged_maps("mask", mask)
    if len(maps) == 0:
        return torch.zeros(0, 4, dtype=torch.int64, device=mask.device)
    kept = maps > _levels(maps, threshold, factor)[:, None, None]
    if empty := (~kept.flatten(1).any(1)).nonzero().flatten().tolist():
        warn(
            f"mask is nowhere above the threshold in rows {listed(empty)} (of {len(maps)}), whose "
            'box is empty; a smaller factor, or threshold="max", may find one'
        )
    boxes = _boxes(kept)
    return boxes.to(mask.device)


def _check_threshold(threshold: object, factor: object) -> None:
    number = _number("factor", factor, "a number")
    if not isinstance(threshold, str):
        _number("threshold", threshold, "'mean', 'max' or a number")
        if number != _MEAN_FACTOR:
            raise ValueError(
                f"factor is {factor}, but threshold is the number {threshold}, which nothing "
                "multiplies; expected no factor"
            )
        return
    if threshold not in ("mean", "max"):
        raise ValueError(f"threshold is {threshold!r}; expected 'mean', 'max' or a number")
    if number <= 0:
        raise ValueError(f"factor is {factor}; expected a number above 0")
    if threshold == "max" and number >= 1:
        raise ValueError(
            f"factor is {factor}, but no value exceeds the maximum; expected a number between 0 "
            "and 1 with threshold 'max', such as 0.2"
        )


def _number(name: str, value: object, expected: str) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} is {shown(value)}; expected {expected}")
    if not math.isfinite(value):
        raise ValueError(f"{name} is {value}; expected {expected}, finite")
    return float(value)


def _levels(maps: Tensor, threshold: str | float, factor: float) -> Tensor:
    """Return the value that each map must exceed, shape (n,)."""
    pixels = maps.flatten(1)
    if not isinstance(threshold, str):
        return pixels.new_full((len(maps),), threshold)
    lowest, highest = pixels.aminmax(dim=1)
    # The mean of equal numbers may be rounded below them.
    levels = pixels.mean(1).clamp(lowest, highest) if threshold == "mean" else highest
    negative = (levels < 0).nonzero().flatten().tolist()
    if negative:
        raise ValueError(
            f"mask has a negative {threshold} in rows {listed(negative)}, so that no multiple of "
            "it is a threshold; expected non-negative masks, such as mask.clamp(min=0)"
        )
    return factor * levels


def _boxes(kept: Tensor) -> Tensor:
    """Return the boxes (n, 4) around the true positions of (n, H, W)."""
    height, width = kept.shape[1:]
    # As numbers: `argmax`, which gives the first of equal maxima, does not take booleans.
    columns, rows = kept.any(1).byte(), kept.any(2).byte()
    edges = (
        columns.argmax(1),
        rows.argmax(1),
        width - columns.flip(1).argmax(1),
        height - rows.flip(1).argmax(1),
    )
    return torch.stack(edges, 1) * columns.any(1, keepdim=True)

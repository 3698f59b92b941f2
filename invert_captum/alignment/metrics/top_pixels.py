"""How far the highest positions of two maps are the same: Dice and intersection over union."""

from __future__ import annotations

import math
import numbers
from fractions import Fraction
from typing import TYPE_CHECKING

from invert_captum._validation import shown
from invert_captum.alignment.metrics.map_blocks import score_pairs

if TYPE_CHECKING:
    from torch import Tensor

_EPSILON = 1e-9  # of the released code: two empty sets score 0


def dice(a: Tensor, b: Tensor, percentile: float = 10) -> Tensor:
    """Score the overlap of the highest positions of each pair of maps by Dice's coefficient.

    ``2·|A ∩ B| / (|A| + |B| + 1e-9)``, where A and B are the positions strictly above the
    (100 - ``percentile``)-th percentile of their own map, with linear interpolation. Released
    code of Fel et al., NeurIPS 2022 (arXiv 2211.04533), in exact arithmetic.

    The maps are rounded to float32 first, and -0.0 equals 0.0. Where many positions share the
    value at the percentile, the set is smaller than ``percentile`` says, and empty if it is the
    highest value. Infinite values count as the lowest or highest, also beside the percentile,
    where NumPy's interpolation has no result. A map with a NaN has no percentile and an empty
    set. The result has no gradient.

    Args:
        a: Maps, shape (N, H, W), of any floating type, on any device.
        b: As many maps of the same shape on the same device.
        percentile: How many of 100 positions are the highest, inside (0, 100).

    Returns:
        *Tensor*: float64 in [0, 1], shape (N,), on the device of ``a``; float32 where the device
        has no float64 (MPS). 0 where either map is constant, also if they are equal; just below 1
        (by 1e-9 over the sum of both sizes) for two identical maps that are not.

    Raises:
        TypeError: ``a`` or ``b`` is no tensor, or not one of floating-point numbers, or
            ``percentile`` is no number.
        ValueError: ``a`` or ``b`` has not the shape (N, H, W) or no positions, they differ in
            shape or device, or ``percentile`` is not inside (0, 100).

    Examples:
        >>> import torch
        >>> human = torch.arange(100.0).reshape(1, 10, 10)
        >>> dice(human, human.transpose(1, 2))  # the last row, the last column
        tensor([0.1000], dtype=torch.float64)
    """
    share = _share(percentile)

    def coefficient(maps_a: Tensor, maps_b: Tensor) -> Tensor:
        top_a, top_b = _top(maps_a, share), _top(maps_b, share)
        sizes = top_a.sum(1) + top_b.sum(1)
        return 2 * (top_a & top_b).sum(1).double() / (sizes.double() + _EPSILON)

    return score_pairs(a, b, coefficient)


def intersection_over_union(a: Tensor, b: Tensor, percentile: float = 10) -> Tensor:
    """Score the overlap of the highest positions of each pair of maps as a share of their union.

    ``|A ∩ B| / (|A ∪ B| + 1e-9)``, where A and B are the positions strictly above the
    (100 - ``percentile``)-th percentile of their own map, as in `dice`, which says what happens
    to ties, infinite values and NaN. Released code of Fel et al., NeurIPS 2022 (arXiv
    2211.04533), in exact arithmetic.

    Args:
        a: Maps, shape (N, H, W), of any floating type, on any device.
        b: As many maps of the same shape on the same device.
        percentile: How many of 100 positions are the highest, inside (0, 100).

    Returns:
        *Tensor*: float64 in [0, 1], shape (N,), on the device of ``a``; float32 where the device
        has no float64 (MPS). 0 where either map is constant, also if they are equal; just below 1
        (by 1e-9 over the set's size) for two identical maps that are not.

    Raises:
        TypeError: ``a`` or ``b`` is no tensor, or not one of floating-point numbers, or
            ``percentile`` is no number.
        ValueError: ``a`` or ``b`` has not the shape (N, H, W) or no positions, they differ in
            shape or device, or ``percentile`` is not inside (0, 100).

    Examples:
        >>> import torch
        >>> human = torch.arange(100.0).reshape(1, 10, 10)
        >>> intersection_over_union(human, human.transpose(1, 2))  # the last row, the last column
        tensor([0.0526], dtype=torch.float64)
    """
    share = _share(percentile)

    def ratio(maps_a: Tensor, maps_b: Tensor) -> Tensor:
        top_a, top_b = _top(maps_a, share), _top(maps_b, share)
        union = (top_a | top_b).sum(1)
        return (top_a & top_b).sum(1).double() / (union.double() + _EPSILON)

    return score_pairs(a, b, ratio)


def _top(maps: Tensor, share: Fraction) -> Tensor:
    """Return which values of each map are above its percentile, (n, p) -> (n, p).

    The percentile lies between two neighbours in the map's order: at the lower one or strictly
    between them. As no value is inside that gap, those above the percentile are those above the
    lower neighbour, and nothing need be interpolated, which could round to the wrong side.
    """
    n_pixels = maps.shape[1]
    lower = math.floor((1 - share) * (n_pixels - 1))
    # NaN counts as highest, and the minimum with it is NaN, above which nothing is.
    highest = maps.topk(n_pixels - lower, dim=1, sorted=False).values
    return maps > highest.amin(1, keepdim=True)


def check_percentile(percentile: object) -> float:
    """Return the percentile as a float, or raise unless it is a number inside (0, 100)."""
    if isinstance(percentile, bool) or not isinstance(percentile, numbers.Real):
        raise TypeError(f"percentile is {shown(percentile)}; expected a number inside (0, 100)")
    number = float(percentile)
    if not 0 < number < 100:
        raise ValueError(f"percentile is {percentile}; expected a number inside (0, 100)")
    return number


def _share(percentile: object) -> Fraction:
    """Return the share of the highest positions, exactly as the decimal that was written."""
    # The nearest double of 0.1 is above it, and would miss a percentile that is on an element.
    return Fraction(repr(check_percentile(percentile))) / 100

"""The pointing game: whether the highest point of an attribution lies on the object."""

from __future__ import annotations

import math
import numbers
from typing import TYPE_CHECKING

import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from invert_captum._validation import listed, shown
from invert_captum.attr.localization.averaged_maps import averaged_maps

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Flags = npt.NDArray[np.bool_]


def pointing_game(attribution: Tensor, object_mask: Tensor, tolerance: float = 15) -> Tensor:
    """Tell how surely the highest point of each attribution lies on or near its object.

    The pointing game of Zhang et al. 2018 (*Top-down neural attention by excitation backprop*,
    arXiv 1608.00507): a hit is a highest point within 15 pixels of the object. The mean over
    pictures is the method's accuracy.

    Args:
        attribution: Attributions or masks, shape (n, C, H, W), (n, H, W), or (H, W) for a single
            one. They are averaged over the channels and keep their sign.
        object_mask: Where the object is: booleans, shape (n, H, W) or (n, 1, H, W), or (H, W) for
            the same object in all.
        tolerance: Largest Euclidean distance in pixels between the centres of the highest point
            and of the nearest pixel of the object; with 0 the point must lie on the object.

    Returns:
        *Tensor*: float32 in [0, 1], shape (n,), on the device of ``attribution``: 1 for a hit, 0
        for none. Where several points are equally high, the share of them that hit, which is what
        one of them drawn at random is expected to score.

    Raises:
        TypeError: ``attribution`` is no tensor of real numbers, ``object_mask`` no tensor of
            booleans, or ``tolerance`` no number.
        ValueError: the shapes do not fit, ``attribution`` has NaN or infinite values, a row of
            ``object_mask`` is empty, or ``tolerance`` is negative or not finite.

    Examples:
        >>> import torch
        >>> attribution = torch.zeros(2, 3, 50, 50)
        >>> attribution[0, :, 10, 20] = 1
        >>> attribution[1, :, 10, 45] = 1
        >>> object_mask = torch.zeros(50, 50, dtype=torch.bool)
        >>> object_mask[5:12, 5:12] = True
        >>> pointing_game(attribution, object_mask)
        tensor([1., 0.])
        >>> pointing_game(attribution, object_mask, tolerance=0)
        tensor([0., 0.])
    """
    _check_tolerance(tolerance)
    maps = averaged_maps("attribution", attribution)
    objects = _objects(object_mask, maps).numpy(force=True)
    highest = (maps == maps.amax((1, 2), keepdim=True)).numpy(force=True)
    pairs = zip(highest, objects, strict=True)
    hits = [_share_near(points, thing, tolerance) for points, thing in pairs]
    return torch.tensor(hits, dtype=torch.float32, device=attribution.device)


def _share_near(points: Flags, thing: Flags, tolerance: float) -> float:
    """Return the share of ``points`` within ``tolerance`` of ``thing``, both (H, W)."""
    # What lies farther from every point than the tolerance does not matter.
    reach = int(min(tolerance, max(points.shape)))
    window = tuple(
        slice(max(0, places.min() - reach), places.max() + reach + 1) for places in points.nonzero()
    )
    near = thing[window]
    if not near.any():
        return 0.0
    distances: npt.NDArray[np.float64] = distance_transform_edt(~near)
    return float((distances[points[window]] <= tolerance).mean())


def _objects(object_mask: object, maps: Tensor) -> Tensor:
    """Return the masks of the objects of n ``maps``, (n, H, W)."""
    if not isinstance(object_mask, Tensor):
        raise TypeError(
            f"object_mask is of type {type(object_mask).__name__}; expected a tensor of booleans"
        )
    if object_mask.dtype != torch.bool:
        raise TypeError(
            f"object_mask is of {object_mask.dtype}; expected booleans, such as object_mask > 0.5"
        )
    n, height, width = maps.shape
    shapes = (n, height, width), (n, 1, height, width), (height, width)
    if tuple(object_mask.shape) not in shapes:
        raise ValueError(
            f"object_mask has shape {tuple(object_mask.shape)}, attribution has {n:,} maps of "
            f"{height} x {width}; expected one of {', '.join(map(str, shapes))}"
        )
    alone = object_mask.ndim == 2
    objects = object_mask.reshape(-1, height, width)
    empty = (~objects.any(2).any(1)).nonzero().flatten().tolist()
    if empty:
        where = "is empty" if alone else f"is empty in rows {listed(empty)}"
        raise ValueError(f"object_mask {where}; expected at least one pixel of the object in each")
    return objects.expand(n, height, width)


def _check_tolerance(tolerance: object) -> None:
    if isinstance(tolerance, bool) or not isinstance(tolerance, numbers.Real):
        raise TypeError(f"tolerance is {shown(tolerance)}; expected a number of pixels")
    if not (math.isfinite(tolerance) and float(tolerance) >= 0):
        raise ValueError(f"tolerance is {tolerance}; expected a finite number of at least 0")

"""Where the names of points may stand so that nothing covers anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Numbers = npt.NDArray[np.float64]

_DIRECTIONS = 16
_RINGS = 24
_ROUNDS = 4
# Costs: of what must not be, of each point that is covered or crossed, of each pixel of distance.
_FORBIDDEN, _COVERED, _DISTANCE = 1e6, 60.0, 1.0
# Places along the line that joins a label to its point.
_STEPS = np.linspace(0.15, 1, 14)[:, None]


def place_labels(
    anchors: Numbers, sizes: Numbers, avoid: Numbers, width: float, height: float, gap: float
) -> Numbers:
    """Return a place for each label near its point, without overlaps where there is room.

    Places are chosen one after the other among rings of growing distance around the point, those
    with the nearest neighbours first, and then revised while the others stay.

    Args:
        anchors: Where the points are, in pixels, shape (m, 2).
        sizes: Width and height of each label, in pixels, shape (m, 2).
        avoid: Pixels that should not be covered, such as those along a line, shape (p, 2).
        width: Labels lie between 0 and this.
        height: The same upwards.
        gap: Least distance of a label from its point, and half of it from other labels.

    Returns:
        The lower left corners of the labels, shape (m, 2).

    Examples:
        >>> anchors = np.array([[50.0, 50.0], [52.0, 50.0]])
        >>> sizes = np.array([[40.0, 10.0], [40.0, 10.0]])
        >>> first, second = place_labels(anchors, sizes, anchors, 200, 100, 5)
        >>> bool(np.any(np.abs(first - second) >= sizes[0]))
        True
    """
    corners = np.full_like(anchors, np.nan)
    avoided = np.concatenate([avoid.reshape(-1, 2), anchors])
    order = _crowded_first(anchors)
    for index in order * _ROUNDS:
        size = sizes[index]
        low, distance = _candidates(anchors[index], size, gap)
        high = low + size
        placed = ~np.isnan(corners[:, 0])
        placed[index] = False
        boxes = corners[placed], corners[placed] + sizes[placed]
        lines = joining_line(anchors[placed], *boxes).reshape(-1, 2)
        cost = _DISTANCE * distance
        cost += _COVERED * _inside(low - gap / 2, high + gap / 2, np.concatenate([avoided, lines]))
        cost += _FORBIDDEN * ((low < 0) | (high > [width, height])).any(1)
        cost += _FORBIDDEN * _overlaps(low - gap / 2, high + gap / 2, *boxes)
        own = joining_line(anchors[index], low, high)
        cost += _COVERED * _crossed(own, np.delete(anchors, index, 0), *boxes, gap / 2)
        corners[index] = low[cost.argmin()]
    return corners


def joining_line(anchors: Numbers, low: Numbers, high: Numbers) -> Numbers:
    """Return places along the lines from points (m, 2) to their labels, shape (m, steps, 2).

    Args:
        anchors: The points, or one for all labels.
        low: The labels' lower left corners, shape (m, 2).
        high: Their upper right corners, shape (m, 2).

    Examples:
        >>> line = joining_line(np.zeros(2), np.array([[3.0, -1.0]]), np.array([[5.0, 1.0]]))
        >>> line[0, -1].tolist()
        [3.0, 0.0]
    """
    ends = np.clip(anchors, low, high)
    start = np.broadcast_to(anchors, ends.shape)[:, None]
    return np.asarray(start + _STEPS * (ends[:, None] - start))


def _crowded_first(anchors: Numbers) -> list[int]:
    apart = np.linalg.norm(anchors[:, None] - anchors, axis=2)
    np.fill_diagonal(apart, np.inf)
    order: list[int] = np.argsort(apart.min(1, initial=np.inf), kind="stable").tolist()
    return order


def _candidates(anchor: Numbers, size: Numbers, gap: float) -> tuple[Numbers, Numbers]:
    """Return lower left corners around a point, (c, 2), and how far each label is from it, (c,)."""
    angles = np.arange(_DIRECTIONS) * 2 * np.pi / _DIRECTIONS
    away = np.stack([np.cos(angles), np.sin(angles)], 1)
    distances = gap + np.arange(_RINGS) * gap * 1.5
    # From the edge of a label its centre is half of it away, on each axis.
    centres = away * distances[:, None, None] + np.sign(away.round(9)) * size / 2
    return anchor + centres.reshape(-1, 2) - size / 2, np.repeat(distances, _DIRECTIONS)


def _inside(low: Numbers, high: Numbers, points: Numbers) -> npt.NDArray[np.int64]:
    """Return how many of (p, 2) points each of c boxes has, shape (c,)."""
    inside = (points >= low[:, None]) & (points <= high[:, None])
    return np.asarray(inside.all(2).sum(1))


def _overlaps(
    low: Numbers, high: Numbers, others_low: Numbers, others_high: Numbers
) -> npt.NDArray[np.int64]:
    """Return how many of m other boxes each of c boxes overlaps, shape (c,)."""
    apart = (low[:, None] > others_high) | (high[:, None] < others_low)
    return np.asarray((~apart.any(2)).sum(1))


def _crossed(
    lines: Numbers, points: Numbers, low: Numbers, high: Numbers, radius: float
) -> npt.NDArray[np.int64]:
    """Return how many places of c lines are near a point or in a box, shape (c,)."""
    places = lines[:, :, None]
    near = np.linalg.norm(places - points, axis=3) < radius
    covered = ((places >= low) & (places <= high)).all(3)
    return np.asarray(near.sum((1, 2)) + covered.sum((1, 2)))

"""Where the names of points may stand so that nothing covers anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from invert_captum.alignment.figures.segments import cut_boxes, cut_each_other, distances_of_points

if TYPE_CHECKING:
    import numpy.typing as npt

    Numbers = npt.NDArray[np.float64]

_DIRECTIONS = 16
_RINGS = 24
_ROUNDS = 4
# Further orders in which labels are placed; the best result counts.
_DRAWN_ORDERS = 3
# Costs: of what must not be, of each label or point that a line goes through, of each two lines
# that cross, of each point that is covered, of each point so near that the label could be its own,
# of each pixel of distance.
_FORBIDDEN, _THROUGH, _CROSSED, _COVERED, _NEAR, _DISTANCE = 1e6, 200.0, 100.0, 60.0, 40.0, 1.0


class _Candidates(NamedTuple):
    """Places that a label may have, and what each costs whatever the other labels do.

    Attributes:
        low: Lower left corners, shape (c, 2).
        high: Upper right corners, shape (c, 2).
        ends: Where the lines from the point end, shape (c, 2).
        cost: Shape (c,).
    """

    low: Numbers
    high: Numbers
    ends: Numbers
    cost: Numbers


def place_labels(
    anchors: Numbers, sizes: Numbers, avoid: Numbers, width: float, height: float, gap: float
) -> Numbers:
    """Return a place for each label near its point, without overlaps where there is room.

    Places are chosen one after the other among rings of growing distance around the point, and then
    revised while the others stay: once beginning with those that have the nearest neighbours, and
    in some orders at random. The places of the lowest cost are returned, always the same ones.

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
    avoided = np.concatenate([avoid.reshape(-1, 2), anchors])
    places = [
        _candidates(index, anchors, sizes[index], avoided, np.array([width, height]), gap)
        for index in range(len(anchors))
    ]
    rng = np.random.default_rng(0)
    orders = [_crowded_first(anchors)]
    orders += [rng.permutation(len(anchors)).tolist() for _ in range(_DRAWN_ORDERS)]
    _, chosen = min(
        (_placed(order, anchors, places, gap) for order in orders), key=lambda one: one[0]
    )
    return np.array([one.low[index] for one, index in zip(places, chosen, strict=True)])


def _crowded_first(anchors: Numbers) -> list[int]:
    apart = np.linalg.norm(anchors[:, None] - anchors, axis=2)
    np.fill_diagonal(apart, np.inf)
    order: list[int] = np.argsort(apart.min(1, initial=np.inf), kind="stable").tolist()
    return order


def _candidates(
    index: int, anchors: Numbers, size: Numbers, avoided: Numbers, room: Numbers, gap: float
) -> _Candidates:
    """Return the places of one label."""
    anchor, others = anchors[index], np.delete(anchors, index, 0)
    angles = np.arange(_DIRECTIONS) * 2 * np.pi / _DIRECTIONS
    away = np.stack([np.cos(angles), np.sin(angles)], 1)
    distances = gap + np.arange(_RINGS) * gap * 1.5
    # From the edge of a label its centre is half of it away, on each axis.
    centres = away * distances[:, None, None] + np.sign(away.round(9)) * size / 2
    low = anchor + centres.reshape(-1, 2) - size / 2
    high, ends = low + size, np.clip(anchor, low, low + size)
    cost = _DISTANCE * np.repeat(distances, _DIRECTIONS)
    cost += _COVERED * _inside(low - gap / 2, high + gap / 2, avoided)
    cost += _NEAR * _inside(low - 1.5 * gap, high + 1.5 * gap, others)
    cost += _THROUGH * (distances_of_points(others, anchor, ends) < gap / 2).sum(1)
    cost += _FORBIDDEN * ((low < 0) | (high > room)).any(1)
    return _Candidates(low, high, ends, cost)


def _placed(
    order: list[int], anchors: Numbers, places: list[_Candidates], gap: float
) -> tuple[float, list[int]]:
    """Return the cost of the places that are found in one order, and which they are."""
    low, high, ends = (np.full_like(anchors, np.nan) for _ in range(3))
    chosen, costs = [0] * len(anchors), [0.0] * len(anchors)
    for index in order * _ROUNDS:
        own = places[index]
        placed = ~np.isnan(low[:, 0])
        placed[index] = False
        boxes = low[placed], high[placed]
        lines = anchors[placed], ends[placed]
        cost = own.cost + _FORBIDDEN * _overlaps(own.low - gap / 2, own.high + gap / 2, *boxes)
        cost += _THROUGH * cut_boxes(anchors[index], own.ends, *boxes).sum(1)
        cost += _THROUGH * cut_boxes(*lines, own.low[:, None], own.high[:, None]).sum(1)
        cost += _CROSSED * cut_each_other(anchors[index], own.ends, *lines).sum(1)
        best = int(cost.argmin())
        low[index], high[index], ends[index] = own.low[best], own.high[best], own.ends[best]
        chosen[index], costs[index] = best, float(cost[best])
    return sum(costs), chosen


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

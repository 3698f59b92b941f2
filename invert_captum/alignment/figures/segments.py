"""What straight lines in a plane cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Numbers = npt.NDArray[np.float64]
    Flags = npt.NDArray[np.bool_]


def cut_boxes(starts: Numbers, ends: Numbers, low: Numbers, high: Numbers) -> Flags:
    """Return which lines pass through which boxes.

    Args:
        starts: Where lines start: one for all (2,), or (m, 2).
        ends: Where they end, shape (c, 2), or (m, 2).
        low: The boxes' lower left corners: (m, 2) for each line of (c, 2) with each, or (c, 1, 2)
            for each of m lines with each.
        high: Their upper right corners, of the same shape.

    Returns:
        Booleans, shape (c, m).

    Examples:
        >>> low, high = np.array([[1.0, -1.0], [5.0, 5.0]]), np.array([[2.0, 1.0], [6.0, 6.0]])
        >>> cut_boxes(np.zeros(2), np.array([[3.0, 0.0], [0.5, 0.0]]), low, high)
        array([[ True, False],
               [False, False]])
    """
    lines = np.asarray(ends - starts)
    lines, starts = (lines[:, None], starts) if low.ndim == 2 else (lines, starts)
    # A line along an axis is as one that leaves it by less than a pixel.
    lines = np.where(lines == 0, 1e-9, lines)
    first, second = (low - starts) / lines, (high - starts) / lines
    enters = np.minimum(first, second).max(-1)
    leaves = np.maximum(first, second).min(-1)
    return np.asarray((enters <= leaves) & (enters <= 1) & (leaves >= 0))


def cut_each_other(start: Numbers, ends: Numbers, starts: Numbers, other_ends: Numbers) -> Flags:
    """Return which lines from one place, to (c, 2), cross which of m lines: booleans (c, m).

    Examples:
        >>> ends = np.array([[2.0, 2.0], [2.0, -2.0]])
        >>> cut_each_other(np.zeros(2), ends, np.array([[0.0, 2.0]]), np.array([[2.0, 0.0]]))
        array([[ True],
               [False]])
    """
    ends = ends[:, None]
    apart = _side(start, ends, starts) * _side(start, ends, other_ends) < 0
    return np.asarray(
        apart & (_side(starts, other_ends, start) * _side(starts, other_ends, ends) < 0)
    )


def distances_of_points(points: Numbers, start: Numbers, ends: Numbers) -> Numbers:
    """Return how far points (p, 2) are from lines from one place to (c, 2), shape (c, p).

    Examples:
        >>> points = np.array([[1.0, 1.0], [5.0, 0.0]])
        >>> distances_of_points(points, np.zeros(2), np.array([[2.0, 0.0]]))
        array([[1., 3.]])
    """
    lines = (ends - start)[:, None]
    lengths = (lines**2).sum(2)
    along = ((points - start) * lines).sum(2) / np.where(lengths == 0, 1, lengths)
    nearest = start + np.clip(along, 0, 1)[..., None] * lines
    return np.asarray(np.linalg.norm(points - nearest, axis=2))


def _side(start: Numbers, end: Numbers, point: Numbers) -> Numbers:
    """Return a positive number where a point is at the left of a line, negative at the right."""
    line, other = end - start, point - start
    return np.asarray(line[..., 0] * other[..., 1] - line[..., 1] * other[..., 0])

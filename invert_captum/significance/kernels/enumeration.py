"""The exact tail of a rank sum of few groups: every way to share out the positives.

Where there are few groups the deficits that can occur are few, and far from each other.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from invert_captum._compiling import compiled, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray


@compiled
def _log_choices(size: int, n_drawn: int) -> NDArray[np.float64]:
    """Return the logs of the numbers of choices of 0 … n_drawn out of ``size``."""
    logs = np.full(n_drawn + 1, -np.inf)
    logs[0] = 0.0
    for m in range(1, min(size, n_drawn) + 1):
        logs[m] = logs[m - 1] + math.log((size - m + 1) / m)
    return logs


@compiled
def _log_tails_of_two(size: int, next_size: int, n_drawn: int) -> NDArray[np.float64]:
    """Return the logs of the choices of ``left`` out of two groups, at least ``m`` of the first.

    Returns:
        *array*, shape (n_drawn+1, n_drawn+2), by ``left`` and ``m``.
    """
    own, other = _log_choices(size, n_drawn), _log_choices(next_size, n_drawn)
    logs = np.full((n_drawn + 1, n_drawn + 2), -np.inf)
    for left in range(n_drawn + 1):
        total = -np.inf
        for m in range(left, -1, -1):
            term = own[m] + other[left - m]
            high, low = max(total, term), min(total, term)
            if high > -np.inf:
                total = high + math.log1p(math.exp(low - high))
            logs[left, m] = total
    return logs


@kernel
def sum_choices(
    sizes: NDArray[np.int64],
    deficits: NDArray[np.int64],
    n_drawn: int,
    most: int,
    log_bound: float,
) -> float:
    """Count the choices of ``n_drawn`` samples whose deficit is at most ``most``.

    Args:
        sizes: Shape (g,): the sizes of at least two groups, the two that should be the largest
            last.
        deficits: Shape (g,): their deficits, at least 0; the last one's more than the last but
            one's.
        n_drawn: The number of positives.
        most: The largest deficit in the tail.
        log_bound: A bound of the log of their number, by which they are divided.

    Returns:
        *float*: their number divided by that bound.
    """
    depth = len(sizes) - 2
    tails = _log_tails_of_two(sizes[depth], sizes[depth + 1], n_drawn)
    gap = deficits[depth + 1] - deficits[depth]
    logs = np.empty((depth, n_drawn + 1))
    for group in range(depth):
        logs[group] = _log_choices(sizes[group], n_drawn)
    drawn = np.full(depth + 1, -1)
    left, room = np.full(depth + 1, n_drawn), np.full(depth + 1, most)
    log_ways = np.zeros(depth + 1)
    total = 0.0
    group = 0
    while group >= 0:
        if group == depth:
            needed = max(-((room[group] - left[group] * deficits[depth + 1]) // gap), 0)
            if needed <= left[group]:
                total += math.exp(log_ways[group] + tails[left[group], needed] - log_bound)
            group -= 1
            continue
        drawn[group] += 1
        m = drawn[group]
        rest = room[group] - m * deficits[group]
        if m > left[group] or m > sizes[group] or rest < 0:
            group -= 1
            continue
        left[group + 1], room[group + 1] = left[group] - m, rest
        log_ways[group + 1] = log_ways[group] + logs[group, m]
        group += 1
        drawn[group] = -1
    return total

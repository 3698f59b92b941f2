"""Passes over groups of equal ranks: as a draw, as an exact problem, as fewer groups."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from invert_captum._compiling import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray


@kernel
def describe_draw(
    drawn: NDArray[np.int64], left: NDArray[np.int64], downwards: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64], int, int, int]:
    """Return sizes and deficits of the groups, and what the whole draw has of them.

    Args:
        drawn: Shape (g,): the drawn samples of each group, by ascending activation,
        left: shape (g,): and those that were not drawn.
        downwards: Whether the first group is to be the one with the highest activation.

    Returns:
        *tuple*: sizes and deficits of the groups in their new order, the largest group's index,
        the deficit of the draw, and that of all samples.
    """
    n_groups = len(drawn)
    sizes, deficits = np.empty(n_groups, np.int64), np.empty(n_groups, np.int64)
    deficit = size_before = most = total = largest = 0
    for group in range(n_groups):
        source = n_groups - 1 - group if downwards else group
        size = drawn[source] + left[source]
        if group > 0:
            # Neighbours' doubled mid-ranks differ by the sum of their sizes.
            deficit += size_before + size
        sizes[group], deficits[group] = size, deficit
        size_before = size
        most += drawn[source] * deficit
        total += size * deficit
        if size > sizes[largest]:
            largest = group
    return sizes, deficits, largest, most, total


@kernel
def longest_run(sizes: NDArray[np.int64], without: int) -> tuple[int, int]:
    """Return the first group and the length of the longest run of single samples.

    Args:
        sizes: Shape (g,): the samples of each group.
        without: A group that no run may have.
    """
    first = length = current = 0
    for group in range(len(sizes)):
        current = current + 1 if sizes[group] == 1 and group != without else 0
        if current > length:
            first, length = group + 1 - current, current
    return first, length


@kernel
def pool_groups(
    sizes: NDArray[np.int64], deficits: NDArray[np.int64], without: int, n_pools: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Pool neighbouring groups, each pool as two points one standard deviation from its mean.

    Args:
        sizes: Shape (g,): the samples of each group.
        deficits: Shape (g,): their deficits, ascending.
        without: A group that is left out, −1 for none.
        n_pools: Into how many pools of about equal size.

    Returns:
        *tuple*: sizes and deficits of the points, ascending, and
        the widest pool's difference of deficits.
    """
    n_samples = sizes.sum() - (sizes[without] if without >= 0 else 0)
    new_sizes, new_deficits = np.empty(4 * n_pools + 4), np.empty(4 * n_pools + 4)
    made = first = last = 0
    pooled = total = square = widest = 0.0
    for group in range(len(sizes) + 1):
        end = group == len(sizes) or group == without
        # A group as large as a pool is one by itself, and so nothing is pooled with it.
        alone = not end and sizes[group] * n_pools >= n_samples
        if pooled > 0.0 and (end or alone or pooled * n_pools >= n_samples):
            mean = total / pooled
            deviation = math.sqrt(max(square / pooled - mean * mean, 0.0))
            n_points = 2 if deviation > 0.0 else 1
            for point in range(n_points):
                new_sizes[made] = pooled / n_points
                new_deficits[made] = first + mean + (2 * point - n_points + 1) * deviation
                made += 1
            widest = max(widest, float(last - first))
            pooled = total = square = 0.0
        if end:
            continue
        if alone:
            new_sizes[made], new_deficits[made] = sizes[group], deficits[group]
            made += 1
            continue
        if pooled == 0.0:
            first = deficits[group]
        last = deficits[group]
        distance = float(last - first)
        pooled += sizes[group]
        total += sizes[group] * distance
        square += sizes[group] * distance * distance
    return new_sizes[:made], new_deficits[:made], widest

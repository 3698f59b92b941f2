"""What is done with the rows of tilted probabilities: groups are added, tails are summed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from invert_captum._compiling import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A tilted probability that no tail can feel, because the tilted probability of the tail itself is
# about one over its standard deviations, hardly below 1e-12.
_NEGLIGIBLE = 1e-30


@compiled
def binomial(size: int, logit: float, n_drawn: int) -> NDArray[np.float64]:
    """Return the probabilities of 0 … min(size, n_drawn) positives among ``size`` samples."""
    count = min(size, n_drawn) + 1
    weights = np.empty(count)
    log_none = -size * (max(logit, 0.0) + math.log1p(math.exp(-abs(logit))))
    of_all = math.lgamma(size + 1.0)
    for m in range(count):
        log_ways = of_all - math.lgamma(m + 1.0) - math.lgamma(size - m + 1.0)
        weights[m] = math.exp(log_ways + m * logit + log_none)
    return weights


@compiled
def tail_of_row(
    row: NDArray[np.float64], first: int, last: int, step: int, room: int, b: float
) -> float:
    """Return the sum of a row over the deficits of at most ``room``, without their tilt.

    Args:
        row: The tilted probabilities of the deficits 0, step, 2·step, …
        first: The first place that may be used,
        last: and the last.
        step: The deficit between two places.
        room: The most deficit that counts.
        b: The tilt of one deficit.
    """
    if room < 0:
        return 0.0
    last = min(last, room // step)
    fading, factor = math.exp(-b * step), math.exp(-b * (room - last * step))
    total = 0.0
    for place in range(last, first - 1, -1):
        total += factor * row[place]
        factor *= fading
        if factor < _NEGLIGIBLE:
            break
    return total


@compiled
def convolve(
    rows: NDArray[np.float64],
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    weights: NDArray[np.float64],
    shift: int,
    longest: NDArray[np.int64],
) -> None:
    """Let a group give 0, 1, 2, … positives to every row, in place.

    Args:
        rows: Shape (k+1, deficits).
        first: The first deficit that each row has,
        last: and the last; below the first for a row that has none.
        weights: The probability of 0, 1, 2, … positives.
        shift: The deficit that each of them adds.
        longest: The last deficit of each row that is needed.
    """
    for j in range(len(rows) - 1, -1, -1):
        old_first, old_last = first[j], last[j]
        new_first, new_last = np.int64(rows.shape[1]), np.int64(-1)
        for m in range(min(len(weights), j + 1)):
            if weights[m] > _NEGLIGIBLE and last[j - m] >= first[j - m]:
                new_first = min(new_first, first[j - m] + m * shift)
                new_last = max(new_last, last[j - m] + m * shift)
        new_last = min(new_last, longest[j])
        row = rows[j]
        for place in range(new_first, new_last + 1):
            row[place] = row[place] * weights[0] if old_first <= place <= old_last else 0.0
        for m in range(1, min(len(weights), j + 1)):
            if weights[m] > _NEGLIGIBLE:
                _add(row, rows[j - m], first[j - m], last[j - m], weights[m], m * shift, new_last)
        while new_first <= new_last and row[new_first] < _NEGLIGIBLE:
            new_first += 1
        while new_first <= new_last and row[new_last] < _NEGLIGIBLE:
            new_last -= 1
        first[j], last[j] = new_first, new_last


@compiled
def _add(
    row: NDArray[np.float64],
    other: NDArray[np.float64],
    first: int,
    last: int,
    weight: float,
    shift: int,
    longest: int,
) -> None:
    """Add the places of another row, weighted and shifted, up to the longest deficit."""
    count = min(last, longest - shift) - first + 1
    if count > 0:
        target, source = row[first + shift : first + shift + count], other[first : first + count]
        for place in range(count):
            target[place] += weight * source[place]

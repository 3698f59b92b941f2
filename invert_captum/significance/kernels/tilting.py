"""The exponential tilt under which a number of positives and their deficit are expected.

Give every sample the odds exp(a − b·y) of being positive, where y is its *deficit*: how far its
rank is below the highest. Given their number, the positives are then a random draw whose rank sums
are tilted to the top by b. With the cumulant generating function
K(a, b) = Σ log(1 + exp(a − b·y)), a and b minimise the convex K(a, b) − a·k + b·d.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from invert_captum._compiling import compiled, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MAX_STEPS, _MAX_HALVINGS = 100, 60
# The squared length of a Newton step, in standard deviations, that is the last one.
_LAST_STEP = 1e-10


@compiled
def _moments(
    sizes: NDArray[np.float64],
    places: NDArray[np.float64],
    a: float,
    b: float,
    variances: NDArray[np.float64],
) -> tuple[float, float, float, float, float]:
    """Return what is expected of the positives, and how it varies.

    Args:
        sizes: Shape (g,): the samples of each group,
        places: shape (g,): and their deficits.
        a: The tilt,
        b: of the deficits.
        variances: Shape (g,), written: the variances of the groups' numbers.

    Returns:
        *tuple*: the expected number and deficit, the variance of the number, by how much the
        deficit grows with it, and the variance of the deficit given the number. The last one by
        a second pass: as a difference it would be rounding where one group has most variance.
    """
    mean_a = mean_b = var_a = var_ab = 0.0
    for group in range(len(sizes)):
        share = 1.0 / (1.0 + math.exp(b * places[group] - a))
        mean = sizes[group] * share
        var = mean * (1.0 - share)
        variances[group] = var
        mean_a += mean
        mean_b += mean * places[group]
        var_a += var
        var_ab += var * places[group]
    growth = var_ab / var_a if var_a > 0.0 else 0.0
    own = 0.0
    for group in range(len(sizes)):
        own += variances[group] * (places[group] - growth) ** 2
    return mean_a, mean_b, var_a, growth, own


@kernel
def solve_tilt(
    sizes: NDArray[np.float64],
    places: NDArray[np.float64],
    n_drawn: float,
    deficit: float,
    a: float,
    b: float,
) -> tuple[float, float, float]:
    """Find the tilt of a number of positives and their deficit, by Newton's method.

    Args:
        sizes: Shape (g,): how many samples each group of equal ranks has.
        places: Shape (g,): the deficits of the groups, in a unit that makes them about 1.
        n_drawn: The number of positives, more than 0 and fewer than the samples.
        deficit: The sum of their deficits, strictly between the least and the largest.
        a: Where to start,
        b: and with which tilt.

    Returns:
        *tuple*: a, b, and the determinant of the covariance matrix of number and deficit there.
    """
    variances = np.empty(len(sizes))
    mean_a, mean_b, var_a, growth, own = _moments(sizes, places, a, b, variances)
    for _ in range(_MAX_STEPS):
        over_a, over_b = mean_a - n_drawn, mean_b - deficit
        over_own = over_b - growth * over_a
        if not (var_a > 0.0 and own > 0.0):
            break
        step_b = over_own / own
        step_a = growth * step_b - over_a / var_a
        slope = -over_a * over_a / var_a - over_own * over_own / own
        size, fell = 1.0, False
        for _ in range(_MAX_HALVINGS):
            new_a, new_b = a + size * step_a, b + size * step_b
            mean_a, mean_b, var_a, growth, own = _moments(sizes, places, new_a, new_b, variances)
            # Along the step the convex function first falls; where it hardly rises at the end it
            # has fallen.
            new_slope = step_a * (mean_a - n_drawn) - step_b * (mean_b - deficit)
            if new_slope <= 0.1 * min(-slope, 1.0) and var_a > 0.0 and own > 0.0:
                fell = True
                break
            size *= 0.5
        if not fell:
            # Rounding leaves nothing to gain.
            mean_a, mean_b, var_a, growth, own = _moments(sizes, places, a, b, variances)
            break
        a, b = new_a, new_b
        if -slope < _LAST_STEP:
            break
    return a, b, var_a * own


@kernel
def cumulants(sizes: NDArray[np.float64], places: NDArray[np.float64], a: float, b: float) -> float:
    """Return K(a, b) = Σ size · log(1 + exp(a − b·place))."""
    total = 0.0
    for group in range(len(sizes)):
        exponent = a - b * places[group]
        total += sizes[group] * (max(exponent, 0.0) + math.log1p(math.exp(-abs(exponent))))
    return total

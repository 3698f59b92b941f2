"""The double saddlepoint of the deficit of a draw, as a value of the standard normal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from invert_captum._compiling import compiled, kernel
from invert_captum.significance.kernels.tilting import cumulants, solve_tilt

if TYPE_CHECKING:
    from numpy.typing import NDArray

# So close to the mean, in standard deviations, log(v/w)/w is taken between two points around it.
_AT_THE_MEAN = 0.1


@compiled
def _normal_value(
    sizes: NDArray[np.float64],
    places: NDArray[np.float64],
    n_samples: float,
    n_drawn: float,
    deficit: float,
    step: float,
    a: float,
    b: float,
) -> tuple[float, float, float]:
    """Return r* and the tilt of a deficit that is not the mean, starting from the tilt given."""
    a, b, determinant = solve_tilt(sizes, places, n_drawn, deficit, a, b)
    share = n_drawn / n_samples
    at_mean = -n_drawn * math.log(share) - (n_samples - n_drawn) * math.log1p(-share)
    fall = at_mean - (cumulants(sizes, places, a, b) - a * n_drawn + b * deficit)
    w = math.copysign(math.sqrt(2.0 * max(fall, 1e-300)), b)
    half = 0.5 * b * step
    tilt = b * (math.sinh(half) / half if abs(half) > 1e-8 else 1.0)
    v = tilt * math.sqrt(determinant / (n_drawn * (1.0 - share)))
    return w + math.log(v / w) / w, a, b


@kernel
def normal_values(
    sizes: NDArray[np.float64],
    places: NDArray[np.float64],
    n_drawn: NDArray[np.float64],
    deficits: NDArray[np.float64],
    step: float,
    a: float,
    b: float,
) -> NDArray[np.float64]:
    """Return r* of several draws from the same groups: P(D ≤ deficit) is about Φ(−r*).

    Args:
        sizes: Shape (g,): how many samples each group has.
        places: Shape (g,): their deficits.
        n_drawn: Shape (m,): how many samples each draw has,
        deficits: shape (m,): and its deficit, between the least and the largest.
        step: What the deficits of draws are multiples of, 0 if that is unknown.
        a: A tilt from which the first draw's is sought,
        b: which is at best close to it.

    Returns:
        *array*, shape (m,): r* of each draw.
    """
    n_samples = sizes.sum()
    mean = (sizes * places).sum() / n_samples
    variance = (sizes * (places - mean) ** 2).sum() / (n_samples - 1.0)
    values = np.empty(len(n_drawn))
    for draw in range(len(n_drawn)):
        drawn = n_drawn[draw]
        spread = math.sqrt(drawn * (1.0 - drawn / n_samples) * variance)
        distance = (deficits[draw] - drawn * mean) / spread
        if abs(distance) < _AT_THE_MEAN:
            values[draw] = 0.0
            for side in (-1.0, 1.0):
                deficit = drawn * mean + side * _AT_THE_MEAN * spread
                value, a, b = _normal_value(sizes, places, n_samples, drawn, deficit, step, a, b)
                values[draw] += value * 0.5 * (1.0 + side * distance / _AT_THE_MEAN)
        else:
            values[draw], a, b = _normal_value(
                sizes, places, n_samples, drawn, deficits[draw], step, a, b
            )
    return values

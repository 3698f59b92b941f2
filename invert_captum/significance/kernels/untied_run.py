"""The rows of a run of untied samples, one from the other.

How many ways there are to choose m of T untied samples with a given rank sum is told by the
Gaussian binomial coefficient ∏ (1 − q^(T−i+1)) / (1 − q^i), i = 1 … m (Mann and Whitney 1947,
section 4, in the form of a generating function). Under a tilt by z each power q^i comes with z^i.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from invert_captum._compiling import compiled

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@compiled
def next_row(
    row: NDArray[np.float64],
    new_row: NDArray[np.float64],
    length: int,
    m: int,
    run_length: int,
    log_z: float,
    wanted: int,
) -> tuple[int, float]:
    """Make the row of m positives out of the row of m − 1.

    Args:
        row: The tilted probabilities of the deficits of m − 1 positives, from the least on, in
            steps of one place in the run; they sum to 1 if all are kept.
        new_row: Where the row of m goes.
        length: How many deficits ``row`` has.
        m: The number of positives, at most half of ``run_length``.
        run_length: The number of untied samples, T.
        log_z: The logarithm of the tilt of one place, at most 0.
        wanted: How many deficits of ``new_row`` are wanted.

    Returns:
        *tuple*: the length of ``new_row``, and the logarithm by which the tilted weight of all
        choices grew, without what the least deficit adds.
    """
    shift = run_length - m + 1
    new_length = min(wanted, m * (run_length - m) + 1)
    shrink = math.expm1(m * log_z) / math.expm1(shift * log_z) if log_z < 0.0 else m / shift
    lost = shrink * math.exp(shift * log_z)
    kept = math.exp(m * log_z)
    for place in range(new_length):
        value = shrink * row[place] if place < length else 0.0
        if shift <= place < length + shift:
            value -= lost * row[place - shift]
        if place >= m:
            value += kept * new_row[place - m]
        new_row[place] = value
    return new_length, -math.log(shrink)


@compiled
def log_weight_of_none(run_length: int, logit: float, log_z: float) -> float:
    """Return the log probability that no sample of the run is positive, Σ log(1 − p)."""
    total = 0.0
    for place in range(run_length):
        exponent = logit + place * log_z
        if exponent < -40.0:
            # The rest is a geometric series, of which log(1 + x) is x.
            total += math.exp(exponent) * min(run_length - place, -1.0 / math.expm1(log_z))
            break
        total += max(exponent, 0.0) + math.log1p(math.exp(-abs(exponent)))
    return -total

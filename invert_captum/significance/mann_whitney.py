"""The Mann–Whitney test, as log10 p so that it never underflows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np
import scipy.special

if TYPE_CHECKING:
    from numpy.typing import NDArray

Alternative = Literal["greater", "less", "two-sided"]

# SciPy's own rule for its exact distribution: a side this small, and no ties.
_EXACT_UP_TO = 8


def mann_whitney_log10_p(
    rank_sum: int,
    n_inside: int,
    n_samples: int,
    *,
    tie_sum: int,
    alternative: Alternative,
) -> float:
    """Test whether the activations inside a set of samples differ from those outside.

    Equals ``scipy.stats.mannwhitneyu(inside, outside, alternative)`` with its default choice of
    method: the exact distribution where one side has at most 8 samples and nothing ties, else the
    normal approximation with tie and continuity correction (Mann and Whitney 1947; Lehmann,
    *Nonparametrics*, 1975, section 1.4). The rank sums stay integers until z.

    Args:
        rank_sum: The sum of the doubled mid-ranks of the samples inside.
        n_inside: The number of samples inside,
        n_samples: and of all samples, n.
        tie_sum: Σ(t³ − t) over the groups of t equal activations.
        alternative: ``"greater"`` if activations inside are larger, ``"less"`` if they are smaller.

    Returns:
        *float*: log10 of the p-value, at most 0; 0 if the set has no samples or all of them.

    Examples:
        >>> from scipy.stats import rankdata
        >>> activations = np.array([3, 1, 4, 1, 5, 9, 2, 6, 5, 3])
        >>> inside = activations >= 5
        >>> rank_sum = int(2 * rankdata(activations)[inside].sum())
        >>> round(mann_whitney_log10_p(rank_sum, 4, 10, tie_sum=18, alternative="greater"), 3)
        -2.176
    """
    n_outside = n_samples - n_inside
    if n_inside == 0 or n_outside == 0:
        return 0.0
    doubled_u = rank_sum - n_inside * (n_inside + 1)
    n_pairs = n_inside * n_outside
    if tie_sum == 0 and min(n_inside, n_outside) <= _EXACT_UP_TO:
        u = doubled_u // 2
        at_least = {"greater": u, "less": n_pairs - u, "two-sided": max(u, n_pairs - u)}
        p_value = _share_at_most(n_pairs - at_least[alternative], n_inside, n_outside)
        return math.log10(min(2 * p_value, 1.0) if alternative == "two-sided" else p_value)
    # Twice the distance of U from its mean, in the direction of the alternative.
    distance = {
        "greater": doubled_u - n_pairs,
        "less": n_pairs - doubled_u,
        "two-sided": abs(doubled_u - n_pairs),
    }[alternative]
    spread = n_samples**3 - n_samples - tie_sum
    if spread == 0:
        return 0.0
    deviation = math.sqrt(n_pairs * spread / (12 * n_samples * (n_samples - 1)))
    z = (distance - 1) / 2 / deviation
    log_p = float(scipy.special.log_ndtr(-z))
    if alternative == "two-sided":
        log_p += math.log(2.0)
    return min(log_p, 0.0) / math.log(10.0)


def rank_sum_z(
    n_inside: NDArray[np.int64],
    rank_sums: NDArray[np.int64],
    tie_sums: NDArray[np.float64],
    n_samples: int,
) -> NDArray[np.float64]:
    """Return how many standard deviations rank sums lie above their mean, ties corrected.

    Args:
        n_inside: How many of the samples are inside, any shape.
        rank_sums: The sums of their doubled mid-ranks, of the same shape.
        tie_sums: Σ(t³ − t) over the groups of t equal activations, of the same shape.
        n_samples: The number of all samples, n.

    Returns:
        *numpy.ndarray* of float64, of the same shape; 0 where nothing or all is inside, or all
        activations are equal.

    Examples:
        >>> rank_sum_z(np.array([2]), np.array([14]), np.array([0.0]), 4).round(3)
        array([1.549])
    """
    n_pairs = n_inside * (n_samples - n_inside)
    distance = (rank_sums - n_inside * (n_inside + 1) - n_pairs) / 2
    spread = float(n_samples) ** 3 - n_samples - tie_sums
    variance = n_pairs * spread / (12.0 * n_samples * (n_samples - 1))
    z: NDArray[np.float64] = np.divide(
        distance, np.sqrt(variance), out=np.zeros(n_pairs.shape), where=variance > 0
    )
    return z


def _share_at_most(u: int, n_inside: int, n_outside: int) -> float:
    """Return P(U ≤ u) where nothing ties and every choice of the samples inside is as likely.

    The number of choices with U = j is the coefficient of q^j in the Gaussian binomial coefficient
    ∏ (1 − q^(N+i)) / (1 − q^i), i = 1 … m, with m samples on the smaller side and N on the other
    (Mann and Whitney 1947, section 4, in the form of a generating function). Only the lower half is
    ever summed, where hardly anything is subtracted.
    """
    fewer, more = sorted((n_inside, n_outside))
    if 2 * u > fewer * more:
        return 1.0 - _share_at_most(fewer * more - u - 1, fewer, more)
    if u < 0:
        return 0.0
    ways = np.zeros(u + 1)
    ways[0] = 1.0
    for i in range(1, fewer + 1):
        ways[more + i :] -= ways[: max(u + 1 - more - i, 0)].copy()
        # Dividing by 1 − q^i adds up every i-th coefficient.
        padded = np.pad(ways, (0, -len(ways) % i)).reshape(-1, i)
        ways = padded.cumsum(axis=0).reshape(-1)[: u + 1]
    return float(ways.sum()) / math.comb(n_inside + n_outside, fewer)

"""The Mann–Whitney test, as log10 p so that it never underflows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np
import scipy.special
import scipy.stats

if TYPE_CHECKING:
    from numpy.typing import NDArray

Alternative = Literal["greater", "less", "two-sided"]

# SciPy's own rule for its exact distribution: a side this small, and no ties.
_EXACT_UP_TO = 8


def mann_whitney_log10_p(
    doubled: NDArray[np.int64],
    mask: NDArray[np.bool_],
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
        doubled: Doubled mid-ranks of all samples, int64 of shape (n,); see `search.rank_neurons`.
        mask: The set, bool of shape (n,).
        tie_sum: Σ(t³ − t) over the groups of t equal activations.
        alternative: ``"greater"`` if activations inside are larger, ``"less"`` if they are smaller.

    Returns:
        *float*: log10 of the p-value, at most 0; 0 if the set has no samples or all of them.

    Examples:
        >>> activations = np.array([3, 1, 4, 1, 5, 9, 2, 6, 5, 3])
        >>> doubled = (2 * scipy.stats.rankdata(activations)).astype(np.int64)
        >>> mask = activations >= 5
        >>> round(mann_whitney_log10_p(doubled, mask, tie_sum=18, alternative="greater"), 3)
        -2.176
    """
    n_samples, n_inside = len(doubled), int(np.count_nonzero(mask))
    n_outside = n_samples - n_inside
    if n_inside == 0 or n_outside == 0:
        return 0.0
    if tie_sum == 0 and min(n_inside, n_outside) <= _EXACT_UP_TO:
        exact = scipy.stats.mannwhitneyu(
            doubled[mask], doubled[~mask], alternative=alternative, method="exact"
        )
        return math.log10(exact.pvalue)
    doubled_u = int(doubled[mask].sum()) - n_inside * (n_inside + 1)
    n_pairs = n_inside * n_outside
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

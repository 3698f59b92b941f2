"""An interval for the mean of the folds' AUCs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from invert_captum._validation import check_fraction
from invert_captum.significance.intervals import (
    NO_INTERVAL,
    Interval,
    auc_interval,
    logit_interval,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from invert_captum.significance.separation import Separation


def mean_auc_interval(
    separations: Sequence[Separation], variances: Sequence[float], *, level: float = 0.95
) -> Interval:
    """Return a confidence interval for the mean AUC of formulas, each on a fold of its own.

    The folds share no samples, so that the variance of the mean is Σ V_k / K², taken on the logit
    scale (LeDell, Petersen and van der Laan 2015, *Electronic Journal of Statistics* 9:1583). Where
    every fold's AUC is 0 or 1 that is 0; the mean of the folds' own bounds, each at the level
    1 − (1 − level)/K, then covers by Bonferroni's inequality.

    Args:
        separations: One for each of the K folds, each with positives and negatives.
        variances: The variance of each fold's AUC.
        level: How often the interval is to cover the mean of the true AUCs, in (0, 1).

    Returns:
        `Interval`: NaN without folds.

    Examples:
        >>> import numpy as np
        >>> from invert_captum.significance.delong import delong_variance
        >>> from invert_captum.significance.separation import Separation
        >>> mask = np.arange(200) % 2 == 0
        >>> folds = [Separation.of(np.arange(200) + 40 * mask, mask) for _ in range(2)]
        >>> interval = mean_auc_interval(folds, [delong_variance(one) for one in folds])
        >>> interval.low < folds[0].auc < interval.high
        True
    """
    check_fraction("level", level, open_interval=True)
    count = len(separations)
    if count == 0:
        return NO_INTERVAL
    mean = math.fsum(one.auc for one in separations) / count
    variance = math.fsum(variances) / count**2
    if variance > 0 and 0.0 < mean < 1.0:
        return logit_interval(mean, variance, level, "delong-logit")
    bounds = [auc_interval(one, level=1 - (1 - level) / count) for one in separations]
    return Interval(
        math.fsum(one.low for one in bounds) / count,
        math.fsum(one.high for one in bounds) / count,
        "exact-bound",
    )

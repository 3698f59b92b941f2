"""Intervals of means over images, and of shares of them."""

from __future__ import annotations

import math
import numbers
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import stats

from invert_captum._validation import check_fraction, check_integer, shown

if TYPE_CHECKING:
    import numpy.typing as npt

# Drawn numbers held at once, 8 bytes each.
_MOST_DRAWN = 2_000_000


class Interval(NamedTuple):
    """A confidence interval; NaN where there are too few values for one."""

    low: float
    high: float


def check_resampling(confidence_level: object, n_resamples: object, seed: object) -> None:
    """Raise `TypeError` or `ValueError` unless all three have valid values."""
    check_fraction("confidence_level", confidence_level, open_interval=True)
    check_integer("n_resamples", n_resamples, minimum=1)
    check_integer("seed", seed, minimum=0)


def check_ceiling(human_ceiling: object) -> float:
    """Return the Spearman correlation of people with each other, or raise unless it is one."""
    if isinstance(human_ceiling, bool) or not isinstance(human_ceiling, numbers.Real):
        raise TypeError(f"human_ceiling is {shown(human_ceiling)}; expected a number in (0, 1]")
    if not 0 < float(human_ceiling) <= 1:
        raise ValueError(f"human_ceiling is {human_ceiling}; expected a number in (0, 1]")
    return float(human_ceiling)


def finite_mean(values: npt.NDArray[np.float64]) -> float:
    """Return the mean of the values that are not NaN, or NaN if there are none.

    Examples:
        >>> finite_mean(np.array([1.0, np.nan, 2.0]))
        1.5
    """
    kept = values[~np.isnan(values)]
    return float(kept.mean()) if len(kept) else math.nan


def mean_interval(
    values: npt.NDArray[np.float64],
    *,
    confidence_level: float = 0.95,
    n_resamples: int = 9999,
    seed: int | tuple[int, ...] = 0,
) -> Interval:
    """Return the bootstrap interval of a mean: percentiles of the means of resampled values.

    It is a little too narrow for few values, as every bootstrap of a mean is.

    Args:
        values: Shape (n,); NaN are left out.
        confidence_level: How often such an interval has the true mean, in (0, 1).
        n_resamples: How many means are drawn.
        seed: Of the draws.

    Returns:
        The interval; NaN with fewer than two values.

    Examples:
        >>> low, high = mean_interval(np.array([0.1, 0.2, 0.3, 0.4, np.nan]))
        >>> round(low, 3), round(high, 3)
        (0.15, 0.35)
    """
    kept = values[~np.isnan(values)]
    if len(kept) < 2:
        return Interval(math.nan, math.nan)
    # The older of SciPy's names of this argument, which every supported version knows.
    result = stats.bootstrap(
        (kept,),
        np.mean,
        vectorized=True,
        method="percentile",
        confidence_level=confidence_level,
        n_resamples=n_resamples,
        batch=max(1, _MOST_DRAWN // len(kept)),
        random_state=np.random.default_rng(seed),
    )
    return Interval(*map(float, result.confidence_interval))


def share_interval(hits: npt.NDArray[np.bool_], *, confidence_level: float = 0.95) -> Interval:
    """Return Wilson's interval of a share, which has a width also where all or none are hits.

    Examples:
        >>> low, high = share_interval(np.array([True] * 9 + [False]))
        >>> round(low, 3), round(high, 3)
        (0.596, 0.982)
    """
    if not len(hits):
        return Interval(math.nan, math.nan)
    counted = stats.binomtest(int(hits.sum()), len(hits))
    interval = counted.proportion_ci(confidence_level=confidence_level, method="wilson")
    return Interval(float(interval.low), float(interval.high))

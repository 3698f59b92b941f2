"""Intervals of means over images, of shares of them, and of differences of shares."""

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
# A mean of resampled values is never beyond the values themselves. The true mean is beyond fewer
# values than these more often than a confidence level of 95 % allows.
_LEAST_VALUES = 5


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

    The percentiles are those of Hesterberg's expanded interval (The American Statistician 69,
    2015): farther out for fewer values, by as much as Student's t interval is wider than the
    normal one with the population's standard deviation. The plain ones would be too narrow.

    Args:
        values: Shape (n,); NaN are left out.
        confidence_level: How often such an interval has the true mean, in (0, 1).
        n_resamples: How many means are drawn.
        seed: Of the draws.

    Returns:
        The interval; NaN with fewer than five values.

    Examples:
        >>> low, high = mean_interval(np.array([0.1, 0.2, 0.3, 0.4, 0.5, np.nan]))
        >>> round(low, 2), round(high, 2)
        (0.12, 0.48)
    """
    kept = values[~np.isnan(values)]
    n = len(kept)
    if n < _LEAST_VALUES:
        return Interval(math.nan, math.nan)
    farther = stats.t.isf((1 - confidence_level) / 2, n - 1) * math.sqrt(n / (n - 1))
    # The older of SciPy's names of this argument, which every supported version knows.
    result = stats.bootstrap(
        (kept,),
        np.mean,
        vectorized=True,
        method="percentile",
        confidence_level=1 - 2 * float(stats.norm.sf(farther)),
        n_resamples=n_resamples,
        batch=max(1, _MOST_DRAWN // n),
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


def share_difference_interval(
    first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_], *, confidence_level: float = 0.95
) -> Interval:
    """Return Bonett and Price's interval of a difference of shares of the same images.

    Journal of Educational and Behavioral Statistics 37, 2012: Wald's, with one image more on either
    side of those that only one of the two has. So it has a width also where the two never differ,
    where a bootstrap finds no doubt.

    Args:
        first: Hits of the first, shape (n,).
        second: Hits of the second, from whose share that of the first is subtracted, shape (n,).
        confidence_level: How often such an interval has the true difference, in (0, 1).

    Returns:
        The interval, inside [-1, 1]; NaN without any image.

    Examples:
        >>> same = np.array([True] * 9 + [False])
        >>> low, high = share_difference_interval(same, same)
        >>> round(low, 3), round(high, 3)
        (-0.231, 0.231)
    """
    n = len(first)
    if not n:
        return Interval(math.nan, math.nan)
    lost, won = ((one & ~other).sum() + 1 for one, other in ((first, second), (second, first)))
    difference = (won - lost) / (n + 2)
    error = math.sqrt(((won + lost) / (n + 2) - difference**2) / (n + 2))
    half = float(stats.norm.isf((1 - confidence_level) / 2)) * error
    return Interval(float(max(difference - half, -1)), float(min(difference + half, 1)))

"""Intervals of means and of paired differences, by a bootstrap over pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.stats

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_RESAMPLES = 10_000
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean and the bounds of its 95 % interval.

    Attributes:
        mean: Over all queries.
        low: Lower bound.
        high: Upper bound.
    """

    mean: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether both bounds are on one side of zero."""
        return self.low > 0 or self.high < 0


def mean_interval(
    values: NDArray[np.float64],
    pictures: NDArray[np.int64],
    *,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Return the mean of values and its percentile interval when whole pictures are drawn.

    Queries of one picture look at the same pixels, so that a bootstrap over queries would take
    them for more than they are (Davison & Hinkley 1997, *Bootstrap Methods and their Application*,
    section 3.8): pictures are drawn with replacement, with all of their queries.

    Args:
        values: One for each query, shape (n,).
        pictures: Which picture each is from, shape (n,).
        n_resamples: How many draws.
        seed: Of the draws.

    Raises:
        ValueError: If the shapes differ, or there are less than two pictures, or a value is NaN.

    Examples:
        >>> interval = mean_interval(np.array([0.0, 0.0, 1.0, 1.0]), np.array([5, 5, 7, 7]))
        >>> interval.mean, interval.low, interval.high
        (0.5, 0.0, 1.0)
    """
    if values.shape != pictures.shape or values.ndim != 1:
        raise ValueError(
            f"values has shape {values.shape}, pictures {pictures.shape}; expected (n,) for both"
        )
    if np.isnan(values).any():
        raise ValueError(f"values has {np.isnan(values).sum():,} NaN; expected none")
    _, row, count = np.unique(pictures, return_inverse=True, return_counts=True)
    if len(count) < 2:
        raise ValueError(f"pictures has {len(count)} pictures; expected at least 2 to draw from")
    total = np.bincount(row, weights=values)
    bounds = scipy.stats.bootstrap(
        (total, count.astype(np.float64)),
        _ratio,
        paired=True,
        vectorized=True,
        n_resamples=n_resamples,
        batch=1000,
        confidence_level=LEVEL,
        method="percentile",
        random_state=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(float(values.mean()), float(bounds.low), float(bounds.high))


def paired_interval(
    values: NDArray[np.float64],
    others: NDArray[np.float64],
    pictures: NDArray[np.int64],
    *,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Return the mean of ``values - others``, both for the same queries, and its interval.

    Args:
        values: Of one method, shape (n,).
        others: Of the other, shape (n,).
        pictures: As the further arguments, those of `mean_interval`.
        n_resamples: How many draws.
        seed: Of the draws.

    Raises:
        ValueError: If the shapes differ, or as in `mean_interval`.
    """
    if values.shape != others.shape:
        raise ValueError(
            f"values has shape {values.shape}, others {others.shape}; expected the same queries"
        )
    return mean_interval(values - others, pictures, n_resamples=n_resamples, seed=seed)


def _ratio(
    total: NDArray[np.float64], count: NDArray[np.float64], axis: int = -1
) -> NDArray[np.float64]:
    ratio: NDArray[np.float64] = total.sum(axis) / count.sum(axis)
    return ratio

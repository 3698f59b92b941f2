"""The ROC curve of one label, with a band that says how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from invert_captum._validation import check_fraction, check_integer
from invert_captum.significance import Separation

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Vector = npt.NDArray[np.float64]

# Hundredths and their halves: k / 200 is rounded as a share of negatives that equals it is.
_STEPS = 200


@dataclass(frozen=True)
class RocCurve:
    """How many of the positives and of the negatives lie above each threshold.

    Attributes:
        false_positive_rate: float64 (t,), from 0 to 1: the share of negatives above a threshold,
            one threshold between any two different activations, from high to low.
        true_positive_rate: float64 (t,), from 0 to 1: the share of positives.
        n_positive: The number of positives.
        n_negative: The number of negatives.
    """

    false_positive_rate: Vector
    true_positive_rate: Vector
    n_positive: int
    n_negative: int

    @classmethod
    def of(cls, values: npt.ArrayLike, members: npt.ArrayLike) -> RocCurve:
        """Return the curve of ``values`` (n,) that are to be high where ``members`` (n,) is true.

        Raises:
            ValueError: If all samples are members or none is, or what `Separation.of` refuses.

        Examples:
            >>> curve = RocCurve.of([0.1, 0.4, 0.4, 0.8], np.array([False, True, False, True]))
            >>> curve.true_positive_rate
            array([0. , 0.5, 1. , 1. ])
            >>> curve.auc
            0.875
        """
        separation = Separation.of(values, members)
        if not separation.n_positive or not separation.n_negative:
            raise ValueError(
                f"members has {separation.n_positive:,} positives and {separation.n_negative:,} "
                "negatives; expected at least one of each"
            )
        return cls(
            _rates(separation.negatives[::-1]),
            _rates(separation.positives[::-1]),
            separation.n_positive,
            separation.n_negative,
        )

    @property
    def auc(self) -> float:
        """The area under the curve, in [0, 1]."""
        return _area(self.false_positive_rate, self.true_positive_rate)

    def at(self, false_positive_rates: npt.ArrayLike) -> Vector:
        """Return the true positive rates at these false positive rates, the upper ends of steps.

        Examples:
            >>> RocCurve.of([1, 2, 3], np.array([False, False, True])).at([0.0, 0.5])
            array([1., 1.])
        """
        return _height(false_positive_rates, self.false_positive_rate, self.true_positive_rate)


@dataclass(frozen=True)
class RocBand:
    """What a bootstrap says of a ROC curve.

    Attributes:
        false_positive_rate: float64 (201,), from 0 to 1.
        low: float64 (201,): the lower bound of the true positive rate there, point by point,
        high: float64 (201,): and the upper one.
        auc_low: The lower bound of the area,
        auc_high: and the upper one; both from the same draws.
        level: The share of draws between the bounds, at each point.
    """

    false_positive_rate: Vector
    low: Vector
    high: Vector
    auc_low: float
    auc_high: float
    level: float


def roc_band(
    values: npt.ArrayLike,
    members: npt.NDArray[np.bool_],
    *,
    groups: npt.NDArray[np.int64] | None = None,
    n_bootstrap: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> RocBand:
    """Return the pointwise percentile band of a ROC curve, from a stratified bootstrap.

    Positives and negatives are drawn anew, each in their own number. With groups, whole groups are
    drawn: of those with positives only, of those with negatives only, and of those with both, each
    in their own number. The band is vertical: at each false positive rate it holds the true
    positive rates of the middle ``level`` of the draws. It covers each point, not the whole curve.

    Args:
        values: Shape (n,), real and finite.
        members: bool, shape (n,): the positives.
        groups: Integers, shape (n,): samples of one group have the same. None: each for itself.
        n_bootstrap: How many draws, at least 1.
        level: In (0, 1).
        seed: Of the draws, at least 0.

    Raises:
        ValueError: If there are no positives or no negatives, shapes differ, or an argument is out
            of its range.

    Source:
        Fawcett, *An introduction to ROC analysis*, Pattern Recognition Letters 27 (2006), section
        7.1 for vertical averaging; Efron and Tibshirani, *An Introduction to the Bootstrap*,
        chapter 13 for the percentile interval.

    Examples:
        >>> members = np.arange(60) % 3 == 0
        >>> values = np.random.default_rng(0).normal(size=60) + members
        >>> band = roc_band(values, members, n_bootstrap=200)
        >>> bool(band.auc_low < RocCurve.of(values, members).auc < band.auc_high)
        True
    """
    check_integer("n_bootstrap", n_bootstrap, minimum=1)
    check_integer("seed", seed, minimum=0)
    outside = (1 - check_fraction("level", level, open_interval=True)) / 2
    RocCurve.of(values, members)
    if groups is not None and np.shape(groups) != np.shape(members):
        raise ValueError(
            f"groups has shape {np.shape(groups)}; expected {np.shape(members)}, one for each "
            "sample"
        )
    different, place = np.unique(np.asarray(values), return_inverse=True)
    grid = np.arange(_STEPS + 1) / _STEPS
    heights = np.empty((n_bootstrap, len(grid)))
    areas = np.empty(n_bootstrap)
    for draw, weights in enumerate(_draws(members, groups, n_bootstrap, seed)):
        positive, negative = (
            _rates(np.bincount(place[part], weights[part], len(different))[::-1])
            for part in (members, ~members)
        )
        heights[draw] = _height(grid, negative, positive)
        areas[draw] = _area(negative, positive)
    low, high = np.quantile(heights, [outside, 1 - outside], axis=0)
    auc_low, auc_high = np.quantile(areas, [outside, 1 - outside])
    return RocBand(grid, low, high, float(auc_low), float(auc_high), level)


def _draws(
    members: npt.NDArray[np.bool_],
    groups: npt.NDArray[np.int64] | None,
    n_bootstrap: int,
    seed: int,
) -> Iterator[npt.NDArray[np.int64]]:
    """Yield how often each draw takes each sample, int64 (n,)."""
    n_samples = len(members)
    codes = np.arange(n_samples) if groups is None else np.unique(groups, return_inverse=True)[1]
    n_groups = int(codes.max()) + 1
    positives = np.bincount(codes, members, n_groups)
    negatives = np.bincount(codes, ~members, n_groups)
    strata = [
        np.flatnonzero(chosen)
        for chosen in (
            (positives > 0) & (negatives == 0),
            (positives == 0) & (negatives > 0),
            (positives > 0) & (negatives > 0),
        )
    ]
    generator = np.random.default_rng(seed)
    for _ in range(n_bootstrap):
        counts = np.zeros(n_groups, np.int64)
        for stratum in strata:
            if len(stratum):
                drawn = generator.integers(len(stratum), size=len(stratum))
                counts[stratum] = np.bincount(drawn, minlength=len(stratum))
        yield counts[codes]


def _rates(counts: npt.NDArray[np.number]) -> Vector:
    """Return the share of samples above each threshold, counts being from high values to low."""
    above = np.concatenate([[0], np.cumsum(counts)])
    return np.asarray(above / above[-1], dtype=np.float64)


def _height(at: npt.ArrayLike, across: Vector, up: Vector) -> Vector:
    # np.interp takes the last of equal abscissas: the upper end of a step.
    return np.asarray(np.interp(np.asarray(at, dtype=np.float64), across, up), dtype=np.float64)


def _area(across: Vector, up: Vector) -> float:
    return float(np.sum(np.diff(across) * (up[1:] + up[:-1])) / 2)

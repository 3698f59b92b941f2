"""The ROC curve of one label, with a band that says how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from invert_captum._validation import check_fraction, check_integer
from invert_captum.significance import Separation

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Vector = npt.NDArray[np.float64]

# Hundredths and their halves: k / 200 is rounded as a share of negatives that equals it is.
_STEPS = 200
# Of a sample, above all others and below them: as many as Jeffreys' prior of a share stands for.
_ADDED = 0.5


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
        level: The share of draws between the bounds, at each point; more where the curve lies
            beside them.
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
    """Return the pointwise band of a ROC curve, from a Bayesian bootstrap.

    Each draw gives every sample a weight from an exponential distribution; with groups, every
    group one for all of its samples. To either kind it adds half a sample (half a group of average
    size) above all others and half a one below. So the rate at a threshold has Jeffreys'
    distribution of a share, Beta(k + ½, n − k + ½) for k of n: unlike that of drawing samples anew,
    it has a width where all positives lie above a threshold by luck, and where there is only one.

    The band is vertical: at each false positive rate it holds the true positive rates of the
    middle ``level`` of the draws, and the curve itself. It covers each point, not the whole curve.

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
        Gu, Ghosal and Roy, *Bayesian bootstrap estimation of ROC curve*, Statistics in Medicine 27
        (2008) 5407, after Rubin, *The Bayesian bootstrap*, Annals of Statistics 9 (1981) 130; the
        halves: Jeffreys' interval in Brown, Cai and DasGupta (2001), *Statistical Science* 16:101.

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
    curve = RocCurve.of(values, members)
    if groups is not None and np.shape(groups) != np.shape(members):
        raise ValueError(
            f"groups has shape {np.shape(groups)}; expected {np.shape(members)}, one for each "
            "sample"
        )
    grid = np.arange(_STEPS + 1) / _STEPS
    heights = np.empty((n_bootstrap, len(grid)))
    areas = np.empty(n_bootstrap)
    draws = _draws(np.asarray(values), members, groups, n_bootstrap, seed)
    for draw, (negative, positive) in enumerate(draws):
        heights[draw] = _height(grid, negative, positive)
        areas[draw] = _area(negative, positive)
    bounds = [outside, 1 - outside]
    low, high = _holding(np.quantile(heights, bounds, axis=0), curve.at(grid))
    auc_low, auc_high = _holding(np.quantile(areas, bounds), np.float64(curve.auc))
    return RocBand(grid, low, high, float(auc_low), float(auc_high), level)


def _draws(
    values: npt.NDArray[Any],
    members: npt.NDArray[np.bool_],
    groups: npt.NDArray[np.int64] | None,
    n_bootstrap: int,
    seed: int,
) -> Iterator[tuple[Vector, Vector]]:
    """Yield the rates of negatives and of positives above each threshold, as drawn."""
    different, place = np.unique(values, return_inverse=True)
    codes = np.arange(len(values)) if groups is None else np.unique(groups, return_inverse=True)[1]
    kinds = [np.flatnonzero(~members), np.flatnonzero(members)]
    sizes = [len(kind) / len(np.unique(codes[kind])) for kind in kinds]
    n_groups = int(codes.max()) + 1
    generator = np.random.default_rng(seed)
    for _ in range(n_bootstrap):
        weights = generator.standard_exponential(n_groups)[codes]
        above, below = generator.standard_gamma(_ADDED, size=(2, 2)) * sizes
        negative, positive = (
            _rates(
                np.concatenate(
                    [
                        [above[number]],
                        np.bincount(place[kind], weights[kind], len(different))[::-1],
                        [below[number]],
                    ]
                )
            )
            for number, kind in enumerate(kinds)
        )
        yield negative, positive


def _holding(bounds: Vector, estimate: Vector | np.float64) -> tuple[Vector, Vector]:
    """Return the lower and the upper bounds, which can leave out a rate of 0 or 1 itself."""
    return np.minimum(bounds[0], estimate), np.maximum(bounds[1], estimate)


def _rates(counts: npt.NDArray[np.number]) -> Vector:
    """Return the share of samples above each threshold, counts being from high values to low."""
    above = np.concatenate([[0], np.cumsum(counts)])
    return np.asarray(above / above[-1], dtype=np.float64)


def _height(at: npt.ArrayLike, across: Vector, up: Vector) -> Vector:
    # np.interp takes the last of equal abscissas: the upper end of a step.
    return np.asarray(np.interp(np.asarray(at, dtype=np.float64), across, up), dtype=np.float64)


def _area(across: Vector, up: Vector) -> float:
    return float(np.sum(np.diff(across) * (up[1:] + up[:-1])) / 2)

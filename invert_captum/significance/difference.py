"""Whether one formula describes a neuron better than another."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.special

from invert_captum._validation import check_fraction
from invert_captum.significance.delong import placements
from invert_captum.significance.intervals import auc_interval
from invert_captum.significance.separation import Separation, weighted_sum

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True)
class Difference:
    """How much better one formula describes a neuron than another.

    Attributes:
        auc: The AUC of the formula, NaN if it holds for no sample or for all,
        other_auc: and that of the other one.
        difference: ``auc − other_auc``,
        low: the lower bound of its confidence interval,
        high: and the upper one; NaN where a bound cannot be computed.
        log10_p: log10 of the two-sided p-value of no difference, at most 0.
    """

    auc: float
    other_auc: float
    difference: float
    low: float
    high: float
    log10_p: float

    @property
    def p_value(self) -> float:
        """The two-sided p-value of no difference; it may underflow to 0."""
        return float(10.0**self.log10_p)


def auc_difference(
    activations: ArrayLike,
    mask: ArrayLike,
    other_mask: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    level: float = 0.95,
) -> Difference:
    """Compare two formulas on one neuron, on samples that chose neither.

    They are two labellings of one score, so their AUCs share every activation. Each AUC is, up to
    terms that vanish, a mean of one influence per sample, φᵢ = (placement − AUC)/n₁ for a positive
    and (placement − AUC)/n₀ for a negative, and the difference has the variance Σ(φᵢ − φ'ᵢ)². Each
    φ is scaled so that Σφᵢ² is DeLong's variance of that AUC.

    The quantiles are Student's with as many degrees of freedom as the rarest kind has samples, or
    groups, less one.

    Where that variance is 0 although the formulas differ (both AUCs are 0 or 1, or all activations
    are equal), the bounds are those of `auc_interval` for either AUC at level (1 + ``level``)/2,
    subtracted. AUCs of 1 and 0 then have the p-value 2·2^(−m), m the samples of the rarest kind,
    which bounds the probability that equal AUCs look so different.

    Args:
        activations: Shape (n,), real and finite.
        mask: bool, shape (n,): the samples for which the formula holds,
        other_mask: bool, shape (n,): those for which the other one does.
        groups: Integers, shape (n,): samples of one group count once: influences are summed within
            groups before they are squared. None if all samples are independent.
        level: How often the interval is to cover the true difference, in (0, 1).

    Returns:
        `Difference`: for identical masks 0 with the interval [0, 0] and ``log10_p`` 0. The bounds
        are NaN and ``log10_p`` is 0 where a formula holds for fewer than two samples, or groups, or
        fails for fewer than two.

    Raises:
        ValueError: If the shapes differ, a mask is not boolean, or an activation is not finite.
        TypeError, ValueError: If ``level`` is not a number in (0, 1).

    Source:
        The linearisation of a U-statistic: Hájek (1968), *Annals of Mathematical Statistics*
        39:325; van der Vaart, *Asymptotic Statistics* (1998), section 12.2.

    Examples:
        >>> activations = np.arange(12.0)
        >>> animal, dog = activations >= 6, activations >= 9
        >>> auc_difference(activations, animal, np.roll(dog, 4)).difference
        0.888...
        >>> auc_difference(activations, animal, animal)
        Difference(auc=1.0, other_auc=1.0, difference=0.0, low=0.0, high=0.0, log10_p=0.0)
    """
    level = check_fraction("level", level, open_interval=True)
    separations = [Separation.of(activations, m) for m in (mask, other_mask)]
    first, second = separations
    difference = first.auc - second.auc
    inside, inside_other = np.asarray(mask), np.asarray(other_mask)
    fewest = min(min(s.n_positive, s.n_negative) for s in separations)
    if fewest > 0 and np.array_equal(inside, inside_other):
        return Difference(first.auc, second.auc, 0.0, 0.0, 0.0, 0.0)
    if fewest < 2:
        nan = float("nan")
        return Difference(first.auc, second.auc, difference, nan, nan, 0.0)
    _, group = np.unique(np.asarray(activations), return_inverse=True)
    influences = influence(first, group, inside) - influence(second, group, inside_other)
    fewest_units = fewest
    if groups is not None:
        codes = _checked_groups(groups, len(inside))
        kinds = (inside, ~inside, inside_other, ~inside_other)
        fewest_units = min(len(np.unique(codes[kind])) for kind in kinds)
        if fewest_units < 2:
            return Difference(first.auc, second.auc, difference, math.nan, math.nan, 0.0)
        influences = _summed_within(codes, influences)
    deviation = float(np.sqrt(weighted_sum(influences, influences)))
    if deviation == 0.0:
        return _without_variance(first, second, level)
    freedom = fewest_units - 1
    half = float(scipy.special.stdtrit(freedom, (1 + level) / 2)) * deviation
    log_p = math.log(2.0) + _log_t_tail(abs(difference) / deviation, freedom)
    return Difference(
        first.auc,
        second.auc,
        difference,
        max(difference - half, -1.0),
        min(difference + half, 1.0),
        min(log_p, 0.0) / math.log(10.0),
    )


def _checked_groups(groups: ArrayLike, n_samples: int) -> NDArray[np.int64]:
    """Return the groups, numbered from 0."""
    codes = np.asarray(groups)
    if codes.shape != (n_samples,) or codes.dtype.kind not in "iu":
        raise ValueError(
            f"groups has shape {codes.shape} and dtype {codes.dtype}; expected ({n_samples:,},) "
            "and integers"
        )
    numbered: NDArray[np.int64] = np.unique(codes, return_inverse=True)[1].astype(np.int64)
    return numbered


def _log_t_tail(t: float, freedom: int) -> float:
    """Return log P(T ≥ t) of Student's distribution, where that underflows by Wallace's formula.

    Wallace (1959), *Annals of Mathematical Statistics* 30:1124: the z that has about the same tail.
    """
    tail = float(scipy.special.stdtr(freedom, -t))
    if tail > sys.float_info.min:
        return math.log(tail)
    z = (8 * freedom + 1) / (8 * freedom + 3) * math.sqrt(freedom * math.log1p(t * t / freedom))
    return float(scipy.special.log_ndtr(-z))


def _summed_within(
    groups: NDArray[np.int64], influences: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the sums of influences within groups, scaled for the number of groups."""
    n_groups = int(groups.max()) + 1
    scale = math.sqrt(n_groups / (n_groups - 1))
    return (np.bincount(groups, influences) * scale).astype(np.float64)


def influence(
    separation: Separation, group: NDArray[np.int64], inside: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return what each sample adds to the AUC, to first order.

    Args:
        separation: The n samples, at least two of each kind.
        group: Shape (n,): which of the g different activations each sample has.
        inside: Shape (n,): the positives.

    Returns:
        *numpy.ndarray* of float64, shape (n,): it sums to 0, and its squares to DeLong's variance.
    """
    of_positives, of_negatives = placements(separation)
    n_positive, n_negative = separation.n_positive, separation.n_negative
    return np.where(
        inside,
        (of_positives[group] - separation.auc) / math.sqrt(n_positive * (n_positive - 1)),
        (of_negatives[group] - separation.auc) / math.sqrt(n_negative * (n_negative - 1)),
    )


def _without_variance(first: Separation, second: Separation, level: float) -> Difference:
    """Compare two formulas whose difference of AUCs shows no variance."""
    one, other = (auc_interval(s, level=(1 + level) / 2) for s in (first, second))
    difference = first.auc - second.auc
    # Equal AUCs of θ show 1 and 0 with a probability of at most min(θ, 1 − θ)^m, at most 2^(−m).
    rarest = min(min(s.n_positive, s.n_negative) for s in (first, second))
    log10_p = min((1 - rarest) * math.log10(2.0), 0.0) if difference else 0.0
    low, high = one.low - other.high, one.high - other.low
    return Difference(first.auc, second.auc, difference, low, high, log10_p)

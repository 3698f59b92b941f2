"""Variance, test and interval of an AUC whose samples come in groups of near-duplicates."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from invert_captum._validation import check_choice, check_fraction
from invert_captum.significance.cluster_null import log10_tail
from invert_captum.significance.delong import placements
from invert_captum.significance.intervals import (
    NO_INTERVAL,
    PSEUDO_SAMPLES,
    AucEstimate,
    Interval,
)
from invert_captum.significance.separation import Separation, weighted_sum

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from invert_captum.significance.mann_whitney import Alternative


# With one group there is nothing to tell its own effect from.
_LEAST_GROUPS = 2


@dataclass(frozen=True, slots=True)
class _Sums:
    """Placements of one kind of samples, summed over each group that has any of them."""

    group: NDArray[np.int64]
    counts: NDArray[np.float64]
    totals: NDArray[np.float64]

    def deviations(self, center: float) -> NDArray[np.float64]:
        """Return how far each sum is from what it would be with a mean of ``center``."""
        return self.totals - self.counts * center


def cluster_variance(activations: ArrayLike, mask: ArrayLike, groups: ArrayLike) -> float:
    """Return the variance of the AUC if groups of samples, not samples, are independent.

    With the placements summed over the positives and over the negatives of each group, S₁₀ and S₀₁
    are the variances of these sums around their expectation, and S₁₁ is their covariance in groups
    that hold both kinds: V = S₁₀/n₁ + S₀₁/n₀ + 2·S₁₁/(n₁n₀).

    Args:
        activations: Shape (n,), real and finite.
        mask: bool, shape (n,): the samples with the concept.
        groups: Integers, shape (n,): samples of one group have the same.

    Returns:
        *float*: DeLong's variance if every sample is a group; NaN with fewer than two groups that
        have positives, or fewer than two that have negatives.

    Raises:
        ValueError: If the shapes differ, ``mask`` is not boolean, ``groups`` holds no integers, or
            an activation is not finite.

    Source:
        Obuchowski (1997), *Biometrics* 53:567.

    Examples:
        >>> activations = np.array([3.0, 1.0, 2.0, 0.0])
        >>> mask = np.array([True, True, False, False])
        >>> cluster_variance(activations, mask, np.arange(4))
        0.125
        >>> twice = [np.repeat(a, 2) for a in (activations, mask, np.arange(4))]
        >>> cluster_variance(*twice)
        0.125
    """
    separation, codes = _checked(activations, mask, groups)
    if min(separation.n_positive, separation.n_negative) == 0:
        return float("nan")
    sums = _sums_of_placements(activations, mask, codes, separation)
    if min(len(s.group) for s in sums) <= 1:
        return float("nan")
    return _variance(sums, separation.auc, len(np.unique(codes)), added=0.0)[0]


def cluster_interval(
    activations: ArrayLike, mask: ArrayLike, groups: ArrayLike, *, level: float = 0.95
) -> Interval:
    """Return a confidence interval for the AUC if groups of samples are independent.

    As `auc_interval`, with Obuchowski's variance for DeLong's (``"obuchowski-logit"``) and groups
    for samples: 50 groups with positives and 50 with negatives are many, the added parts of a
    sample are parts of a group of average size, and the bound at AUC 0 or 1 counts pairs of samples
    of which no two share a group.

    Args:
        activations: Shape (n,), real and finite.
        mask: bool, shape (n,): the samples with the concept.
        groups: Integers, shape (n,): samples of one group have the same.
        level: How often the interval is to cover the true AUC, in (0, 1): that of a positive and a
            negative from different groups.

    Returns:
        `Interval`: NaN without positives or negatives, or if one group holds all samples.

    Raises:
        ValueError: As `cluster_variance`.
        TypeError, ValueError: If ``level`` is not a number in (0, 1).

    Examples:
        >>> activations, mask = np.array([1.0, 2.0, 3.0, 4.0]), np.array([False, False, True, True])
        >>> cluster_interval(activations, mask, np.array([0, 0, 1, 1]))
        Interval(low=0.05..., high=1.0, method='exact-bound')
    """
    level = check_fraction("level", level, open_interval=True)
    estimate = cluster_estimate(activations, mask, groups)
    return NO_INTERVAL if estimate is None else estimate.interval(level)


def cluster_estimate(
    activations: ArrayLike, mask: ArrayLike, groups: ArrayLike
) -> AucEstimate | None:
    """Return the AUC and what its interval is computed from if groups of samples are independent.

    Args:
        activations: Shape (n,), real and finite.
        mask: bool, shape (n,): the samples with the concept.
        groups: Integers, shape (n,): samples of one group have the same.

    Returns:
        `AucEstimate`: None without positives or negatives, or if one group holds all samples.

    Raises:
        ValueError: As `cluster_variance`.

    Examples:
        >>> activations, mask = np.arange(6.0), np.arange(6) % 2 == 0
        >>> cluster_estimate(activations, mask, np.array([0, 0, 1, 1, 2, 2])).n_fewer
        3
    """
    separation, codes = _checked(activations, mask, groups)
    auc, n_groups = separation.auc, len(np.unique(codes))
    if min(separation.n_positive, separation.n_negative) == 0 or n_groups == 1:
        return None
    sums = _sums_of_placements(activations, mask, codes, separation)
    fewer = min(len(s.group) for s in sums)
    variance, _ = _variance(sums, auc, n_groups, added=0.0) if fewer > 1 else (math.nan, auc)
    added_variance, center = _variance(sums, auc, n_groups, added=PSEUDO_SAMPLES)
    return AucEstimate(
        auc=auc,
        n_fewer=fewer,
        # Each pair takes two groups, one of them with positives and the other with negatives.
        n_pairs=min(fewer, n_groups // 2),
        variance=variance,
        added_variance=added_variance,
        added_auc=center,
        method="obuchowski-logit",
    )


def cluster_log10_p(
    activations: ArrayLike, mask: ArrayLike, groups: ArrayLike, *, alternative: Alternative
) -> float:
    """Test whether the activations of a concept's samples differ, if groups are independent.

    The statistic is AUC − ½, a difference of mean mid-ranks. Its null distribution treats the
    labels as given and the activations as drawn without regard to them: each sample has a mid-rank
    drawn from all of them, and within a group each sample takes a draw that the group shares with
    probability √ρ, else one of its own, so that two samples of a group correlate by ρ. ρ is
    estimated from all groups, those without the concept too, hence well even where few groups have
    it. If the groups that have the concept hang together more than others, p-values are too small.
    The tail is computed by inverting the characteristic function, not from a normal
    approximation, whose p-values are too small for activations that are mostly 0.

    Args:
        activations: Shape (n,), real and finite.
        mask: bool, shape (n,): the samples with the concept.
        groups: Integers, shape (n,): samples of one group have the same.
        alternative: ``"greater"`` if activations inside are larger, ``"less"`` if they are smaller.

    Returns:
        *float*: log10 of the p-value, at most 0; 0 if fewer than two groups have positives, or
        negatives, or if all activations are equal.

    Raises:
        ValueError: As `cluster_variance`, or if ``alternative`` is unknown.

    Source:
        The variance under the null from the correlation within all groups: Rosner, Glynn and Lee
        (2003), *Biometrics* 59:1089. The inversion: Daniels (1954), *Annals of Mathematical
        Statistics* 25:631, whose contour integral is computed here instead of expanded.

    Examples:
        >>> activations = np.arange(40.0)
        >>> mask = activations >= 30
        >>> round(cluster_log10_p(activations, mask, np.arange(40), alternative="greater"), 1)
        -6.7
        >>> round(cluster_log10_p(activations, mask, np.arange(40) // 2, alternative="greater"), 1)
        -3.7
    """
    check_choice("alternative", alternative, ("greater", "less", "two-sided"))
    separation, codes = _checked(activations, mask, groups)
    if min(separation.n_positive, separation.n_negative) == 0 or len(separation.values) == 1:
        return 0.0
    inside = np.asarray(mask)
    if min(len(np.unique(codes[inside])), len(np.unique(codes[~inside]))) < _LEAST_GROUPS:
        return 0.0
    _, group = np.unique(np.asarray(activations), return_inverse=True)
    inside = np.asarray(mask)
    if alternative == "two-sided":
        either = min(log10_tail(separation, group, inside, codes, sign) for sign in (1, -1))
        return min(either + math.log10(2.0), 0.0)
    return log10_tail(separation, group, inside, codes, 1 if alternative == "greater" else -1)


def _checked(
    activations: ArrayLike, mask: ArrayLike, groups: ArrayLike
) -> tuple[Separation, NDArray[np.int64]]:
    separation = Separation.of(activations, mask)
    codes = np.asarray(groups)
    if codes.shape != np.shape(mask):
        raise ValueError(
            f"groups has shape {codes.shape} and mask {np.shape(mask)}; expected one "
            "code for each sample"
        )
    if not np.issubdtype(codes.dtype, np.integer):
        raise ValueError(f"groups has dtype {codes.dtype}; expected integers")
    # Renumbered, so that counting by code takes no more room than there are groups.
    return separation, np.unique(codes, return_inverse=True)[1]


def _sums_of_placements(
    activations: ArrayLike, mask: ArrayLike, codes: NDArray[np.int64], separation: Separation
) -> tuple[_Sums, _Sums]:
    """Return the sums over the positives and over the negatives of each group."""
    _, group = np.unique(np.asarray(activations), return_inverse=True)
    inside = np.asarray(mask)
    sums = []
    for of_kind, chosen in zip(placements(separation), (inside, ~inside), strict=True):
        counts = np.bincount(codes[chosen])
        totals = np.bincount(codes[chosen], of_kind[group[chosen]])
        present = np.flatnonzero(counts)
        sums.append(_Sums(present, *(s[present].astype(np.float64) for s in (counts, totals))))
    return sums[0], sums[1]


def _variance(
    sums: tuple[_Sums, _Sums], auc: float, n_groups: int, *, added: float
) -> tuple[float, float]:
    """Return the variance with half of ``added`` groups at placement 0 and half at placement 1.

    Also return the AUC of the kind that has fewer groups, with the additions.
    """
    variance, centers = 0.0, []
    for kind in sums:
        n, n_with = float(kind.counts.sum()), len(kind.group)
        size = n / n_with
        center = (n * auc + added / 2 * size) / (n + added * size)
        squares = float((kind.deviations(center) ** 2).sum())
        squares += added / 2 * size**2 * (center**2 + (1 - center) ** 2)
        freedom = (n_with + added) / (n_with + added - 1)
        variance += freedom * squares / (n + added * size) ** 2
        centers.append((n_with, center))
    positive, negative = sums
    _, one, other = np.intersect1d(positive.group, negative.group, return_indices=True)
    products = weighted_sum(positive.deviations(auc)[one], negative.deviations(auc)[other])
    n_pairs = float(positive.counts.sum() * negative.counts.sum())
    covariance = 2 * n_groups / (n_groups - 1) * products / n_pairs
    # A covariance from few groups can be larger than the variances allow.
    return max(variance + covariance, 0.0 if added == 0.0 else variance / 2), min(centers)[1]

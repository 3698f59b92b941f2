"""An interval for the AUC of one formula."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import scipy.special

from invert_captum._validation import check_fraction
from invert_captum.significance.delong import delong_variance, squared_deviations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from invert_captum.significance.separation import Separation

Method = Literal["delong-logit", "jeffreys", "exact-bound", "obuchowski-logit", "none"]

# Outside of these the logit interval was measured to cover less than 93 % (benchmarks/
# interval_coverage.py): the variance is then often estimated from hardly any misordered pair.
FEW = 50
EXTREME_AUC = 0.1
# Of either kind, half of it with placement 0 and half with placement 1.
PSEUDO_SAMPLES = 0.5


@dataclass(frozen=True, slots=True)
class Interval:
    """Where an AUC may lie.

    Attributes:
        low: The lower bound, in [0, 1],
        high: and the upper one; both NaN where there is nothing to estimate.
        method: How they were computed; ``"none"`` where they are NaN.
    """

    low: float
    high: float
    method: Method


NO_INTERVAL = Interval(float("nan"), float("nan"), "none")


def auc_interval(separation: Separation, *, level: float = 0.95) -> Interval:
    """Return a confidence interval for the AUC of samples that did not choose the formula.

    - ``"delong-logit"``: log(AUC/(1 − AUC)) ± z·√V/(AUC(1 − AUC)) with DeLong's variance V, where
      there are at least 50 of each kind and the AUC lies in [0.1, 0.9].
    - ``"jeffreys"`` elsewhere: V is taken after adding, to either kind, a quarter of a sample with
      placement 0 and a quarter of one with placement 1. It gives the effective number of samples
      m = A(1 − A)/V (A the AUC with the additions), as if the AUC were a share of m samples. The
      bounds are the quantiles of Beta(m·AUC + ½, m·(1 − AUC) + ½), Jeffreys' interval for a share.
      The additions keep V away from 0 where nearly every pair is in order by luck.
    - ``"exact-bound"`` at AUC 1: [(1 − level)^(1/m), 1], m the samples of the rarer kind; mirrored
      at AUC 0. Pair each of the m with another sample of the other kind. The m pairs are
      independent, and AUC 1 needs all of them in order, which happens with a probability of at
      most θ^m if the true AUC is θ. No narrower bound holds for all distributions: θ^m is reached
      where all samples of the more frequent kind share one activation.

    Args:
        separation: The samples with and without the concept.
        level: How often the interval is to cover the true AUC, in (0, 1).

    Returns:
        `Interval`: it contains the AUC of the samples; NaN without positives or negatives.

    Raises:
        TypeError, ValueError: If ``level`` is not a number in (0, 1).

    Source:
        DeLong et al. (1988), *Biometrics* 44:837; the scale and the idea of an effective number of
        samples: Kottas, Kuss and Zapf (2014), *BMC Medical Research Methodology* 14:26; Jeffreys'
        interval: Brown, Cai and DasGupta (2001), *Statistical Science* 16:101.

    Examples:
        >>> from invert_captum.significance.separation import Separation
        >>> auc_interval(Separation.of([1.0, 2.0, 3.0, 4.0], [False, False, True, True]))
        Interval(low=0.223..., high=1.0, method='exact-bound')
    """
    level = check_fraction("level", level, open_interval=True)
    if min(separation.n_positive, separation.n_negative) == 0:
        return NO_INTERVAL
    return AucEstimate.of(separation).interval(level)


@dataclass(frozen=True, slots=True)
class AucEstimate:
    """An AUC and what its interval is computed from.

    Attributes:
        auc: The AUC, in [0, 1].
        n_fewer: The samples, or groups of samples, of the rarer kind.
        n_pairs: How many independent pairs of a positive and a negative there are.
        variance: Of the AUC.
        added_variance: The same after the additions of `auc_interval`,
        added_auc: and the AUC of the rarer kind after these.
        method: The name of the interval on the logit scale.
    """

    auc: float
    n_fewer: int
    n_pairs: int
    variance: float
    added_variance: float
    added_auc: float
    method: Method = "delong-logit"

    @classmethod
    def of(cls, separation: Separation) -> AucEstimate:
        """Return the estimate from samples that are independent, with at least one of each kind."""
        fewer = min(separation.n_positive, separation.n_negative)
        variance, center = _variance_with_additions(separation)
        return cls(separation.auc, fewer, fewer, delong_variance(separation), variance, center)

    @classmethod
    def mean(cls, estimates: Sequence[AucEstimate]) -> AucEstimate:
        """Return the estimate of the mean of AUCs from samples that have nothing in common.

        The variance of a mean of K is Σ V / K² (LeDell, Petersen and van der Laan 2015, *Electronic
        Journal of Statistics* 9:1583).
        """
        count = len(estimates)
        return cls(
            auc=math.fsum(one.auc for one in estimates) / count,
            n_fewer=sum(one.n_fewer for one in estimates),
            # As many of each, so that the product of their AUCs is at most a power of the mean.
            n_pairs=count * min(one.n_pairs for one in estimates),
            variance=math.fsum(one.variance for one in estimates) / count**2,
            added_variance=math.fsum(one.added_variance for one in estimates) / count**2,
            added_auc=math.fsum(one.added_auc for one in estimates) / count,
            method=estimates[0].method,
        )

    def mirrored(self) -> AucEstimate:
        """Return the estimate of 1 − AUC."""
        return replace(self, auc=1.0 - self.auc, added_auc=1.0 - self.added_auc)

    def interval(self, level: float) -> Interval:
        """Return the interval that covers the AUC so often; see `auc_interval`."""
        if self.auc in (0.0, 1.0):
            return exact_bound(self.auc, self.n_pairs, level)
        moderate = EXTREME_AUC <= self.auc <= 1 - EXTREME_AUC
        # Without any variance all activations are equal, which does not mean that the AUC is known.
        if self.n_fewer >= FEW and moderate and self.variance > 0.0:
            return logit_interval(self.auc, self.variance, level, self.method)
        # As many samples as a share needs to be known as well as this AUC.
        n_effective = self.added_auc * (1 - self.added_auc) / self.added_variance
        return jeffreys_interval(self.auc, n_effective, level)


def exact_bound(auc: float, n_pairs: int, level: float) -> Interval:
    """Return the one-sided interval at AUC 0 or 1, from the independent pairs all in order."""
    # -expm1 keeps the digits of 1 - bound where there are many pairs.
    distance = -math.expm1(math.log1p(-level) / n_pairs)
    if auc == 1.0:
        return Interval(1.0 - distance, 1.0, "exact-bound")
    return Interval(0.0, distance, "exact-bound")


def logit_interval(auc: float, variance: float, level: float, method: Method) -> Interval:
    """Return the normal interval on the logit scale; ``auc`` in (0, 1)."""
    z = float(scipy.special.ndtri((1 + level) / 2))
    center = float(scipy.special.logit(auc))
    half = z * math.sqrt(variance) / (auc * (1 - auc))
    low, high = scipy.special.expit(np.array([center - half, center + half]))
    return Interval(float(low), float(high), method)


def jeffreys_interval(auc: float, n_effective: float, level: float) -> Interval:
    """Return Jeffreys' interval for a share ``auc`` of ``n_effective`` samples."""
    a, b = n_effective * auc + 0.5, n_effective * (1 - auc) + 0.5
    low, high = scipy.special.betaincinv(a, b, np.array([(1 - level) / 2, (1 + level) / 2]))
    # Near AUC 0 and 1 the quantiles can leave out the estimate.
    return Interval(min(float(low), auc), max(float(high), auc), "jeffreys")


def _variance_with_additions(separation: Separation) -> tuple[float, float]:
    """Return the variance of the AUC after the additions, and the AUC of the rarer kind then."""
    auc, added = separation.auc, PSEUDO_SAMPLES
    counts = (separation.n_positive, separation.n_negative)
    centers = tuple((n * auc + added / 2) / (n + added) for n in counts)
    squares = squared_deviations(separation, (centers[0], centers[1]))
    variance = 0.0
    for n, center, square in zip(counts, centers, squares, strict=True):
        with_added = square + added / 2 * (center**2 + (1 - center) ** 2)
        variance += with_added / (n + added - 1) / (n + added)
    # That of the rarer kind, which the additions move more.
    return variance, centers[0] if counts[0] <= counts[1] else centers[1]

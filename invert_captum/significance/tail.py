"""Tail probabilities beyond the resolution of P permutations, by a generalised Pareto tail."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import chi2

from invert_captum.significance.generalised_pareto import fit_pareto, log_survival, pareto_fit_p
from invert_captum.significance.permutation import permutation_p

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

# Knijnenburg's choices: extrapolate with fewer than 10 exceedances of the score; fit 250 excesses
# (at most a quarter of all), and 10 fewer until the fit is not rejected at .05.
ENOUGH_EXCEEDANCES = 10
_MOST_EXCESSES, _STEP, _LEAST_FIT_P = 250, 10, 0.05
_LEAST_EXCESSES = 50
# The profile likelihood may fall by this much within a one-sided 95 % bound.
_DROP = float(chi2.ppf(0.90, 1)) / 2.0
_N_SHAPES, _N_SCALES, _N_DROPS = 25, 61, 9


@dataclass(frozen=True, slots=True)
class Extrapolated:
    """A tail probability that the permutations are too few to count.

    Attributes:
        p_value: The upper 95 % bound of the probability, in (0, 1]; NaN where no tail fits.
        fit_p: The p-value of the goodness of fit; NaN where the permutations are enough to count,
            or no tail fits.
    """

    p_value: float
    fit_p: float


@dataclass(frozen=True, slots=True)
class ParetoTail:
    """The fitted tail of a null distribution, for as many scores as there are.

    Attributes:
        threshold: Where the tail begins.
        shape: ξ of the fit that was tested, which may be negative,
        scale: and σ.
        n_excesses: How many permuted scores are above the threshold.
        fit_p: The p-value of the goodness of fit.
        region: float64, shape (3, c): ξ, log σ and the log of the share above the threshold, on
            the upper edge of the 95 % likelihood region.
    """

    threshold: float
    shape: float
    scale: float
    n_excesses: int
    fit_p: float
    region: NDArray[np.float64]

    @classmethod
    def of(cls, null: ArrayLike) -> ParetoTail | None:
        """Fit the tail of the permuted scores, shape (P,); None if none fits.

        NaN, a permuted search that found nothing, is lower than every score.
        """
        permuted = np.asarray(null, dtype=np.float64)
        descending = np.sort(np.where(np.isnan(permuted), -np.inf, permuted))[::-1]
        most = min(_MOST_EXCESSES, len(descending) // 4)
        for n_excesses in range(most, _LEAST_EXCESSES - 1, -_STEP):
            lowest, below = descending[n_excesses - 1], descending[n_excesses]
            if not math.isfinite(below) or descending[0] == below:
                continue
            threshold = float(lowest + below) / 2.0
            excesses = descending[:n_excesses] - threshold
            shape, scale = fit_pareto(excesses)
            fit_p = pareto_fit_p(excesses, shape, scale)
            if fit_p > _LEAST_FIT_P:
                region = _upper_edge(excesses, len(descending), shape, scale)
                return cls(threshold, shape, scale, n_excesses, fit_p, region)
        return None

    def upper_bound(self, score: float) -> float:
        """Return the upper 95 % bound of the probability of ``score`` or more, above 0."""
        shapes, log_scales, log_shares = self.region
        excess = max(score - self.threshold, 0.0)
        log_p = float(np.max(log_shares + log_survival(excess, shapes, np.exp(log_scales))))
        return min(max(math.exp(log_p), sys.float_info.min), 1.0)


def extrapolated_p(
    score: float, null: ArrayLike, *, tail: ParetoTail | None = None
) -> Extrapolated:
    """Estimate a permutation p-value below 1 / (1 + P), from above.

    Where fewer than 10 permuted scores reach the score, a generalised Pareto distribution is
    fitted to the highest ones (Knijnenburg, Wessels, Reinders and Shmulevich 2009, "Fewer
    permutations, more accurate P-values", *Bioinformatics* 25:i161–i168): to the 250 highest, at
    most a quarter of them, and to 10 fewer until Anderson and Darling's test does not reject it at
    .05; with fewer than 50 there is no p-value. Else it is `permutation_p`.

    Unlike theirs the p-value is an upper bound: the greatest tail probability among all tails with
    ξ ≥ 0 whose likelihood, together with the binomial one of the share above the threshold, is
    within the 95 % bound of the best such. A tail with ξ < 0 ends at a greatest score; such tails
    fit most nulls of AUCs best, but understate what is beyond. Held to ξ ≥ 0 the bound is far above
    the truth where the null ends, and for tails heavier than exponential, which those of AUCs are
    not, it is no 95 % bound.

    Args:
        score: The score of the search on the samples as they are; NaN if it found nothing.
        null: Shape (P,): the scores of the searches on permuted samples. NaN, a search that found
            nothing, is lower than every score.
        tail: ``ParetoTail.of(null)``, to spare fitting it again for another score; None to fit.

    Returns:
        *Extrapolated*: NaN for a NaN score.

    Examples:
        >>> null = np.random.default_rng(0).exponential(size=1000)
        >>> outcome = extrapolated_p(14.0, null)  # exp(−14) is 8e-7.
        >>> f"{outcome.p_value:.0e}", round(outcome.fit_p, 2)
        ('1e-04', 0.38)
    """
    permuted = np.asarray(null, dtype=np.float64)
    if math.isnan(score):
        return Extrapolated(math.nan, math.nan)
    if np.count_nonzero(permuted >= score) >= ENOUGH_EXCEEDANCES:
        return Extrapolated(permutation_p(score, permuted), math.nan)
    tail = ParetoTail.of(permuted) if tail is None else tail
    if tail is None:
        return Extrapolated(math.nan, math.nan)
    return Extrapolated(tail.upper_bound(score), tail.fit_p)


def _upper_edge(
    excesses: NDArray[np.float64], n_permutations: int, shape: float, scale: float
) -> NDArray[np.float64]:
    """Return the edge of the likelihood region on which every tail probability is greatest.

    A tail probability grows with σ and with the share above the threshold, so that for each ξ and
    each part of the allowed drop that goes to ξ and σ, only the greatest σ and share matter.
    """
    n_excesses = len(excesses)
    if shape < 0.0:
        shape, scale = 0.0, float(excesses.mean())
    most = (1.0 + shape) * float(log_survival(excesses, shape, scale).sum())
    most -= n_excesses * math.log(scale)
    # A coarse grid finds the greatest ξ of the region. Deep in the tail the bound is near it, and
    # the points of the second grid crowd there.
    coarse = np.linspace(shape, shape + 4.0 * (1.0 + shape) / math.sqrt(n_excesses), 17)
    roots = np.sqrt(np.maximum(most - _likelihoods(excesses, coarse)[1].max(axis=1), 0.0))
    greatest = float(np.interp(math.sqrt(_DROP), roots, coarse))
    shapes = greatest * np.sin(np.linspace(0.0, np.pi / 2.0, _N_SHAPES))
    log_scales, likelihoods = _likelihoods(excesses, shapes)
    drops = most - likelihoods
    share = n_excesses / n_permutations
    edge = []
    for shape_of_row, log_scales_of_row, drops_of_row in zip(
        shapes, log_scales, drops, strict=True
    ):
        best = int(np.argmin(drops_of_row))
        # The root of the drop is nearly linear in log σ, hence safely interpolated.
        roots = np.sqrt(np.maximum(drops_of_row[best:], 0.0))
        for drop in np.linspace(0.0, _DROP, _N_DROPS):
            if roots[0] ** 2 <= drop:
                log_scale = np.interp(math.sqrt(drop), roots, log_scales_of_row[best:])
                error = math.sqrt(2.0 * (_DROP - drop) * (1.0 - share) / n_excesses)
                edge.append((shape_of_row, log_scale, math.log(share) + error))
    return np.array(edge).T


def _likelihoods(
    excesses: NDArray[np.float64], shapes: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return log σ around the best of each ξ ≥ 0, shape (x, s), and the log-likelihoods there."""
    # σ(1 + ξ) is near the mean; log σ then has a standard error of √((1 + 2ξ)/n).
    best = np.log(excesses.mean() / (1.0 + shapes))[:, None]
    reach = 5.0 * np.sqrt((1.0 + 2.0 * shapes)[:, None] / len(excesses))
    log_scales = best + reach * np.linspace(-1.0, 1.0, _N_SCALES)
    # As good as 0, where the logarithm's argument is 1 within its precision.
    curved = np.maximum(shapes, 1e-8)[:, None]
    reaches = (curved / np.exp(log_scales))[:, :, None] * excesses
    fitted = np.log1p(reaches, out=reaches).sum(axis=2)
    return log_scales, -(1.0 + 1.0 / curved) * fitted - len(excesses) * log_scales

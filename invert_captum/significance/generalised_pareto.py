"""The generalised Pareto distribution: fit by likelihood, and whether it fits.

Pr(Z > z) = (1 + ξ z/σ)^(−1/ξ), for ξ → 0 exp(−z/σ): what exceedances over a high threshold tend to
(Pickands 1975). SciPy's `genpareto.fit` finds the same fit, but more slowly.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaincc

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Below ξ = −½ the likelihood has no information bound and grows without limit below −1.
_LEAST_SHAPE = -0.5
_SHAPE_OF_EXPONENTIAL = 1e-8
# The quadrature points of the goodness of fit.
_N_POINTS = 100


def fit_pareto(excesses: NDArray[np.float64]) -> tuple[float, float]:
    """Return shape ξ and scale σ of the greatest likelihood with ξ ≥ −½.

    For fixed θ = ξ/σ the best ξ is the mean of log(1 + θz), so that only θ is searched (Grimshaw
    1993, "Computing maximum likelihood estimates for the generalized Pareto distribution",
    *Technometrics* 35:185–191).

    Args:
        excesses: Shape (n,), at least 0, not all 0.

    Returns:
        *tuple*: ξ and σ.

    Examples:
        >>> from scipy.stats import genpareto
        >>> shape, scale = fit_pareto(genpareto.ppf((np.arange(500) + 0.5) / 500, 0.2, scale=3.0))
        >>> round(shape, 2), round(scale, 2)
        (0.2, 3.01)
    """
    mean, greatest = float(excesses.mean()), float(excesses.max())
    lowest = -1.0 / greatest
    # θ from −1/max, where the distribution ends at the greatest excess, to far beyond ξ = 1.
    thetas = np.concatenate(
        [np.linspace(lowest * (1.0 - 1e-9), 0.0, 200), np.geomspace(1e-4, 20.0, 100) / mean]
    )
    for _ in range(5):
        shapes = np.log1p(np.outer(thetas, excesses)).mean(axis=1)
        flat = np.abs(thetas) * greatest < _SHAPE_OF_EXPONENTIAL
        scales = np.where(flat, mean, shapes / np.where(flat, 1.0, thetas))
        likelihoods = np.where(shapes >= _LEAST_SHAPE, -np.log(scales) - shapes, -np.inf)
        best = int(np.argmax(likelihoods))
        shape, scale = float(shapes[best]), float(scales[best])
        thetas = np.linspace(thetas[max(best - 1, 0)], thetas[min(best + 1, len(thetas) - 1)], 40)
    return shape, scale


def log_survival(
    excesses: NDArray[np.float64] | float,
    shapes: NDArray[np.float64] | float,
    scales: NDArray[np.float64] | float,
) -> NDArray[np.float64]:
    """Return log Pr(Z > z), broadcast over the arguments; −∞ beyond the end of the distribution."""
    shapes = np.asarray(shapes, dtype=np.float64)
    curved = np.where(np.abs(shapes) < _SHAPE_OF_EXPONENTIAL, _SHAPE_OF_EXPONENTIAL, shapes)
    reach = np.asarray(excesses) / np.asarray(scales)
    with np.errstate(divide="ignore"):
        return np.asarray(-np.log1p(np.maximum(curved * reach, -1.0)) / curved)


def pareto_fit_p(excesses: NDArray[np.float64], shape: float, scale: float) -> float:
    """Test whether the excesses are from the generalised Pareto distribution fitted to them.

    Anderson and Darling's A², with the limit distribution that it has where both parameters are
    estimated (Choulakian and Stephens 2001, "Goodness-of-fit tests for the generalized Pareto
    distribution", *Technometrics* 43:478–484): Σ λ χ²₁ with λ the eigenvalues of the covariance of
    the fitted empirical process. Instead of their table, Pearson's three-moment χ² approximation
    is taken from Σλ, Σλ² and Σλ³ at the fitted shape.

    Args:
        excesses: Shape (n,), at least 0.
        shape: ξ as fitted,
        scale: and σ.

    Returns:
        *float*: the p-value; small where the fit is bad, 0 where an excess is impossible under it.
    """
    log_above = log_survival(np.sort(excesses), shape, scale)
    if log_above[0] >= 0.0 or math.isinf(log_above[-1]):
        return 0.0
    log_below = np.log(-np.expm1(log_above))
    weights = 2.0 * np.arange(1, len(excesses) + 1) - 1.0
    statistic = -len(excesses) - float(np.mean(weights * (log_below + log_above[::-1])))
    covariance = _fitted_process_covariance(max(shape, _LEAST_SHAPE + 0.01))
    squared = covariance @ covariance
    # Σλ, 2Σλ² and 8Σλ³ are the mean, the variance and the third central moment of A².
    mean, variance = np.trace(covariance), 2.0 * np.trace(squared)
    third = 8.0 * np.sum(squared * covariance)
    freedom = 8.0 * variance**3 / third**2
    standardised = (statistic - mean) / math.sqrt(variance)
    half = 0.5 * (freedom + standardised * math.sqrt(2.0 * freedom))
    return float(gammaincc(0.5 * freedom, max(half, 0.0)))


def _fitted_process_covariance(shape: float) -> NDArray[np.float64]:
    """Return the covariance of A²'s process at quadrature points, weighted so that λ are A²'s.

    It is min(s, t) − st − g(s)ᵀ I⁻¹ g(t), divided by √(s(1−s)t(1−t)): g holds the derivatives of
    the distribution function by ξ and σ at the quantile t, I the information of one excess.
    """
    angle = np.pi * (np.arange(_N_POINTS) + 0.5) / _N_POINTS
    # The points crowd at 0 and 1, where the weight 1 / (t(1 − t)) is great.
    t, width = 0.5 * (1.0 - np.cos(angle)), 0.5 * np.sin(angle) * np.pi / _N_POINTS
    log_u = np.log1p(-t)
    if abs(shape) < 1e-3:
        # The series to ξ, because the closed forms subtract nearly equal numbers.
        by_scale = log_u + shape * log_u**2 / 2.0
        by_shape = -(log_u**2) / 2.0 - shape * log_u**3 / 6.0
    else:
        growth = np.expm1(shape * log_u)
        by_scale = growth / shape
        by_shape = log_u / shape - growth / shape**2
    gradient = (1.0 - t) * np.stack([by_shape, by_scale])
    cross = 1.0 / ((1.0 + shape) * (1.0 + 2.0 * shape))
    information = np.array([[2.0 * cross, cross], [cross, 1.0 / (1.0 + 2.0 * shape)]])
    covariance = np.minimum.outer(t, t) - np.outer(t, t)
    covariance -= gradient.T @ np.linalg.solve(information, gradient)
    weight = np.sqrt(width / (t * (1.0 - t)))
    return np.asarray(covariance * np.outer(weight, weight))

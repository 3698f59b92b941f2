"""The variance of an AUC after DeLong, from the placements of its samples.

The *placement* of a positive is the share of the negatives below it, that of a negative the share
of the positives above it; ties count one half. The mean of either is the AUC.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from invert_captum.significance.separation import weighted_sum

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from invert_captum.significance.separation import Separation


def placements(separation: Separation) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what the placement of a sample with each activation is.

    Args:
        separation: g different activations of n₁ positives and n₀ negatives, both at least one.

    Returns:
        *tuple* of two float64 arrays of shape (g,): for a positive, (negatives below + ½ tied)/n₀;
        for a negative, (positives above + ½ tied)/n₁.

    Examples:
        >>> from invert_captum.significance.separation import Separation
        >>> placements(Separation.of([0.0, 0.0, 1.0, 2.0], [True, False, False, True]))
        (array([0.25, 0.75, 1.  ]), array([0.75, 0.5 , 0.25]))
    """
    positives, negatives = separation.positives, separation.negatives
    # Whole numbers until the division, so that no placement depends on the order of a sum.
    below = 2 * np.cumsum(negatives) - negatives
    above = 2 * (separation.n_positive - np.cumsum(positives)) + positives
    return below / (2 * separation.n_negative), above / (2 * separation.n_positive)


def squared_deviations(separation: Separation, centers: tuple[float, float]) -> tuple[float, float]:
    """Return Σ(placement − center)² over the positives and over the negatives."""
    of_positives, of_negatives = placements(separation)
    return (
        weighted_sum(separation.positives, (of_positives - centers[0]) ** 2),
        weighted_sum(separation.negatives, (of_negatives - centers[1]) ** 2),
    )


def delong_components(separation: Separation) -> tuple[float, float]:
    """Return the variances of the placements among the positives and among the negatives.

    S₁₀ and S₀₁ of DeLong, DeLong and Clarke-Pearson (1988), *Biometrics* 44:837, in time
    proportional to the different activations (as Sun and Xu 2014, *IEEE Signal Processing Letters*
    21:1389, found possible after a sort).

    Args:
        separation: The samples with and without the concept.

    Returns:
        *tuple* of two floats: S₁₀ and S₀₁; NaN for a kind with fewer than two samples, and both NaN
        if a kind has none.

    Examples:
        >>> from invert_captum.significance.separation import Separation
        >>> delong_components(Separation.of([3.0, 1.0, 2.0, 0.0], [True, True, False, False]))
        (0.125, 0.125)
    """
    n_positive, n_negative = separation.n_positive, separation.n_negative
    if n_positive == 0 or n_negative == 0:
        return float("nan"), float("nan")
    of_positives, of_negatives = squared_deviations(separation, (separation.auc, separation.auc))
    return (
        of_positives / (n_positive - 1) if n_positive > 1 else float("nan"),
        of_negatives / (n_negative - 1) if n_negative > 1 else float("nan"),
    )


def delong_variance(separation: Separation) -> float:
    """Return DeLong's variance of the AUC: S₁₀/n₁ + S₀₁/n₀.

    Args:
        separation: The samples with and without the concept.

    Returns:
        *float*: NaN with fewer than two samples of either kind; 0 at AUC 0 and 1, which does not
        mean that the AUC is known (see `auc_interval`).

    Source:
        DeLong, DeLong and Clarke-Pearson (1988), *Biometrics* 44:837.

    Examples:
        >>> from invert_captum.significance.separation import Separation
        >>> delong_variance(Separation.of([3.0, 1.0, 2.0, 0.0], [True, True, False, False]))
        0.125
    """
    of_positives, of_negatives = delong_components(separation)
    n_positive, n_negative = separation.n_positive, separation.n_negative
    if n_positive == 0 or n_negative == 0:
        return float("nan")
    return of_positives / n_positive + of_negatives / n_negative

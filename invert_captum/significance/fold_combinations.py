"""One p-value from the folds of a cross-fitting, valid though the folds' p-values are dependent.

Each fold is tested with a formula that was searched on others. Any two formulas are searched on
samples that overlap, and one's samples are the other's test, so the p-values depend on each other.
Fisher's and Stouffer's combinations are for independent ones and reject too often here.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import log_ndtr, logsumexp, ndtri_exp

from invert_captum._validation import check_choice

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

FOLD_COMBINATIONS = ("minimum", "mean", "median", "forward_stouffer")
# Plain Stouffer is among them, because permutations calibrate whatever the folds' dependence is.
FOLD_STATISTICS = ("minimum", "mean", "median", "stouffer")

_LN_10 = math.log(10.0)


def combine_folds(log10_p: ArrayLike, method: str) -> NDArray[np.float64]:
    """Combine the p-values of the folds of each neuron into one.

    - ``"minimum"``: K · min p (Bonferroni).
    - ``"mean"``: 2 · mean p (Rüschendorf 1982; Vovk and Wang 2020, "Combining p-values via
      averaging", *Biometrika* 107:791–808).
    - ``"median"``: 2 · p₍ₘ₎, m = ⌈K/2⌉, for even K the lower of the two in the middle
      (Meinshausen, Meier and Bühlmann 2009, "p-Values for high-dimensional regression", *JASA*
      104:1671–1681, eq. 2.2 with γ = ½). p₍ₘ₎ ≤ a/2 takes m of the K p-values at most a/2, and
      by Markov's inequality that has probability at most (K/m)(a/2) ≤ a.
    - ``"forward_stouffer"``: Φ(Σ Φ⁻¹(p) / √K). Only for p-values of *forward* folds, each tested
      with a formula searched on the folds before it; those are independent for noise.

    The first three hold for p-values of any dependence.

    Args:
        log10_p: Shape (K,) or (d, K): log10 of the one-sided p-values, at most 0. A fold whose
            formula has no positives or no negatives there has p = 1, log10 p = 0; with
            ``"forward_stouffer"`` a single p = 1 makes the whole 1. NaN, a fold without a
            formula, counts as p = 1, and for ``"forward_stouffer"`` is left out; whether there is
            a formula must not depend on that fold's activations then.
        method: One of `FOLD_COMBINATIONS`.

    Returns:
        *numpy.ndarray* of float64, shape () or (d,): log10 of the combined p-values, at most 0;
        NaN where all folds are.

    Raises:
        ValueError: If ``method`` is another, there are no folds, or a log10 p is above 0 or −∞.

    Examples:
        >>> combine_folds([-5000.0, -1.0, 0.0], "minimum")
        array(-4999.52287875)
        >>> combine_folds([[-3.0, -2.0, -1.0], [0.0, 0.0, -1.0]], "median").round(4)
        array([-1.699,  0.   ])
    """
    if method in ("stouffer", "fisher"):
        valid = ", ".join(repr(name) for name in FOLD_COMBINATIONS)
        raise ValueError(
            f"method is {method!r}, which is for independent p-values: those of folds that are "
            "searched on each other's samples are dependent, and it would reject too often; "
            f"expected one of {valid}, or Stouffer's statistic calibrated by permutation"
        )
    check_choice("method", method, FOLD_COMBINATIONS)
    values = np.asarray(log10_p, dtype=np.float64)
    if values.ndim not in (1, 2) or values.shape[-1] == 0:
        raise ValueError(f"log10_p has shape {values.shape}; expected (K,) or (d, K), K at least 1")
    if (values > 0).any() or np.isneginf(values).any():
        raise ValueError(
            f"log10_p goes from {np.nanmin(values)} to {np.nanmax(values)}; expected finite "
            "numbers of at most 0"
        )
    missing = np.isnan(values)
    if method == "forward_stouffer":
        combined = _stouffer(values)
    else:
        combined = _dependent(np.where(missing, 0.0, values), method)
    return np.where(missing.all(axis=-1), np.nan, np.minimum(combined, 0.0))


def _dependent(log10_p: NDArray[np.float64], method: str) -> NDArray[np.float64]:
    n_folds = log10_p.shape[-1]
    if method == "minimum":
        return np.asarray(log10_p.min(axis=-1) + math.log10(n_folds))
    if method == "mean":
        return np.asarray(math.log10(2.0) + _log_mean(log10_p * _LN_10) / _LN_10)
    middle = (n_folds + 1) // 2 - 1
    return np.asarray(np.sort(log10_p, axis=-1)[..., middle] + math.log10(2.0))


def _stouffer(log10_p: NDArray[np.float64]) -> NDArray[np.float64]:
    tested = ~np.isnan(log10_p)
    z = np.where(tested, -ndtri_exp(np.where(tested, log10_p, -1.0) * _LN_10), 0.0)
    n_tested = np.maximum(tested.sum(axis=-1), 1)
    return np.asarray(log_ndtr(-z.sum(axis=-1) / np.sqrt(n_tested)) / _LN_10)


def fold_statistic(z: ArrayLike, method: str) -> NDArray[np.float64]:
    """Summarise the z-scores of the folds, larger for more evidence, to calibrate by permutation.

    These are no p-values. Computed alike for the samples as they are and for permuted ones, and
    compared by `permutation_p`, each is exact however the folds depend on each other.

    - ``"stouffer"``: Σ z / √K.
    - ``"minimum"``: max z, the fold of the least p.
    - ``"mean"``: −log10 of the mean of p = Φ(−z).
    - ``"median"``: the median of z.

    Args:
        z: Shape (…, K): the z-score of each fold, positive where the formula separates in its
            direction. NaN, a fold without a formula or without positives or negatives, counts as
            0: no evidence for either side.
        method: One of `FOLD_STATISTICS`.

    Returns:
        *numpy.ndarray* of float64, shape (…): NaN where all folds are.

    Raises:
        ValueError: If ``method`` is another, there are no folds, or a z is infinite.

    Examples:
        >>> fold_statistic([[3.0, 0.0, 0.0, 1.0], [1.0, 1.0, 1.0, 1.0]], "stouffer")
        array([2., 2.])
    """
    check_choice("method", method, FOLD_STATISTICS)
    values = np.asarray(z, dtype=np.float64)
    if values.ndim == 0 or values.shape[-1] == 0:
        raise ValueError(f"z has shape {values.shape}; expected (…, K), K at least 1")
    if np.isinf(values).any():
        raise ValueError("z has infinite values; expected finite ones, or NaN")
    missing = np.isnan(values)
    known = np.where(missing, 0.0, values)
    if method == "stouffer":
        statistic = known.sum(axis=-1) / math.sqrt(values.shape[-1])
    elif method == "minimum":
        statistic = known.max(axis=-1)
    elif method == "mean":
        statistic = -_log_mean(log_ndtr(-known)) / _LN_10
    else:
        statistic = np.median(known, axis=-1)
    return np.where(missing.all(axis=-1), np.nan, statistic)


def _log_mean(log_p: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(logsumexp(log_p, axis=-1) - math.log(log_p.shape[-1]))

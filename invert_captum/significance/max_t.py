"""Max-T: p-values adjusted for all neurons together, on permutations that all of them share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def westfall_young(
    scores: ArrayLike, null: ArrayLike, *, standardise: bool, step_down: bool = True
) -> NDArray[np.float64]:
    """Adjust p-values by the distribution of the greatest score under permutation.

    Single-step: p_j = (1 + #{π: max_k T_k(π) ≥ T_j}) / (1 + P). Step-down: the maximum runs only
    over the neurons with scores not above T_j, and p never falls from one neuron to the next
    lower one (Westfall and Young 1993, *Resampling-Based Multiple Testing*, section 2.6 and
    algorithm 4.1). Both hold the chance of any false discovery at α, whatever the dependence of
    the neurons: single-step where no neuron is related to the concepts, step-down also where
    some are, if the permuted scores of the others do not depend on these.

    With ``standardise`` each neuron's scores become (T − mean) / sd of its own P permuted scores
    *and* the observed one, so that neurons with wide null distributions do not hide the others.
    The observed score is among them because otherwise it would not be exchangeable with the
    permuted ones, and the test not exact.

    Args:
        scores: Shape (d,): the scores of the searches on the samples as they are. NaN, nothing
            found, is left out of the family. That keeps the test exact because whether a search
            finds anything does not depend on the order of the samples.
        null: Shape (P, d): row π holds the scores of all neurons under permutation π, the same
            for all. NaN counts as lower than every score.
        standardise: Whether to standardise each neuron's scores. One whose scores are all equal
            can then not be significant; its p is 1.
        step_down: Whether to step down; never larger than single-step.

    Returns:
        *numpy.ndarray* of float64, shape (d,): adjusted p-values in (0, 1], NaN where the score
        is. Besides the input it takes memory for P + d numbers only.

    Raises:
        ValueError: If the shapes do not fit.

    Examples:
        >>> null = np.array([[0.5, 0.6], [0.7, 0.4], [0.6, 0.6], [0.5, 0.5]])
        >>> westfall_young([0.6, 0.9], null, standardise=False, step_down=True)
        array([0.6, 0.2])
    """
    observed = np.array(scores, dtype=np.float64)
    permuted = np.asarray(null, dtype=np.float64)
    if observed.ndim != 1 or permuted.ndim != 2 or permuted.shape[1] != len(observed):
        raise ValueError(
            f"scores has shape {observed.shape} and null {permuted.shape}; expected (d,) and "
            "(P, d), a column a neuron"
        )
    family = np.flatnonzero(~np.isnan(observed))
    centres, spreads = np.zeros(len(observed)), np.ones(len(observed))
    if standardise:
        for neuron in family:
            centre, spread = _centre_and_spread(observed[neuron], permuted[:, neuron])
            centres[neuron], spreads[neuron] = centre, spread
            observed[neuron] = _standardised(observed[neuron], centre, spread)
    order = family[np.argsort(observed[family], kind="stable")]
    greatest = np.full(len(permuted), -np.inf)
    counts = np.zeros(len(observed))
    for neuron in order:
        column = _standardised(permuted[:, neuron], centres[neuron], spreads[neuron])
        # `fmax` passes over NaN.
        np.fmax(greatest, column, out=greatest)
        counts[neuron] = np.count_nonzero(greatest >= observed[neuron])
    if not step_down:
        ordered = np.sort(greatest)
        counts = len(ordered) - np.searchsorted(ordered, observed, side="left").astype(np.float64)
    adjusted = np.full(len(observed), np.nan)
    # From the highest score down; for single-step the counts are in that order already.
    adjusted[order[::-1]] = np.maximum.accumulate(counts[order[::-1]])
    return (1.0 + adjusted) / (1.0 + len(permuted))


def _centre_and_spread(score: float, null: NDArray[np.float64]) -> tuple[float, float]:
    """Return mean and standard deviation of the scores; spread 0 if all are equal.

    The scores are sorted first, so that rounding depends on the set of scores alone: a neuron and
    another one with the same scores in another order keep exact ties.
    """
    together = np.sort(np.append(null[~np.isnan(null)], score))
    if together[0] == together[-1]:
        # The rounded mean may differ from it, and leave a spread that is not 0.
        return float(together[0]), 0.0
    return float(together.mean()), float(together.std())


def _standardised(
    values: NDArray[np.float64] | float, centre: float, spread: float
) -> NDArray[np.float64]:
    if spread == 0.0:
        return np.where(np.isnan(values), np.nan, -np.inf)
    return np.asarray((np.asarray(values) - centre) / spread)

"""Scores of a separation beside ROC-AUC: how well activations tell two kinds of samples apart.

AUC weighs the positives and the negatives alike, however rare the positives are, so that a label
that covers half of what a neuron responds to may score as high as the right one. The scores here
are more demanding, each in its own way.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np

from invert_captum._validation import check_choice
from invert_captum.significance.separation import Separation, weighted_sum

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

SIGNS = ("positive", "negative", "absolute_value")


def average_precision(separation: Separation) -> float:
    """Return the mean precision over the positives: Σ (Rᵢ − Rᵢ₋₁)·Pᵢ over falling thresholds.

    Equals ``sklearn.metrics.average_precision_score``, ties included.

    Args:
        separation: g different activations and their counts.

    Returns:
        *float* in (0, 1]: 1 if every positive is above every negative; near the share of positives
        if activations are random. NaN without positives or negatives.

    Source:
        Boyd, Eng and Page, "Area under the precision-recall curve", ECML PKDD 2013 (the
        non-interpolated estimator).

    Examples:
        >>> average_precision(Separation.of([0.0, 1.0, 2.0, 3.0], [False, True, False, True]))
        0.8333...
    """
    if _one_sided(separation):
        return math.nan
    hits, false_alarms = _above(separation)
    precision = hits / (hits + false_alarms)
    return weighted_sum(separation.positives[::-1], precision) / separation.n_positive


def f1(separation: Separation) -> float:
    """Return the best F1 score, 2·TP/(2·TP + FP + FN), of all rules "activation ≥ threshold".

    Equals the maximum over ``sklearn.metrics.precision_recall_curve``. The threshold is chosen on
    the samples that are scored, so that random activations reach about twice the share of
    positives or more.

    Args:
        separation: g different activations and their counts.

    Returns:
        *float* in (0, 1]; NaN without positives or negatives.

    Source:
        Van Rijsbergen, *Information Retrieval*, 1979, chapter 7.

    Examples:
        >>> f1(Separation.of([0.0, 1.0, 2.0, 3.0], [False, True, False, True]))
        0.8
    """
    if _one_sided(separation):
        return math.nan
    hits, false_alarms = _above(separation)
    return float(np.max(2 * hits / (hits + false_alarms + separation.n_positive)))


def jaccard(separation: Separation) -> float:
    """Return the best Jaccard index (IoU), TP/(TP + FP + FN), of all such rules as in `f1`.

    The best threshold is the one of `f1`, because the index is F1/(2 − F1).

    Args:
        separation: g different activations and their counts.

    Returns:
        *float* in (0, 1]; NaN without positives or negatives.

    Source:
        Bau et al., "Network Dissection", CVPR 2017 (IoU of a thresholded neuron and a concept; here
        the threshold is the best one instead of a fixed quantile).

    Examples:
        >>> jaccard(Separation.of([0.0, 1.0, 2.0, 3.0], [False, True, False, True]))
        0.666...
    """
    if _one_sided(separation):
        return math.nan
    hits, false_alarms = _above(separation)
    return float(np.max(hits / (false_alarms + separation.n_positive)))


def correlation(separation: Separation) -> float:
    """Return the point-biserial correlation: Pearson's, of the activations and the 0/1 label.

    Equals ``scipy.stats.pointbiserialr``.

    Args:
        separation: g different activations and their counts.

    Returns:
        *float* in [−1, 1]; NaN without positives or negatives, or where all activations are equal.

    Source:
        Tate, "Correlation between a discrete and a continuous variable", *Annals of Mathematical
        Statistics* 25, 1954.

    Examples:
        >>> correlation(Separation.of([0.0, 1.0, 1.0, 2.0], [False, False, True, True]))
        0.707...
    """
    if _one_sided(separation) or len(separation.values) < 2:
        return math.nan
    values = _scaled(separation)
    total = separation.positives + separation.negatives
    n = int(total.sum())
    difference = _mean(values, separation.positives) - _mean(values, separation.negatives)
    share = separation.n_positive * separation.n_negative / n**2
    r = difference * math.sqrt(share / (_squares(values, total) / n))
    return min(max(r, -1.0), 1.0)


def standardised_mean_difference(separation: Separation) -> float:
    """Return (mean₁ − mean₀)/std₀, with the standard deviation of the samples without the concept.

    The standard deviation is the sample one (n₀ − 1), as in the released code of CoSy. That code
    returns 0 where the deviation is 0; here it is NaN, because nothing was measured.

    Args:
        separation: g different activations and their counts.

    Returns:
        *float*: in standard deviations, without bounds; NaN without positives, or where the
        activations of the negatives are all equal, as far as float64 tells them apart beside the
        positives, or there are fewer than two.

    Source:
        Kopf et al., "CoSy: Evaluating Textual Explanations of Neurons", NeurIPS 2024 (mean
        activation difference, MAD).

    Examples:
        >>> standardised_mean_difference(
        ...     Separation.of([0.0, 1.0, 2.0, 3.0, 5.0], [False, False, False, True, True])
        ... )
        3.0
    """
    if _one_sided(separation) or np.count_nonzero(separation.negatives) < 2:
        return math.nan
    # About the negatives, so that they stay different beside positives that are far away.
    values = _shrunk(separation.values)
    values = values - _mean(values, separation.negatives)
    difference = _mean(values, separation.positives) - _mean(values, separation.negatives)
    variance = _squares(values, separation.negatives) / (separation.n_negative - 1)
    # Squares underflow where the positives are more than 1e150 times as far.
    return difference / math.sqrt(variance) if variance > 0.0 else math.nan


SCORES: dict[str, Callable[[Separation], float]] = {
    "average_precision": average_precision,
    "f1": f1,
    "jaccard": jaccard,
    "correlation": correlation,
    "standardised_mean_difference": standardised_mean_difference,
}
"""The scores beside AUC by name; each takes a `Separation` and costs O(g)."""


def score_separation(
    separation: Separation,
    name: str,
    *,
    sign: Literal["positive", "negative", "absolute_value"] = "positive",
) -> float:
    """Return one score of a separation, in the direction in which the neuron is read.

    Args:
        separation: g different activations and their counts.
        name: One of `SCORES`.
        sign: ``"positive"`` if high activations stand for the concept, ``"negative"`` if low ones
            do: the activations are then negated; ``"absolute_value"`` if the AUC decides: they are
            negated where it is below one half.

    Returns:
        *float*: the score; NaN where it is not defined.

    Raises:
        ValueError: If there is no score or no sign of this name.

    Examples:
        >>> separation = Separation.of([0.0, 1.0, 2.0, 3.0], [True, True, False, False])
        >>> score_separation(separation, "f1", sign="negative")
        1.0
    """
    check_choice("name", name, SCORES)
    return SCORES[name](oriented(separation, sign))


def oriented(
    separation: Separation, sign: Literal["positive", "negative", "absolute_value"]
) -> Separation:
    """Return a separation in which high activations stand for the concept.

    Raises:
        ValueError: If there is no sign of this name.

    Examples:
        >>> oriented(Separation.of([0.0, 1.0], [True, False]), "negative").positives
        array([0, 1])
    """
    check_choice("sign", sign, SIGNS)
    n_pairs = separation.n_positive * separation.n_negative
    if sign == "positive" or (sign == "absolute_value" and separation.doubled_u >= n_pairs):
        return separation
    return Separation(
        -separation.values[::-1], separation.positives[::-1], separation.negatives[::-1]
    )


def _one_sided(separation: Separation) -> bool:
    return separation.n_positive == 0 or separation.n_negative == 0


def _above(separation: Separation) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how many positives and negatives reach each activation, the highest one first."""
    return np.cumsum(separation.positives[::-1]), np.cumsum(separation.negatives[::-1])


def _scaled(separation: Separation) -> NDArray[np.float64]:
    """Return the activations, moved near zero and scaled so that squares stay within range.

    The scale is a power of two, so that different activations remain different.
    """
    values = _shrunk(separation.values)
    return np.asarray(values - values[len(values) // 2], dtype=np.float64)


def _shrunk(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the activations scaled into [−1, 1]."""
    _, exponent = np.frexp(np.abs(values).max())
    return np.asarray(np.ldexp(values, -exponent), dtype=np.float64)


def _mean(values: NDArray[np.float64], counts: NDArray[np.int64]) -> float:
    return weighted_sum(counts, values) / float(counts.sum())


def _squares(values: NDArray[np.float64], counts: NDArray[np.int64]) -> float:
    """Return the sum of squared distances from the mean."""
    return weighted_sum(counts, (values - _mean(values, counts)) ** 2)

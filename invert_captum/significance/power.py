"""Power: how many positives a concept needs before a neuron can be found significant."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import betainc, comb, ndtri, owens_t
from scipy.stats import hypergeom

from invert_captum._validation import check_choice, check_fraction, check_integer, shown

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from invert_captum.significance.mann_whitney import Alternative

# With more on the smaller side the critical value is that of the expansion.
_EXACT_UP_TO = 20

# With more pairs the larger side is cut to so many, and the critical value taken over in standard
# deviations from the mean.
_MAX_PAIRS = 100_000

# Counts of held-out positives further than this from the mean have a probability below 1e-14.
_DEVIATIONS = 8


def required_positives(
    auc: float,
    alpha: float,
    n_samples: int,
    n_neurons: int = 1,
    *,
    power: float = 0.8,
    holdout_fraction: float | None = 0.5,
    alternative: Alternative = "greater",
) -> int:
    """Return how many samples must show a concept before a neuron's label can be found significant.

    The neuron is continuous, with normal activations of equal variance with and without the
    concept, and its AUC with the concept is ``auc``. The test is the rank-sum test on the held-out
    samples at the Bonferroni level ``alpha / n_neurons``; Holm's correction needs no more. The
    search is taken to have found the concept: that it may find another one is not counted. The
    number of held-out positives is hypergeometric, as in a split of single samples.

    Args:
        auc: In (0.5, 1], for ``alternative="less"`` in [0, 0.5), for ``"two-sided"`` either.
        alpha: The level of the whole family, in (0, 1).
        n_samples: The number of all samples, at least 4.
        n_neurons: How many neurons are tested.
        power: The probability with which the test is to succeed, in (0, 1).
        holdout_fraction: The share of samples that are held out, in (0, 1). None for a test on all
            of them: that is right for a concept chosen beforehand. A label that the search chose
            from the same samples needs more, and a permutation test, to be called significant.
        alternative: ``"greater"``, ``"less"`` or ``"two-sided"``.

    Returns:
        *int*: the least number of positives, of all samples.

    Raises:
        TypeError: If an argument has a wrong type.
        ValueError: If an argument is out of range, or no number of positives reaches this power;
            the message gives the greatest that can be reached.

    Source:
        The critical value is exact up to 20 positives, then the Edgeworth expansion of Fix and
        Hodges (*Annals of Mathematical Statistics* 26, 1955); the AUC under the alternative has a
        beta distribution with its exact variance (Hanley and McNeil, *Radiology* 143, 1982, with
        the binormal Q₁ = Q₂).

    Examples:
        >>> required_positives(0.75, 0.05, 2000)
        16
        >>> required_positives(0.75, 0.05, 2000, n_neurons=1000)
        57
    """
    samples = check_integer("n_samples", n_samples, minimum=4)
    wanted = check_fraction("power", power, open_interval=True)
    level = check_fraction("alpha", alpha, open_interval=True)
    level /= check_integer("n_neurons", n_neurons, minimum=1)
    strength = _one_sided_auc(auc, alternative)
    if alternative == "two-sided":
        level /= 2
    n_tested = samples
    if holdout_fraction is not None:
        share = check_fraction("holdout_fraction", holdout_fraction, open_interval=True)
        n_tested = min(math.ceil(share * samples), samples - 1)

    def reaches(n_positives: int) -> float:
        return _expected_power(strength, n_positives, samples, n_tested, level)

    too_few, enough = 0, samples // 2
    if reaches(enough) < wanted:
        raise ValueError(
            f"no number of positives among {samples:,} samples reaches power={power} for "
            f"auc={auc} at the level {alpha} over {n_neurons:,} neurons: with {n_tested:,} tested "
            f"samples the greatest power is {reaches(enough):.3g}, with {enough:,} positives"
        )
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        too_few, enough = (too_few, middle) if reaches(middle) >= wanted else (middle, enough)
    return enough


def rank_sum_power(
    auc: float, n_positives: ArrayLike, n_negatives: ArrayLike, level: float
) -> NDArray[np.float64]:
    """Return the power of the one-sided rank-sum test for a neuron of normal activations.

    Args:
        auc: In [0.5, 1].
        n_positives: The numbers of tested samples with the concept, any shape,
        n_negatives: and of those without it, of a shape that broadcasts.
        level: The p-value at which a test succeeds, in (0, 1).

    Returns:
        *numpy.ndarray* of float64: the probability that p ≤ ``level``. It is 0 where even a perfect
        order has a larger p, 1/C(n, n₁), and where there are no positives or no negatives.

    Source:
        As for `required_positives`.

    Examples:
        >>> rank_sum_power(0.8, [1, 10, 100], 900, 0.001).round(2)
        array([0.  , 0.67, 1.  ])
        >>> rank_sum_power(1.0, [1, 2, 3], 10, 0.01)
        array([0., 0., 1.])
    """
    positives, negatives = np.broadcast_arrays(
        np.asarray(n_positives, dtype=np.int64), np.asarray(n_negatives, dtype=np.int64)
    )
    n_pairs = positives.astype(np.float64) * negatives
    possible = n_pairs > 0
    pairs = np.where(possible, n_pairs, 1.0)
    needed = np.where(possible, _critical_u(positives, negatives, level), np.inf)
    if auc == 1.0:
        return (needed <= pairs).astype(np.float64)
    # P(two samples of one kind are both on the right side of one of the other), for normals.
    twice = auc - 2 * owens_t(float(ndtri(auc)), 1 / math.sqrt(3))
    spread = (positives + negatives - 2) * (twice - auc**2)
    variance = (auc * (1 - auc) + spread) / pairs
    weight = auc * (1 - auc) / variance - 1
    # U takes whole values, the beta distribution does not: half a step of continuity.
    share = np.clip(1 - (needed - 0.5) / pairs, 0.0, 1.0)
    reached = betainc((1 - auc) * weight, auc * weight, share)
    return np.where(needed <= pairs, reached, 0.0)


def _one_sided_auc(auc: float, alternative: Alternative) -> float:
    """Return the AUC in the direction of the test, above one half."""
    check_choice("alternative", alternative, ("greater", "less", "two-sided"))
    value = check_fraction("auc", auc)
    ranges = {"greater": "(0.5, 1]", "less": "[0, 0.5)", "two-sided": "[0, 1] except 0.5"}
    toward = {"greater": value, "less": 1 - value, "two-sided": max(value, 1 - value)}[alternative]
    if toward <= 0.5:
        raise ValueError(
            f"auc is {shown(auc)}; with alternative={alternative!r} expected a number in "
            f"{ranges[alternative]}: the test finds nothing else"
        )
    return toward


def _expected_power(
    auc: float, n_positives: int, n_samples: int, n_tested: int, level: float
) -> float:
    """Return the power, averaged over the number of positives that come among the tested."""
    share = n_tested / n_samples
    mean = share * n_positives
    variance = mean * (1 - share) * (n_samples - n_positives) / (n_samples - 1)
    reach = _DEVIATIONS * math.sqrt(variance) + _DEVIATIONS
    first = max(math.floor(mean - reach), n_positives + n_tested - n_samples, 0)
    last = min(math.ceil(mean + reach), n_positives, n_tested)
    counts = np.arange(first, last + 1)
    chance = hypergeom.pmf(counts, n_samples, n_positives, n_tested)
    return float(chance @ rank_sum_power(auc, counts, n_tested - counts, level))


def _critical_u(
    positives: NDArray[np.int64], negatives: NDArray[np.int64], level: float
) -> NDArray[np.float64]:
    """Return the least U with P(U ≥ u) ≤ level if the concept does not matter and nothing ties."""
    fewer = np.minimum(positives, negatives).astype(np.float64)
    more = np.maximum(positives, negatives).astype(np.float64)
    n = fewer + more
    pairs = np.maximum(fewer * more, 1.0)
    deviation = np.sqrt(pairs * (n + 1) / 12)
    z = -ndtri(level)
    excess = -1.2 * (fewer**2 + more**2 + pairs + n) / (pairs * (n + 1))
    expanded = pairs / 2 + (z + (z**3 - 3 * z) * excess / 24) * deviation + 0.5
    critical = np.asarray(expanded)
    for place in np.argwhere((fewer > 0) & (fewer <= _EXACT_UP_TO)):
        at = tuple(place)
        few, many = int(fewer[at]), int(more[at])
        # One positive's least p-value, 1/n, depends on how many there are.
        kept = many if few == 1 else min(many, _MAX_PAIRS // few)
        exact = _exact_critical_u(few, kept, level)
        if kept < many:
            narrow = math.sqrt(few * kept * (few + kept + 1) / 12)
            exact = pairs[at] / 2 + (exact - few * kept / 2) * deviation[at] / narrow
        critical[at] = exact
    return np.ceil(critical - 1e-9)


@lru_cache(maxsize=256)
def _exact_critical_u(fewer: int, more: int, level: float) -> float:
    """Return the critical U from the number of orders with each U; more than the pairs if none is.

    The number of orders with U = u is the coefficient of q^u in ∏ (1 − q^(more+i)) / (1 − q^i).
    """
    most = fewer * more // 2
    ways = np.zeros(most + 1)
    ways[0] = 1.0
    for i in range(1, fewer + 1):
        ways[more + i :] -= ways[: max(most + 1 - more - i, 0)].copy()
        # Dividing by 1 − q^i adds up every i-th coefficient.
        padded = np.pad(ways, (0, -len(ways) % i)).reshape(-1, i)
        ways = padded.cumsum(axis=0).reshape(-1)[: most + 1]
    at_most = np.cumsum(ways) / comb(fewer + more, fewer)
    # A perfect order with p = 1/C equal to the level must not fail by rounding.
    return float(fewer * more + 1 - np.searchsorted(at_most, level * (1 + 1e-12), side="right"))

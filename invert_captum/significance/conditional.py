"""The rank-sum test from its exact conditional distribution, ties included, as log10 p."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, get_args

import numpy as np

from invert_captum.significance.draws import Draw
from invert_captum.significance.exact import exact_log_tail
from invert_captum.significance.mann_whitney import Alternative
from invert_captum.significance.saddlepoint import saddlepoint_log_tail

if TYPE_CHECKING:
    from invert_captum.significance.separation import Separation

_LOG_2, _LOG_10 = math.log(2.0), math.log(10.0)


def rank_sum_log10_p(separation: Separation, *, alternative: Alternative) -> float:
    """Test whether samples with a concept have other activations than those without.

    The p-value is the share of all choices of as many samples, out of these tied ones, whose sum
    of mid-ranks is at least (at most) that of the samples with the concept: the Mann–Whitney test
    given the ties. Two-sided it is twice the smaller of the two. It is exact where that costs a
    few milliseconds (`exact_log_tail`), else the double saddlepoint (`saddlepoint_log_tail`). A
    normal approximation is used nowhere.

    Args:
        separation: The samples, counted by activation.
        alternative: ``"greater"`` if activations of samples with the concept are larger,
            ``"less"`` if they are smaller.

    Returns:
        *float*: log10 of the p-value, finite and at most 0; 0 if there is nothing to compare: no
        sample with the concept, none without it, or equal activations.

    Raises:
        ValueError: If ``alternative`` is none of the three.

    Examples:
        >>> from invert_captum.significance.separation import Separation
        >>> separation = Separation.of([0, 0, 0, 1, 2], [False, False, False, True, True])
        >>> round(10 ** rank_sum_log10_p(separation, alternative="greater"), 6)
        0.1
    """
    if _nothing_to_compare(separation, alternative):
        return 0.0
    if alternative != "two-sided":
        return _log10(_log_tail(Draw.of(separation, upper=alternative == "greater")))
    upper = separation.auc >= 0.5
    log_p = _log_tail(Draw.of(separation, upper=upper))
    if log_p > -_LOG_2:
        # The two tails overlap: only one that is more than one half may not be the smaller one.
        log_p = min(log_p, _log_tail(Draw.of(separation, upper=not upper)))
    return _log10(_LOG_2 + log_p)


def least_log10_p(separation: Separation, *, alternative: Alternative) -> float:
    """Return the smallest log10 p that these activations allow for as many positives.

    That is the p-value if the samples with the concept were the highest (lowest) ones. Where it
    is above the level of a test, the test cannot reject.

    Args:
        separation: The samples, counted by activation.
        alternative: As for `rank_sum_log10_p`.

    Returns:
        *float*: log10 of that p-value, at most 0; two-sided it belongs to the rarer extreme.

    Raises:
        ValueError: If ``alternative`` is none of the three.

    Examples:
        >>> from invert_captum.significance.separation import Separation
        >>> separation = Separation.of([0, 0, 0, 1, 2], [True, False, False, True, False])
        >>> round(10 ** least_log10_p(separation, alternative="greater"), 6)
        0.1
    """
    if _nothing_to_compare(separation, alternative):
        return 0.0
    if alternative != "two-sided":
        return _log10(Draw.of(separation, upper=alternative == "greater").least()[1])
    return _log10(
        _LOG_2 + min(Draw.of(separation, upper=side).least()[1] for side in (True, False))
    )


def _nothing_to_compare(separation: Separation, alternative: Alternative) -> bool:
    """Return whether no choice of the samples differs from another."""
    if alternative not in get_args(Alternative):
        raise ValueError(
            f"alternative is {alternative!r}; expected one of {', '.join(get_args(Alternative))}"
        )
    return len(separation.values) < 2 or not separation.n_positive or not separation.n_negative


def _log10(log_p: float) -> float:
    return min(log_p, 0.0) / _LOG_10


def _log_tail(draw: Draw) -> float:
    """Return log P(D ≤ most) of a draw."""
    if draw.above_mean:
        return _small_log_tail(draw)
    # The sum of a large tail is 1 without the small one, which does not hold the draw itself.
    rest = _small_log_tail(draw.opposite())
    return float(np.log(-np.expm1(rest))) if rest < 0.0 else 0.0


def _small_log_tail(draw: Draw) -> float:
    """Return log P(D ≤ most) of a draw above its mean."""
    least, log_p_of_least = draw.least()
    if draw.most <= least:
        return log_p_of_least if draw.most == least else -math.inf
    exact = exact_log_tail(draw)
    return saddlepoint_log_tail(draw) if exact is None else exact

"""The null distribution of an AUC whose samples come in groups, from the ranks of all samples."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from invert_captum.significance.kernels.cluster_null import log_tail
from invert_captum.significance.separation import weighted_sum

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from invert_captum.significance.separation import Separation

# Ranks are averaged within finer parts, all but the largest tie.
_N_SCORES = 64
# Of the standard deviation: the noise that makes the sum's distribution continuous. Twice as much
# is taken off the observed sum, so that ties with it count, as they must.
_NOISE = 0.01
# Without any tie of a larger share than this the sum is as good as continuous.
_SMOOTH = 0.04
# So small a share of the samples varies nearly as much when drawn alone.
_FEW = 0.05


def log10_tail(
    separation: Separation,
    group: NDArray[np.int64],
    inside: NDArray[np.bool_],
    codes: NDArray[np.int64],
    sign: int,
) -> float:
    """Return log10 of the probability of an AUC so high, or so low; see `cluster_log10_p`.

    Args:
        separation: The n samples, some of either kind, with at least two different activations.
        group: Shape (n,): which of the different activations each sample has.
        inside: Shape (n,): the positives.
        codes: Shape (n,): the group of each sample, from 0.
        sign: 1 for so high, −1 for so low.

    Returns:
        *float*: at most 0.
    """
    scores = _centered_mid_ranks(separation)
    common = math.sqrt(_correlation(scores[group], codes))
    counts = separation.positives + separation.negatives
    smooth = float(counts.max()) < _SMOOTH * len(codes)
    weights = _weights(separation, smooth)
    # Without correlation each sample is as good as a group, which costs less.
    kinds = _kinds_of_groups(inside, codes if common > 0.0 else np.arange(len(codes)), weights)
    values, shares = _few_scores(sign * scores[::sign], counts[::sign])
    own = kinds[:, :2] @ weights**2
    together = (kinds[:, :2] @ weights) ** 2
    variance = float(kinds[:, 2] @ (own + common**2 * (together - own)))
    deviation = math.sqrt(variance * weighted_sum(shares, values**2))
    noise = _NOISE * deviation
    # Half a pair for continuity, as in the Mann–Whitney test.
    half_pair = 0.5 / (separation.n_positive * separation.n_negative)
    target = sign * (separation.auc - 0.5) - (half_pair if smooth else 2 * noise)
    log_p = log_tail(target, noise, deviation, smooth, (weights, values, shares, common, kinds))
    return min(float(log_p), 0.0) / math.log(10.0)


def _weights(separation: Separation, smooth: bool) -> NDArray[np.float64]:
    """Return what the score of a positive and of a negative adds to AUC − ½.

    All scores add up to 0, so that the scores of either kind give it alone. Where a tie is large
    and one kind has few samples, the sum jumps with each of them that is not in the tie, and the
    other kind, if it were drawn too, would blur the jumps. Otherwise both kinds are drawn: one
    alone has too large a variance, because it leaves out that the scores add up.
    """
    n_positive, n_negative = separation.n_positive, separation.n_negative
    n = n_positive + n_negative
    weights = np.array([1.0 / n_positive, -1.0 / n_negative])
    if not smooth and min(n_positive, n_negative) <= _FEW * n:
        fewer = int(n_negative < n_positive)
        weights[fewer] *= n / (n_positive, n_negative)[1 - fewer]
        weights[1 - fewer] = 0.0
    return weights


def _centered_mid_ranks(separation: Separation) -> NDArray[np.float64]:
    """Return (mid-rank − (n + 1)/2)/n for each different activation."""
    counts = separation.positives + separation.negatives
    n = int(counts.sum())
    doubled: NDArray[np.int64] = 2 * np.cumsum(counts) - counts - n
    return doubled.astype(np.float64) / (2 * n)


def _correlation(scores: NDArray[np.float64], codes: NDArray[np.int64]) -> float:
    """Return how much two samples of one group correlate, from 0 to 1.

    A group of k samples counts k times, so that large groups do not drown the others.
    """
    sizes = np.bincount(codes)
    squares = np.bincount(codes, scores**2)
    several = sizes > 1
    variation = float(squares[several].sum())
    if variation == 0.0:
        return 0.0
    products = np.bincount(codes, scores) ** 2 - squares
    shared = float((products[several] / (sizes[several] - 1)).sum())
    return min(max(shared / variation, 0.0), 1.0)


def _kinds_of_groups(
    inside: NDArray[np.bool_], codes: NDArray[np.int64], weights: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return the different (positives, negatives) of groups, and how many groups have them.

    Samples without weight are left out.
    """
    sizes = np.bincount(codes)
    positives = np.bincount(codes, inside).astype(np.int64)
    members = np.column_stack([positives, sizes - positives]) * (weights != 0.0)
    kinds, counts = np.unique(members[members.any(axis=1)], axis=0, return_counts=True)
    return np.column_stack([kinds, counts]).astype(np.int64)


def _few_scores(
    scores: NDArray[np.float64], counts: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return at most 64 different scores, and the share of the samples that have each."""
    shares: NDArray[np.float64] = counts / float(counts.sum())
    if len(scores) <= _N_SCORES:
        return scores, shares
    # The largest tie stays alone: how many samples are in it decides most about the sum.
    largest = int(np.argmax(counts))
    rest = shares.copy()
    rest[largest] = 0.0
    position = np.cumsum(rest) - rest / 2
    part = np.minimum((position / rest.sum() * (_N_SCORES - 2)).astype(np.int64), _N_SCORES - 3)
    part += (np.arange(len(scores)) >= largest).astype(np.int64)
    part += (np.arange(len(scores)) > largest).astype(np.int64)
    _, part = np.unique(part, return_inverse=True)
    merged: NDArray[np.float64] = np.bincount(part, shares).astype(np.float64)
    return np.bincount(part, shares * scores) / merged, merged

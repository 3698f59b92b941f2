"""Scores of sets of samples inside the kernels; `search.scores` says what they mean.

A further score is a further branch of `score` and of `numerator_weights` with a number of its own.
"""

from __future__ import annotations

from invert_captum._compiling import compiled

AUC, ONE_MINUS_AUC, DISTANCE_FROM_HALF = 0, 1, 2


@compiled
def score(kind: int, size: int, rank_sum: int, n_samples: int) -> float:
    """Return the score of a set, higher is better; integers below 2⁵³ until the division."""
    n_pairs = size * (n_samples - size)
    doubled_u = rank_sum - size * (size + 1)
    if kind == AUC:
        return doubled_u / (2 * n_pairs)
    if kind == ONE_MINUS_AUC:
        return (2 * n_pairs - doubled_u) / (2 * n_pairs)
    return abs(doubled_u - n_pairs) / (2 * n_pairs)


@compiled
def numerator_weights(kind: int) -> tuple[float, float]:
    """Return (a, b) so that `score` is |a · 2U + b · n₁n₀| / 2n₁n₀, with U of Mann and Whitney."""
    if kind == AUC:
        return 1.0, 0.0
    if kind == ONE_MINUS_AUC:
        return -1.0, 2.0
    return 1.0, -1.0


@compiled
def is_symmetric(kind: int) -> bool:
    """Return whether a set and its complement always have the same score."""
    return kind == DISTANCE_FROM_HALF

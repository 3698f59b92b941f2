"""Numbers of two groups of samples compared, for many groupings at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    import numpy.typing as npt
    from scipy import sparse

    Numbers = npt.NDArray[np.float64]
    Counts = npt.NDArray[np.int64]

# Up to here SciPy's choice is the exact distribution of ranks, where no two values are equal.
_EXACT_UP_TO = 8
# Values held at once, 8 bytes each.
_MOST_VALUES = 10_000_000


class GroupDifferences(NamedTuple):
    """For each of k groupings, shape (k,); NaN where a group is too small.

    Attributes:
        n_with: Samples in the group.
        n_without: Samples outside.
        mean_with: Mean inside.
        mean_without: Mean outside.
        difference: Inside minus outside.
        low: Lower end of Welch's interval of the difference.
        high: Its upper end.
        auc: How often a value inside exceeds one outside, ties counting half.
        p_value: Of the two-sided Mann–Whitney test.
    """

    n_with: Counts
    n_without: Counts
    mean_with: Numbers
    mean_without: Numbers
    difference: Numbers
    low: Numbers
    high: Numbers
    auc: Numbers
    p_value: Numbers


def group_differences(
    values: Numbers, groups: sparse.csr_array, min_samples: int, confidence_level: float
) -> GroupDifferences:
    """Compare the values inside and outside of each group.

    Args:
        values: Shape (n,), finite.
        groups: Which sample is in which group, boolean (n, k).
        min_samples: Least number of samples inside and outside, at least 2.
        confidence_level: Of the intervals, in (0, 1).

    Examples:
        >>> from scipy import sparse
        >>> groups = sparse.csr_array(np.array([[True], [True], [False], [False]]))
        >>> found = group_differences(np.array([3.0, 5.0, 1.0, 1.0]), groups, 2, 0.95)
        >>> found.difference, found.auc, found.p_value.round(2)
        (array([3.]), array([1.]), array([0.22]))
    """
    columns = groups.astype(np.float64).T.tocsr()
    n_with = np.asarray(groups.astype(np.int64).sum(0)).reshape(-1)
    n_without = len(values) - n_with
    enough = np.minimum(n_with, n_without) >= min_samples
    empty = np.full(len(n_with), np.nan)
    if not enough.any():
        return GroupDifferences(n_with, n_without, *(empty.copy() for _ in range(7)))
    kept = columns[enough]
    inside, outside = n_with[enough], n_without[enough]
    numbers = (
        *_welch(values, kept, inside, outside, confidence_level),
        *_mann_whitney(values, kept, inside, outside),
    )
    filled = []
    for each in numbers:
        filled.append(empty.copy())
        filled[-1][enough] = each
    return GroupDifferences(n_with, n_without, *filled)


def _welch(
    values: Numbers, columns: sparse.csr_array, inside: Counts, outside: Counts, level: float
) -> tuple[Numbers, ...]:
    """Return the two means, their difference, and the ends of its interval."""
    # Around the common mean, so that differences of squares lose no digits.
    centre = values.mean()
    shifted = values - centre
    with_sum = columns @ shifted
    with_mean, without_mean = with_sum / inside, (shifted.sum() - with_sum) / outside
    with_squares = columns @ shifted**2
    without_squares = (shifted**2).sum() - with_squares
    with_error = _variance(with_squares, with_mean, inside) / inside
    without_error = _variance(without_squares, without_mean, outside) / outside
    error = with_error + without_error
    freedom = np.divide(
        error**2,
        with_error**2 / (inside - 1) + without_error**2 / (outside - 1),
        out=np.ones_like(error),
        where=error > 0,
    )
    half = stats.t.ppf(0.5 + level / 2, freedom) * np.sqrt(error)
    difference = with_mean - without_mean
    means = with_mean + centre, without_mean + centre
    return *means, difference, difference - half, difference + half


def _variance(squares: Numbers, mean: Numbers, n: Counts) -> Numbers:
    """Return the unbiased variance from a sum of squares and a mean."""
    return np.maximum(squares - n * mean**2, 0) / (n - 1)


def _mann_whitney(
    values: Numbers, columns: sparse.csr_array, inside: Counts, outside: Counts
) -> tuple[Numbers, Numbers]:
    """Return the AUC and the two-sided p-value, as `scipy.stats.mannwhitneyu` chooses it."""
    ranks = stats.rankdata(values)
    n = len(values)
    _, repeats = np.unique(values, return_counts=True)
    wins = columns @ ranks - inside * (inside + 1) / 2
    pairs = inside.astype(np.float64) * outside
    ties = (repeats.astype(np.float64) ** 3 - repeats).sum()
    spread = np.sqrt(pairs / 12 * (n + 1 - ties / (n * (n - 1))))
    # The half is the correction for continuity.
    above = np.abs(wins - pairs / 2) - 0.5
    z = np.divide(above, spread, out=np.full_like(above, -np.inf), where=spread > 0)
    p_values = np.minimum(2 * stats.norm.sf(z), 1.0)
    if not ties:
        small = np.minimum(inside, outside) <= _EXACT_UP_TO
        for size in np.unique(inside[small]):
            indices = np.flatnonzero(inside == size)
            p_values[indices] = _exact_p_values(values, columns[indices], int(size))
    return wins / pairs, p_values


def _exact_p_values(values: Numbers, columns: sparse.csr_array, size: int) -> Numbers:
    """Return the exact p-values of groups of one size: SciPy makes their distribution once."""
    p_values = []
    at_once = max(1, _MOST_VALUES // len(values))
    for start in range(0, columns.shape[0], at_once):
        chosen = columns[start : start + at_once].toarray() > 0
        every = np.broadcast_to(values, chosen.shape)
        inside, outside = every[chosen].reshape(-1, size), every[~chosen].reshape(len(chosen), -1)
        p_values.append(stats.mannwhitneyu(inside, outside, axis=1, method="exact").pvalue)
    return np.concatenate(p_values)

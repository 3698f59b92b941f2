"""The permutation test of paired differences: would their mean be as large with other signs?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Numbers = npt.NDArray[np.float64]
    Flips = npt.NDArray[np.uint8]

# Signs held at once.
_MOST_SIGNS = 2_000_000
# Relative to the sum of absolute differences; sums that are closer are equal but for rounding.
_ROUNDING = 1e-12


def sign_flip_p_values(differences: Numbers, *, n_resamples: int = 9999, seed: int = 0) -> Numbers:
    """Return two-sided p-values of mean paired differences under random signs.

    If neither of two models is better, each difference is as likely with the other sign. All
    patterns of signs are tried where there are at most ``n_resamples``; else so many are drawn,
    and the observed one is counted with them.

    Args:
        differences: Shape (n, m), of n pairs in m measures; a pair with NaN is left out of its
            measure.
        n_resamples: How many patterns of signs are drawn, or tried at most.
        seed: Of the draws.

    Returns:
        p-values in (0, 1], float64, shape (m,); NaN for a measure without any pair.

    Examples:
        >>> sign_flip_p_values(np.array([[0.1], [0.2], [0.3], [0.1]]))
        array([0.125])
    """
    counted = ~np.isnan(differences)
    filled = np.where(counted, differences, 0.0)
    # A difference of 0 has no sign.
    moving = filled[(filled != 0).any(1)]
    observed = np.abs(moving.sum(0))
    bar = observed - _ROUNDING * np.abs(moving).sum(0)
    is_exact = len(moving) < 63 and 2 ** len(moving) <= n_resamples
    patterns = _all_flips(len(moving)) if is_exact else _drawn(len(moving), n_resamples, seed)
    as_large, n_patterns = np.zeros(differences.shape[1]), 0
    for flips in patterns:
        sums = moving.sum(0) - 2 * (flips.astype(np.float64) @ moving)
        as_large += (np.abs(sums) >= bar).sum(0)
        n_patterns += len(flips)
    of_drawn = 0 if is_exact else 1
    p_values = (as_large + of_drawn) / (n_patterns + of_drawn)
    return np.where(counted.any(0), p_values, np.nan)


def _all_flips(n: int) -> Iterator[Flips]:
    """Yield every pattern of n signs, 1 for the other sign, as rows."""
    yield ((np.arange(2**n)[:, None] >> np.arange(n)) & 1).astype(np.uint8)


def _drawn(n: int, n_resamples: int, seed: int) -> Iterator[Flips]:
    """Yield random patterns in blocks, as rows of n."""
    rng = np.random.default_rng(seed)
    n_bytes, at_once = -(-n // 8), max(1, _MOST_SIGNS // n)
    for start in range(0, n_resamples, at_once):
        shape = min(at_once, n_resamples - start), n_bytes
        drawn = rng.integers(0, 256, shape, dtype=np.uint8)
        yield np.unpackbits(drawn, axis=1, count=n)

"""How many of d p-values of noise may lie below a level, if the test is right."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import scipy.stats

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COVERAGE = 0.99
# Absorbs the rounding of products such as 0.05 · 1,000.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Band:
    """The shares of p-values at or below a level that chance allows.

    Attributes:
        low: The 0.5 % quantile,
        high: and the 99.5 % quantile.
    """

    low: float
    high: float

    def place(self, share: float) -> str:
        """Return where a share lies: ``"below"``, ``"inside"`` or ``"above"``."""
        return "below" if share < self.low else "above" if share > self.high else "inside"

    def __str__(self) -> str:
        return f"{self.low:.4f}–{self.high:.4f}"


def binomial_band(level: float, count: int) -> Band:
    """Return the band of independent p-values that are uniform.

    Args:
        level: The level of the test.
        count: The number of p-values, d.

    Examples:
        >>> print(binomial_band(0.05, 2000))
        0.0380–0.0630
    """
    return _band(scipy.stats.binom(count, level), count)


def shared_table_band(level: float, count: int, n_permutations: int) -> Band:
    """Return the band of p-values that were read off one table of P permuted scores.

    Given the table, the rate of p ≤ α is the chance of a score above the k-th highest of the table,
    k = α(P + 1). It varies from table to table as Beta(k, P + 1 − k), so the count is
    beta-binomial; the share's standard error is about √(α(1 − α)/P + α(1 − α)/d).

    Args:
        level: The level of the test, α.
        count: The number of p-values, d.
        n_permutations: The length of the table, P.

    Raises:
        ValueError: If P is so small that no p-value can be at or below the level.

    Examples:
        >>> print(shared_table_band(0.05, 2000, 9999))
        0.0370–0.0640
    """
    k = math.floor(level * (n_permutations + 1) + _ROUNDING)
    if k == 0:
        raise ValueError(
            f"n_permutations is {n_permutations:,}; expected at least {math.ceil(1 / level) - 1:,} "
            f"for p-values as low as {level}"
        )
    return _band(scipy.stats.betabinom(count, k, n_permutations + 1 - k), count)


def _band(distribution: Any, count: int) -> Band:
    """Return the band of a count's distribution, one of SciPy's with its parameters set."""
    low, high = distribution.ppf([(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return Band(float(low) / count, float(high) / count)


def share_at_most(p_values: NDArray[np.float64], level: float) -> float:
    """Return the share of p-values at or below a level, rounding apart."""
    return float((p_values <= level * (1 + _ROUNDING)).mean())

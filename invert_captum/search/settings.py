"""What a search is given besides ranks and labels: its limits and its score."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from invert_captum.search.scores import Score

# Products such as 0.3·n are not exact; a size within this share of n of a limit counts as on it.
_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """What a search may look for.

    Attributes:
        max_length: The number of literals at most, L ≥ 1.
        beam_width: How many formulas go from one level to the next, B ≥ 1.
        n_positive_low: A formula holds for at least so many samples,
        n_positive_high: and for at most so many (both inclusive, from 1 to n − 1).
        score: What is maximised.
    """

    max_length: int
    beam_width: int
    n_positive_low: int
    n_positive_high: int
    score: Score


def size_limits(
    n_samples: int, *, min_positives: float, min_fraction: float, max_fraction: float
) -> tuple[int, int]:
    """Return the least and the greatest size of a formula's set of samples, both inclusive.

    Args:
        n_samples: The number of samples that the search sees, n.
        min_positives: The least number of samples; need not be whole.
        min_fraction: The least share of the samples, in [0, 1].
        max_fraction: The greatest share of the samples, in [0, 1].

    Returns:
        *tuple[int, int]*, within 1 … n − 1; the first is above the second if nothing can fit.

    Examples:
        >>> size_limits(2000, min_positives=1, min_fraction=0.01, max_fraction=0.5)
        (20, 1000)
    """
    tolerance = _TOLERANCE * n_samples
    low = math.ceil(max(min_positives, min_fraction * n_samples) - tolerance)
    high = math.floor(max_fraction * n_samples + tolerance)
    return max(low, 1), min(high, n_samples - 1)

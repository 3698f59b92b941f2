"""Scores: how well a set of samples is separated from the rest, from its size and rank sum.

A score enters the search through the `Score` protocol. The kernels compute it by its ``kind``, so
that another similarity is a class here and a branch in `search.kernels.scores`, not another search.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, get_args

import numpy as np

from invert_captum.search.kernels.scores import AUC, DISTANCE_FROM_HALF, ONE_MINUS_AUC

if TYPE_CHECKING:
    from numpy.typing import NDArray

Sign = Literal["positive", "negative", "absolute_value"]
SIGNS: tuple[str, ...] = get_args(Sign)
_KINDS = {"positive": AUC, "negative": ONE_MINUS_AUC, "absolute_value": DISTANCE_FROM_HALF}


class Score(Protocol):
    """What the search maximises."""

    @property
    def symmetric(self) -> bool:
        """Whether a set and its complement always have the same score."""

    @property
    def kind(self) -> int:
        """The number of this score in `search.kernels.scores`, which computes the same."""

    def __call__(
        self, n_positive: NDArray[np.int64], rank_sum: NDArray[np.int64], n_samples: int
    ) -> NDArray[np.float64]:
        """Return the scores of sets of samples, higher is better.

        Args:
            n_positive: The sizes of the sets, each from 1 to n_samples − 1.
            rank_sum: The sums of the sets' doubled mid-ranks, of the same shape.
            n_samples: The number of samples, n.
        """


def auc(
    n_positive: NDArray[np.int64], rank_sum: NDArray[np.int64], n_samples: int
) -> NDArray[np.float64]:
    """Return the ROC-AUC of sets of samples, ties counting one half.

    AUC = (R₁ − n₁(n₁+1)/2) / (n₀·n₁) with R₁ the sum of the set's mid-ranks (Mann and
    Whitney, 1947). Numerator and denominator are exact integers below 2⁵³; the one division is the
    only rounding.

    Args:
        n_positive: The sizes n₁ of the sets, each from 1 to n_samples − 1.
        rank_sum: The sums 2·R₁ of the sets' doubled mid-ranks, of the same shape.
        n_samples: The number of samples, n₀ + n₁.

    Returns:
        *numpy.ndarray* of float64 in [0, 1], of the same shape.

    Examples:
        >>> auc(np.array([2]), np.array([12]), 4)  # doubled mid-ranks 5 and 7 of four samples
        array([0.75])
    """
    doubled_u = rank_sum - n_positive * (n_positive + 1)
    result: NDArray[np.float64] = doubled_u / (2 * n_positive * (n_samples - n_positive))
    return result


@dataclass(frozen=True, slots=True)
class AucScore:
    """AUC as the search's score: as it is, 1 − AUC, or |AUC − ½|, by ``sign``."""

    sign: Sign

    @property
    def symmetric(self) -> bool:
        """Whether a set and its complement always have the same score."""
        return self.sign == "absolute_value"

    @property
    def kind(self) -> int:
        """The number of this score in `search.kernels.scores`, which computes the same."""
        return _KINDS[self.sign]

    def __call__(
        self, n_positive: NDArray[np.int64], rank_sum: NDArray[np.int64], n_samples: int
    ) -> NDArray[np.float64]:
        """Return the scores of sets of samples, higher is better; see `Score`."""
        if self.sign == "positive":
            return auc(n_positive, rank_sum, n_samples)
        n_pairs = n_positive * (n_samples - n_positive)
        doubled_u = rank_sum - n_positive * (n_positive + 1)
        # In integers, so that a set and its complement get the same float.
        if self.sign == "negative":
            return np.asarray((2 * n_pairs - doubled_u) / (2 * n_pairs))
        return np.asarray(np.abs(doubled_u - n_pairs) / (2 * n_pairs))

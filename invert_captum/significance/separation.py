"""How activations separate two kinds of samples: all that tests, intervals and scores need.

A *separation* counts, for every different activation, the samples with and without a concept that
have it. ROC-AUC, its tests and intervals, average precision, F1 and the others are functions of
these counts, so that one sort serves them all, and ties are settled once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Separation:
    """The samples with and without a concept, counted by activation.

    Attributes:
        values: float64, shape (g,): the different activations, ascending.
        positives: int64, shape (g,): how many samples with the concept have each,
        negatives: int64, shape (g,): and how many of those without. No group is empty.

    Examples:
        >>> separation = Separation.of([0.0, 0.0, 1.0, 2.0], [True, False, False, True])
        >>> separation.positives, separation.negatives
        (array([1, 0, 1]), array([1, 1, 0]))
        >>> separation.auc
        0.625
    """

    values: NDArray[np.float64]
    positives: NDArray[np.int64]
    negatives: NDArray[np.int64]

    @classmethod
    def of(cls, activations: ArrayLike, mask: ArrayLike) -> Separation:
        """Count the samples of one neuron.

        Args:
            activations: Shape (n,), real and finite.
            mask: bool, shape (n,): the samples with the concept.

        Raises:
            ValueError: If the shapes differ, ``mask`` is not boolean, or an activation is not
                finite.
        """
        values, inside = np.asarray(activations), np.asarray(mask)
        if values.ndim != 1 or values.shape != inside.shape:
            raise ValueError(
                f"activations has shape {values.shape} and mask {inside.shape}; expected one "
                "dimension and the same length"
            )
        if inside.dtype != np.bool_:
            raise ValueError(f"mask has dtype {inside.dtype}; expected bool")
        if not np.isfinite(values).all():
            raise ValueError("activations has NaN or infinite values; expected finite ones")
        different, group = np.unique(values, return_inverse=True)
        positives = np.bincount(group[inside], minlength=len(different))
        negatives = np.bincount(group[~inside], minlength=len(different))
        return cls(different.astype(np.float64), positives, negatives)

    @cached_property
    def n_positive(self) -> int:
        """The number of samples with the concept, n₁."""
        return int(self.positives.sum())

    @cached_property
    def n_negative(self) -> int:
        """The number of samples without it, n₀."""
        return int(self.negatives.sum())

    @cached_property
    def doubled_u(self) -> int:
        """2·U: twice the pairs in which the positive is higher, and once those that tie."""
        below = 2 * (np.cumsum(self.negatives) - self.negatives) + self.negatives
        return int(self.positives @ below)

    @cached_property
    def auc(self) -> float:
        """ROC-AUC, ties counting one half; NaN without positives or negatives."""
        n_pairs = self.n_positive * self.n_negative
        return self.doubled_u / (2 * n_pairs) if n_pairs else float("nan")


def weighted_sum(weights: NDArray[Any], values: NDArray[Any]) -> float:
    """Return Σ weights · values, the same to the bit however many threads BLAS would take."""
    return float((weights * values).sum())

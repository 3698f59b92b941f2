"""Linear probes: is a concept in the activations, and what is lost when some of them are set?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Probe:
    """A linear classifier of activations.

    Attributes:
        weights: float64 of shape (d,).
        intercept: Added to the weighted sum; a decision above zero says that the concept is there.
    """

    weights: NDArray[np.float64]
    intercept: float

    def decisions(self, activations: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the decisions of activations (n, d), shape (n,)."""
        return activations @ self.weights + self.intercept

    def lost(
        self, activations: NDArray[np.float64], neurons: Sequence[int], values: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return what the decisions lose when ``neurons`` are set to ``values`` (k,), (n,)."""
        columns = list(neurons)
        return (activations[:, columns] - values) @ self.weights[columns]


def fit_probe(
    activations: NDArray[np.float64], present: NDArray[np.bool_], strength: float
) -> Probe:
    """Fit a logistic regression with balanced classes on standardised activations.

    Args:
        activations: (n, d).
        present: (n,).
        strength: scikit-learn's ``C``: the inverse of the strength of the L2 penalty.
    """
    centre, spread = activations.mean(axis=0), activations.std(axis=0)
    spread[spread == 0] = 1.0
    model = LogisticRegression(C=strength, class_weight="balanced", max_iter=5_000)
    model.fit((activations - centre) / spread, present)
    weights = model.coef_[0] / spread
    return Probe(weights, float(model.intercept_[0] - centre @ weights))


def balanced_accuracy(decisions: NDArray[np.float64], present: NDArray[np.bool_]) -> float:
    """Return the mean of the shares of positives and negatives that are told right."""
    said = decisions > 0
    return float((said[present].mean() + (~said[~present]).mean()) / 2)


def auc(decisions: NDArray[np.float64], present: NDArray[np.bool_]) -> float:
    """Return the ROC-AUC of decisions, by their mid-ranks."""
    n_positive = int(present.sum())
    above = rankdata(decisions)[present].sum() - n_positive * (n_positive + 1) / 2
    return float(above / (n_positive * (len(present) - n_positive)))

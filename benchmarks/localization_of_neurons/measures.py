"""How well maps of attribution agree with object masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.stats

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


def area_ratio(maps: NDArray[np.float64], masks: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the share of the positive attribution inside the object over its share of the area.

    Args:
        maps: Attributions, shape (n, height, width).
        masks: Shape (n, k, height, width); the object is the first of the k.

    Returns:
        Shape (n,), from 0 to 1 / area share; 1 for a map that knows nothing of the object; NaN for
        one that is nowhere positive.
    """
    positive, inside = np.maximum(maps, 0), masks[:, 0]
    total = positive.sum(axis=(1, 2))
    share = _divide((positive * inside).sum(axis=(1, 2)), total)
    return _divide(share, inside.mean(axis=(1, 2)))


def concept_share(maps: NDArray[np.float64], masks: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return a / (a + b), a and b the mean positive attribution on the first and second object.

    Args:
        maps: Attributions, shape (n, height, width).
        masks: Shape (n, k, height, width): the concept's object, then the other.

    Returns:
        Shape (n,), from 0 to 1; ½ if both objects are the same to the map; NaN for one that is
        positive on neither.
    """
    positive = np.maximum(maps, 0)
    means = [
        _divide((positive * mask).sum(axis=(1, 2)), mask.sum(axis=(1, 2)).astype(np.float64))
        for mask in (masks[:, 0], masks[:, 1])
    ]
    return _divide(means[0], means[0] + means[1])


def _divide(
    numerator: NDArray[np.float64], denominator: NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.divide(
        numerator, denominator, out=np.full_like(numerator, np.nan), where=denominator > 0
    )


@dataclass(frozen=True)
class Scores:
    """Scores of one method on p pictures, NaN where a neuron stays silent.

    Attributes:
        subject: Shape (p,): which of the labelled neurons the picture was made for.
        labelled: Shape (p,): the scores of that neuron,
        random: and of a random neuron.
    """

    subject: NDArray[np.int64]
    labelled: NDArray[np.float64]
    random: NDArray[np.float64]

    def silent(self) -> tuple[float, float]:
        """Return the shares of pictures in which the labelled, the random neurons are silent."""
        return float(np.isnan(self.labelled).mean()), float(np.isnan(self.random).mean())

    def medians(self) -> tuple[float, float]:
        """Return both medians over the pictures in which the neuron is not silent."""
        return _without_nan(np.median, self.labelled), _without_nan(np.median, self.random)

    def means(self) -> tuple[float, float]:
        """Return both means over the pictures in which the neuron is not silent."""
        return _without_nan(np.mean, self.labelled), _without_nan(np.mean, self.random)

    def differences(self) -> NDArray[np.float64]:
        """Return labelled - random of the pictures in which neither is silent."""
        return self._paired()[0]

    def p_by_picture(self) -> float:
        """Return the one-sided Wilcoxon p-value: do labelled neurons score higher?"""
        return signed_rank_p(self.differences())

    def p_by_neuron(self) -> float:
        """Return the same for the mean differences of each neuron, whose pictures are alike."""
        differences, subject = self._paired()
        means = [differences[subject == one].mean() for one in np.unique(subject)]
        return signed_rank_p(np.array(means))

    def _paired(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        both = ~np.isnan(self.labelled) & ~np.isnan(self.random)
        return (self.labelled - self.random)[both], self.subject[both]


def signed_rank_p(differences: NDArray[np.float64]) -> float:
    """Return the p-value of Wilcoxon's signed-rank test against "greater"; 1 without any pair."""
    if not differences.any():
        return 1.0
    return float(scipy.stats.wilcoxon(differences, alternative="greater").pvalue)


def _without_nan(
    statistic: Callable[[NDArray[np.float64]], np.float64], values: NDArray[np.float64]
) -> float:
    kept = values[~np.isnan(values)]
    return float(statistic(kept)) if len(kept) else float("nan")

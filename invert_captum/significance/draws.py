"""A draw of positives out of tied samples, whose deficit in ranks is tested."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.special

from invert_captum.significance.kernels.groups import describe_draw

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from invert_captum.significance.separation import Separation


@dataclass(frozen=True, slots=True)
class Draw:
    """Samples drawn without replacement from groups of equal ranks, and how deep they lie.

    The *deficit* of a sample is how far its doubled mid-rank is below the highest; that of a draw
    is their sum D. A test asks for P(D ≤ most).

    Attributes:
        sizes: int64, shape (g,): the samples of each group, the highest rank first.
        deficits: int64, shape (g,): the deficits of the groups, ascending from 0.
        n_samples: How many samples there are.
        n_drawn: How many of them are drawn: at least 1, at most half of all.
        most: The deficit of the draw that was observed,
        total: and that of all samples.
        largest: The index of the largest group.
    """

    sizes: NDArray[np.int64]
    deficits: NDArray[np.int64]
    n_samples: int
    n_drawn: int
    most: int
    total: int
    largest: int

    @classmethod
    def of(cls, separation: Separation, *, upper: bool) -> Draw:
        """Return the draw for which P(D ≤ most) tests whether positives lie higher, or lower.

        Args:
            separation: The samples, with at least one of either kind.
            upper: Whether higher.
        """
        n_samples = separation.n_positive + separation.n_negative
        drawn, left = separation.positives, separation.negatives
        if 2 * separation.n_positive > n_samples:
            # The samples without the concept are fewer: they lie low where positives lie high.
            drawn, left, upper = left, drawn, not upper
        sizes, deficits, largest, most, total = describe_draw(drawn, left, upper)
        return cls(sizes, deficits, n_samples, int(drawn.sum()), most, total, largest)

    @property
    def above_mean(self) -> bool:
        """Whether the draw lies higher than expected: its deficit is less than the mean."""
        return self.most * self.n_samples < self.n_drawn * self.total

    def opposite(self) -> Draw:
        """Return the draw from the other end, whose P(D ≤ most) is 1 minus this one's."""
        deepest = int(self.deficits[-1])
        return Draw(
            self.sizes[::-1].copy(),
            deepest - self.deficits[::-1],
            self.n_samples,
            self.n_drawn,
            self.n_drawn * deepest - self.most - 1,
            self.n_samples * deepest - self.total,
            len(self.sizes) - 1 - self.largest,
        )

    def least(self) -> tuple[int, float]:
        """Return the least deficit that a draw can have, and the log of its probability."""
        filled = np.cumsum(self.sizes[: self.n_drawn])
        last = int(np.searchsorted(filled, self.n_drawn))
        left = self.n_drawn - (int(filled[last - 1]) if last else 0)
        deficit = int(self.sizes[:last] @ self.deficits[:last]) + left * int(self.deficits[last])
        log_ways = log_choices(int(self.sizes[last]), left)
        return deficit, float(log_ways - log_choices(self.n_samples, self.n_drawn))


def log_choices(n_samples: ArrayLike, n_drawn: ArrayLike) -> NDArray[np.float64]:
    """Return the log of the binomial coefficient, without the cancellation of large factorials."""
    n, k = np.asarray(n_samples, np.float64), np.asarray(n_drawn, np.float64)
    log_ways: NDArray[np.float64] = -np.log1p(n) - scipy.special.betaln(n - k + 1.0, k + 1.0)
    return log_ways

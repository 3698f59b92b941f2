"""What tests say of the best label of every neuron, as arrays for a figure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from invert_captum.result import LabelingResult


@dataclass(frozen=True)
class Evidence:
    """What tests say of the m labels of rank 0 that have a p-value; all arrays have shape (m,).

    Attributes:
        auc: On the samples that the search saw, float64.
        heldout_auc: On those that it did not, float64; NaN where there are none.
        p_values: Not corrected, float64, in [0, 1].
        heights: −log10 of these, float64, at least 0; finite where ``p_values`` underflow.
        significant: Whether the corrected test rejects, bool.
        statistics: What permutations are compared with, float64; NaN without permutations.
        directions: 1 where the label claims high activations, −1 where low ones, float64.
        n_permutations: The most permuted searches that a p-value rests on.
    """

    auc: npt.NDArray[np.float64]
    heldout_auc: npt.NDArray[np.float64]
    p_values: npt.NDArray[np.float64]
    heights: npt.NDArray[np.float64]
    significant: npt.NDArray[np.bool_]
    statistics: npt.NDArray[np.float64]
    directions: npt.NDArray[np.float64]
    n_permutations: int

    @classmethod
    def of(cls, result: LabelingResult) -> Evidence:
        """Gather them.

        Raises:
            ValueError: If there are none.
        """
        tested = [
            one
            for one in result.explanations
            if one.rank == 0 and not math.isnan(one.p_value) and not math.isnan(one.log10_p)
        ]
        if not tested:
            raise ValueError(
                f"result has no neuron with a p-value (significance="
                f"{result.settings['significance']!r}); expected at least one that was tested"
            )
        auc = np.array([one.auc for one in tested])
        direction = {"positive": 1.0, "negative": -1.0}.get(result.settings["sign"])
        return cls(
            auc=auc,
            heldout_auc=np.array([one.heldout_auc for one in tested]),
            p_values=np.array([one.p_value for one in tested]),
            # The sum turns −0 into 0.
            heights=0.0 - np.array([one.log10_p for one in tested]),
            significant=np.array([bool(one.significant) for one in tested]),
            statistics=np.array([one.statistic for one in tested]),
            directions=np.copysign(1.0, auc - 0.5)
            if direction is None
            else np.full(len(auc), direction),
            n_permutations=max(one.n_permutations for one in tested),
        )

    def __len__(self) -> int:
        return len(self.auc)

    @property
    def has_heldout(self) -> bool:
        """Whether any label was tried on samples that its search did not see."""
        return not bool(np.isnan(self.heldout_auc).all())

    @property
    def effects(self) -> npt.NDArray[np.float64]:
        """The AUC on held-out samples, or on the searched ones where nothing was held out.

        NaN for a label without a held-out AUC among others that have one: its searched AUC is on
        another scale.
        """
        return self.heldout_auc if self.has_heldout else self.auc

    @property
    def has_effect(self) -> npt.NDArray[np.bool_]:
        """Which labels have an effect, and so a place in a figure of effects."""
        return ~np.isnan(self.effects)

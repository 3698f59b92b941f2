"""From the evidence of every neuron to p-values that are corrected over all of them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from invert_captum.labeling.null_tables import shared_null
from invert_captum.labeling.permutation_test import KEPT_SCORES, tail_of
from invert_captum.result import NullScores
from invert_captum.significance import (
    ParetoTail,
    correct_p_values,
    extrapolated_p,
    shared_null_p,
    westfall_young,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from invert_captum.labeling.block import LabeledBlock
    from invert_captum.labeling.permutation_test import PermutationTest, PermutedBlock
    from invert_captum.labeling.settings import LabelingSettings
    from invert_captum.result import Explanation

# Of how many of the permuted scores of neurons with a table of their own a figure is made.
_MOST_SHOWN = 10_000


class PermutationEvidence:
    """What permutations say of all neurons of a call.

    Args:
        blocks: What they say of every block, in order.
        table: The shared null table, float64 of shape (P,); empty if no neuron uses it.
    """

    def __init__(self, blocks: Sequence[PermutedBlock], table: NDArray[np.float64]) -> None:
        self.statistics = np.concatenate([block.statistics for block in blocks])
        self.p_values = np.concatenate([block.p_values for block in blocks])
        self.n_used = np.concatenate([block.n_used for block in blocks])
        self.tails = np.concatenate([block.tails for block in blocks])
        self._own_null = np.concatenate([block.null for block in blocks], axis=1)
        self._table = table
        sample = np.concatenate([block.sample for block in blocks])
        self._sample = sample[np.isfinite(sample)]
        shared = np.concatenate([block.uses_shared for block in blocks])
        self._n_shared = int(shared.sum())
        if shared.any():
            self.p_values[shared] = shared_null_p(self.statistics[shared], table)
            self.n_used[shared] = len(table)
            fitted = ParetoTail.of(table)
            for neuron in np.flatnonzero(shared):
                tail = extrapolated_p(self.statistics[neuron], table, tail=fitted)
                self.tails[neuron] = tail_of(tail)

    @classmethod
    def gather(
        cls,
        test: PermutationTest,
        blocks: Sequence[LabeledBlock],
        key: str,
        null_cache: str | os.PathLike[str] | None,
        *,
        show: bool,
    ) -> PermutationEvidence:
        """Gather the evidence of all blocks; search the shared table if a neuron needs it.

        Args:
            test: The test of the blocks.
            blocks: All blocks.
            key: Of the shared table, from `table_key`.
            null_cache: Where such tables are kept on disk, or None.
            show: Whether to draw a progress bar on standard error.
        """
        permuted = [block.permuted for block in blocks if block.permuted is not None]
        table = np.empty(0)
        if any(block.uses_shared.any() for block in permuted):
            table = shared_null(test, key, null_cache, show=show)
        return cls(permuted, table)

    def added_to(self, explanations: Sequence[Explanation]) -> list[Explanation]:
        """Return the explanations, those of rank 0 with what the permutations say."""
        added, neuron = [], -1
        for one in explanations:
            neuron += one.rank == 0
            if one.rank > 0 or one.formula is None:
                added.append(one)
                continue
            p_value, (extrapolated, fit) = float(self.p_values[neuron]), self.tails[neuron]
            added.append(
                replace(
                    one,
                    log10_p=math.log10(p_value) if p_value > 0 else math.nan,
                    p_value=p_value,
                    statistic=float(self.statistics[neuron]),
                    n_permutations=int(self.n_used[neuron]),
                    p_extrapolated=float(extrapolated),
                    tail_fit=float(fit),
                )
            )
        return added

    def jointly_adjusted(self, *, standardise: bool) -> NDArray[np.float64]:
        """Return the p-values adjusted by max-T, float64 of shape (m,)."""
        return westfall_young(self.statistics, self._own_null, standardise=standardise)

    def null_scores(self) -> NullScores | None:
        """Return the permuted scores for a figure; None if there are none."""
        table = self._table[np.isfinite(self._table)]
        if len(self._sample) == 0:
            return NullScores("shared", tuple(table.tolist())) if len(table) else None
        # Evenly from all neurons, those that share the table too.
        sample = np.concatenate([self._sample, table[: self._n_shared * KEPT_SCORES]])
        step = -(-len(sample) // _MOST_SHOWN)
        return NullScores("sample", tuple(sample[::step].tolist()))


def corrected(
    explanations: Sequence[Explanation],
    settings: LabelingSettings,
    evidence: PermutationEvidence | None,
) -> tuple[Explanation, ...]:
    """Return the explanations, the p-values of rank 0 corrected over all neurons."""
    best = np.array([one.rank == 0 for one in explanations])
    p_values = np.array([one.p_value for one in explanations])
    p_values[~best] = np.nan
    if settings.is_joint and evidence is not None:
        adjusted = np.full(len(p_values), np.nan)
        adjusted[best] = evidence.jointly_adjusted(
            standardise=settings.correction == "westfall_young"
        )
        significant = adjusted <= settings.alpha
    else:
        adjusted, significant = correct_p_values(
            p_values, method=settings.correction, alpha=settings.alpha
        )
    return tuple(
        one
        if math.isnan(p_value)
        else replace(one, p_adjusted=float(of_one), significant=bool(rejected))
        for one, p_value, of_one, rejected in zip(
            explanations, p_values, adjusted, significant, strict=True
        )
    )

"""The table of `ablation_effect`: mean scores of concepts over groups of samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from numpy.typing import NDArray

    from invert_captum.attr.switching_off.ablation_runs import Columns
    from invert_captum.concepts import ConceptSet


@dataclass(frozen=True)
class Plan:
    """What is switched off for a concept, and what instead of it.

    Attributes:
        concept: The concept.
        neurons: Its neurons.
        draws: As many others, once for each draw; none if there are too few.
        n_random: How many draws were asked for.
    """

    concept: str
    neurons: Columns
    draws: list[Columns]
    n_random: int

    def runs(self) -> list[Columns]:
        """Return all sets of neurons that are switched off."""
        return [self.neurons, *self.draws] if self.neurons else []

    def rows_of(self, scores: dict[Columns, NDArray[np.float64]]) -> NDArray[np.float64]:
        """Return the scores of a batch: undisturbed, without the neurons, and of each draw.

        Returns:
            float64 of shape (2 + n_random, b); NaN where nothing was switched off.
        """
        before = scores[()]
        rows = np.full((2 + self.n_random, len(before)), np.nan)
        rows[0] = before
        for row, columns in enumerate(self.runs(), start=1):
            rows[row] = scores[columns]
        return rows


@dataclass(frozen=True)
class MeanScores:
    """Mean scores of c concepts over g groups of samples: all, and with and without the concept.

    Attributes:
        scores: float64 of shape (c, g, 2 + n_random): undisturbed, without the neurons, draws.
        sizes: int64 of shape (c, g).
    """

    scores: NDArray[np.float64]
    sizes: NDArray[np.int64]


def mean_scores(
    batches: Iterable[dict[Columns, NDArray[np.float64]]],
    plans: list[Plan],
    concepts: ConceptSet | None,
) -> MeanScores:
    """Average the scores that `batch_scores` yields; memory does not grow with the samples.

    Args:
        batches: The scores of each sample by the neurons that are switched off.
        plans: One for each concept, at least one.
        concepts: Which of the samples shows which concept, or None.
    """
    n_groups = 1 if concepts is None else 3
    present = {} if concepts is None else {plan.concept: concepts[plan.concept] for plan in plans}
    sums = np.zeros((len(plans), n_groups, 2 + plans[0].n_random))
    sizes = np.zeros((len(plans), n_groups), dtype=np.int64)
    start = 0
    for scores in batches:
        stop = start + len(scores[()])
        for place, plan in enumerate(plans):
            groups = np.ones((n_groups, stop - start), dtype=bool)
            if concepts is not None:
                groups[1] = present[plan.concept][start:stop]
                groups[2] = ~groups[1]
            rows = plan.rows_of(scores)
            # No product with 0 and 1: a score that is not finite is none of other groups.
            sums[place] += np.array([rows[:, group].sum(axis=1) for group in groups])
            sizes[place] += groups.sum(axis=1)
        start = stop
    with np.errstate(invalid="ignore"):
        return MeanScores(sums / sizes[:, :, None], sizes)


def effect_frame(plans: list[Plan], means: MeanScores) -> pd.DataFrame:
    """Return a row for each concept; see `ablation_effect`."""
    import pandas as pd

    columns: dict[str, Any] = {
        "concept": pd.Series([plan.concept for plan in plans], dtype=object),
        "n_neurons": [len(plan.neurons) for plan in plans],
        "neurons": pd.Series([plan.neurons for plan in plans], dtype=object),
    }
    suffixes = ("", "_with", "_without")[: means.sizes.shape[1]]
    for group, suffix in enumerate(suffixes):
        if suffix:
            columns[f"n{suffix}"] = means.sizes[:, group]
        before, after = means.scores[:, group, 0], means.scores[:, group, 1]
        columns[f"before{suffix}"] = before
        columns[f"after{suffix}"] = after
        columns[f"change{suffix}"] = after - before
        draws = means.scores[:, group, 2:]
        if draws.shape[1]:
            columns[f"random_change{suffix}"] = (draws - before[:, None]).mean(axis=1)
            spread = (
                draws.std(axis=1, ddof=1) if draws.shape[1] > 1 else np.full(len(draws), np.nan)
            )
            columns[f"random_std{suffix}"] = spread
    return pd.DataFrame(columns)

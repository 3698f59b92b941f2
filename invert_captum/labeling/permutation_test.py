"""The permutation test: the whole search rerun on permuted samples, for a block of neurons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from invert_captum._log import warn
from invert_captum.search import break_ties
from invert_captum.significance import ExceedanceCounts, extrapolated_p

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from invert_captum.labeling.searches import LabelSearch
    from invert_captum.labeling.settings import LabelingSettings
    from invert_captum.search import ActivationRows, Permutations, SearchedBlock

# So many permuted searches as good as the neuron's own decide that it is hopeless.
STOP_AFTER = 20
# Permutations drawn at a time: few first, because most hopeless neurons are found out at once.
_FIRST_DRAW, _LARGEST_DRAW = 32, 256
# How many permuted scores of a neuron are kept for figures.
_KEPT = 4


class Procedure(Protocol):
    """What is rerun: activations in, one statistic a neuron out, larger for more evidence."""

    def statistic(self, rows: ActivationRows) -> NDArray[np.float64]:
        """Return the statistics, float64 of shape (d,); NaN for a neuron that is set aside."""

    def permuted(
        self, rows: ActivationRows, permutations: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        """Return the statistics of permuted samples, float64 of shape (d, P)."""


@dataclass(frozen=True)
class BestScore:
    """The score of the best formula of a search of all samples."""

    search: LabelSearch

    def statistic(self, rows: ActivationRows) -> NDArray[np.float64]:
        """Return the best scores; see `Procedure`."""
        return best_scores(self.search.run(rows))

    def permuted(
        self, rows: ActivationRows, permutations: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        """Return the best scores of permuted samples; see `Procedure`."""
        return self.search.run_permuted(rows, permutations).scores


def best_scores(block: SearchedBlock) -> NDArray[np.float64]:
    """Return every neuron's best score, float64 of shape (d,); NaN where nothing was found."""
    return np.array([found[0].score if found else np.nan for found in block.found])


@dataclass(frozen=True, slots=True)
class PermutedBlock:
    """What permutations say of d neurons.

    Attributes:
        statistics: float64, shape (d,): the observed ones.
        uses_shared: bool, shape (d,): to be compared with the table of all neurons without ties;
            the next three are then without meaning.
        p_values: float64, shape (d,): by the neuron's own table; NaN without a statistic.
        n_used: int64, shape (d,): how many permutations these rest on.
        tails: float64, shape (d, 2): `Explanation.p_extrapolated` and ``tail_fit``.
        sample: float64: the first few permuted statistics of the neurons with their own table.
        null: float64, shape (P, d): all permuted statistics, for a correction that compares
            neurons with each other; else of shape (0, d).
    """

    statistics: NDArray[np.float64]
    uses_shared: NDArray[np.bool_]
    p_values: NDArray[np.float64]
    n_used: NDArray[np.int64]
    tails: NDArray[np.float64]
    sample: NDArray[np.float64]
    null: NDArray[np.float64]


class PermutationTest:
    """Compares neurons with permuted searches.

    Args:
        procedure: What is rerun.
        permutations: The permutations, the same for all neurons.
        n_permutations: How many of them, P.
        settings: The checked arguments.
    """

    def __init__(
        self,
        procedure: Procedure,
        permutations: Permutations,
        n_permutations: int,
        settings: LabelingSettings,
    ) -> None:
        self.procedure = procedure
        self.permutations = permutations
        self.n_permutations = n_permutations
        self._settings = settings
        if permutations.groups is not None:
            self._check_groups(permutations.groups)

    @property
    def searches_neurons(self) -> bool:
        """Whether neurons are searched with permuted samples, not only the shared table made."""
        own = self._settings.tied_neurons == "own_null"
        return own or self._settings.is_joint

    def _check_groups(self, groups: NDArray[np.int64]) -> None:
        if self._settings.tied_neurons != "own_null":
            raise ValueError(
                f"tied_neurons={self._settings.tied_neurons!r} uses the null table that neurons "
                "share, which does not apply to groups; expected 'own_null'"
            )
        n_groups, n_movable = len(np.unique(groups)), self.permutations.n_movable
        if n_movable == 0:
            raise ValueError(
                "groups has no two groups of the same size, so that no permutation can exchange "
                "them; reduce each group to one sample, or use significance='holdout'"
            )
        if 2 * n_movable < n_groups:
            warn(
                f"{n_groups - n_movable:,} of {n_groups:,} groups have a size of their own and "
                "stay where they are in every permutation, which costs power"
            )

    def run(self, rows: ActivationRows, block: SearchedBlock) -> PermutedBlock:
        """Test a block.

        Args:
            rows: The activations.
            block: What a search of all samples found.
        """
        usable, has_ties = block.usable, np.array([ties[0] != 0 for ties in block.tie_sums])
        if self._settings.tied_neurons == "random_tie_breaks":
            broken = break_ties(rows, self.permutations.n_samples, seed=self._settings.seed)
            statistics = self.procedure.statistic(broken)
        elif isinstance(self.procedure, BestScore):
            statistics = best_scores(block)
        else:
            statistics = self.procedure.statistic(rows)
        statistics = np.where(usable, statistics, np.nan)
        needs_own = has_ties & (self._settings.tied_neurons == "own_null")
        if self._settings.is_joint or self.permutations.groups is not None:
            needs_own = np.ones_like(usable)
        tested = usable & ~np.isnan(statistics)
        own = np.flatnonzero(needs_own & tested)
        p_values, tails = np.full(len(usable), np.nan), np.full((len(usable), 2), np.nan)
        n_used = np.zeros(len(usable), np.int64)
        null = np.empty((0, len(usable)))
        sample = np.empty(0)
        if len(own):
            counts, of_own = self._permute(rows.take_neurons(own), statistics[own])
            p_values[own], n_used[own] = counts.p_values(), counts.n_used
            for place, neuron in enumerate(own):
                if n_used[neuron] == self.n_permutations:
                    tail = extrapolated_p(statistics[neuron], of_own[place])
                    tails[neuron] = tail.p_value, tail.fit_p
            first = of_own[:, :_KEPT].ravel()
            sample = first[np.isfinite(first)]
            if self._settings.is_joint:
                null = np.full((self.n_permutations, len(usable)), np.nan)
                null[:, own] = of_own.T
        return PermutedBlock(statistics, tested & ~needs_own, p_values, n_used, tails, sample, null)

    def _permute(
        self, rows: ActivationRows, statistics: NDArray[np.float64]
    ) -> tuple[ExceedanceCounts, NDArray[np.float64]]:
        """Return the counts, and all permuted statistics, (d, P), NaN after an early stop."""
        stop_after = None if self._settings.is_joint else STOP_AFTER
        counts = ExceedanceCounts(statistics, self.n_permutations, stop_after=stop_after)
        of_neurons = np.full((len(statistics), self.n_permutations), np.nan)
        first, size = 0, _FIRST_DRAW
        while first < self.n_permutations and len(counts.active):
            active = counts.active
            stop = min(first + size, self.n_permutations)
            drawn = self.permutations.draw(first, stop)
            permuted = self.procedure.permuted(rows.take_neurons(active), drawn)
            of_neurons[active, first:stop] = permuted
            counts.add(permuted)
            first, size = stop, min(2 * size, _LARGEST_DRAW)
        return counts, of_neurons

"""The permutation test: the whole search rerun on permuted samples, for a block of neurons."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from invert_captum._log import warn
from invert_captum.search import break_ties
from invert_captum.significance import ENOUGH_EXCEEDANCES, ExceedanceCounts, extrapolated_p

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from invert_captum.labeling.searches import LabelSearch
    from invert_captum.labeling.settings import LabelingSettings
    from invert_captum.search import ActivationRows, Permutations, SearchedBlock
    from invert_captum.significance import Extrapolated

# So many permuted searches as good as the neuron's own decide that it is hopeless.
STOP_AFTER = 20
# Permutations drawn at a time: few first, because most hopeless neurons are found out at once.
_FIRST_DRAW, _LARGEST_DRAW = 32, 256
# Drawn permutations take 4 bytes a sample: 64 MB.
_DRAWN_SAMPLES = 2**24
# The tail of a neuron's own table is fitted to so many permuted scores at most.
_LONGEST_TABLE = 10_000
# How many permuted scores of a neuron are kept for figures.
KEPT_SCORES = 4


class Procedure(Protocol):
    """What is rerun: activations in, one statistic a neuron out, larger for more evidence."""

    def statistic(
        self, rows: ActivationRows, block: SearchedBlock | None = None
    ) -> NDArray[np.float64]:
        """Return the statistics, float64 of shape (d,); NaN for a neuron that is set aside.

        Args:
            rows: The activations.
            block: What a search of all samples found, if that was made.
        """

    def permuted(
        self, rows: ActivationRows, permutations: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        """Return the statistics of permuted samples, float64 of shape (d, P)."""


@dataclass(frozen=True)
class BestScore:
    """The score of the best formula of a search of all samples."""

    search: LabelSearch

    def statistic(
        self, rows: ActivationRows, block: SearchedBlock | None = None
    ) -> NDArray[np.float64]:
        """Return the best scores; see `Procedure`."""
        found = (block or self.search.run(rows)).found
        return np.array([one[0].score if one else np.nan for one in found])

    def permuted(
        self, rows: ActivationRows, permutations: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        """Return the best scores of permuted samples; see `Procedure`."""
        return self.search.run_permuted(rows, permutations).scores


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
        sample: float64, shape (d, 4): the first permuted statistics of the neurons with their own
            table; NaN for others.
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
        sizes = np.unique(groups, return_counts=True)[1]
        n_groups, n_movable = len(sizes), self.permutations.n_movable
        if n_movable == 0:
            raise ValueError(
                "groups has no two groups of the same size, so that no permutation can exchange "
                "them; reduce each group to one sample, or use significance='holdout'"
            )
        of_a_size = np.unique(sizes, return_counts=True)[1]
        log_different = sum(math.lgamma(count + 1) for count in of_a_size)
        if log_different < -math.log(self._settings.alpha):
            warn(
                f"groups can be exchanged in only {round(math.exp(log_different))} different ways, "
                f"so that no p-value can be as small as alpha={self._settings.alpha}"
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
            rows = break_ties(rows, self.permutations.n_samples, seed=self._settings.seed)
            statistics = self.procedure.statistic(rows)
        else:
            statistics = self.procedure.statistic(rows, block)
        statistics = np.where(usable, statistics, np.nan)
        needs_own = has_ties & (self._settings.tied_neurons == "own_null")
        if self._settings.is_joint or self.permutations.groups is not None:
            needs_own = np.ones_like(usable)
        tested = ~np.isnan(statistics)
        n, n_joint = len(usable), self.n_permutations * self._settings.is_joint
        outcome = PermutedBlock(
            statistics,
            uses_shared=tested & ~needs_own,
            p_values=np.full(n, np.nan),
            n_used=np.zeros(n, np.int64),
            tails=np.full((n, 2), np.nan),
            sample=np.full((n, KEPT_SCORES), np.nan),
            null=np.full((n_joint, n), np.nan),
        )
        own = np.flatnonzero(needs_own & tested)
        if len(own):
            self._compare_own(rows.take_neurons(own), own, outcome)
        return outcome

    def _compare_own(
        self, rows: ActivationRows, own: NDArray[np.int64], outcome: PermutedBlock
    ) -> None:
        """Write what the neurons ``own``, whose rows are given, have from their own tables."""
        statistics = outcome.statistics[own]
        counts, tables = self._permute(rows, statistics)
        outcome.p_values[own], outcome.n_used[own] = counts.p_values(), counts.n_used
        n_reached = outcome.p_values[own] * (1 + self.n_permutations) - 1
        rows_of_own = zip(own, statistics, tables, n_reached, strict=True)
        for neuron, statistic, table, reached in rows_of_own:
            # One that stopped early is nowhere near the end of its table.
            is_through = outcome.n_used[neuron] == self.n_permutations
            if is_through and round(reached) < ENOUGH_EXCEEDANCES:
                outcome.tails[neuron] = tail_of(extrapolated_p(statistic, table))
        first = tables[:, :KEPT_SCORES]
        outcome.sample[own, : first.shape[1]] = first
        if self._settings.is_joint:
            outcome.null[:, own] = tables.T

    def _permute(
        self, rows: ActivationRows, statistics: NDArray[np.float64]
    ) -> tuple[ExceedanceCounts, NDArray[np.float64]]:
        """Return the counts, and the permuted statistics, (d, ≤ P), NaN after an early stop."""
        stop_after = None if self._settings.is_joint else STOP_AFTER
        counts = ExceedanceCounts(statistics, self.n_permutations, stop_after=stop_after)
        n_kept = (
            self.n_permutations
            if self._settings.is_joint
            else min(self.n_permutations, _LONGEST_TABLE)
        )
        of_neurons = np.full((len(statistics), n_kept), np.nan)
        largest = largest_draw(self.permutations.n_samples)
        first, size = 0, min(_FIRST_DRAW, largest)
        while first < self.n_permutations and len(counts.active):
            active = counts.active
            stop = min(first + size, self.n_permutations)
            drawn = self.permutations.draw(first, stop)
            permuted = self.procedure.permuted(rows.take_neurons(active), drawn)
            of_neurons[active, first:stop] = permuted[:, : max(n_kept - first, 0)]
            counts.add(permuted)
            first, size = stop, min(2 * size, largest)
        return counts, of_neurons


def tail_of(extrapolated: Extrapolated) -> tuple[float, float]:
    """Return the p-value and the fit of a tail; NaN where a statistic is not in the tail."""
    if math.isnan(extrapolated.fit_p):
        return math.nan, math.nan
    return extrapolated.p_value, extrapolated.fit_p


def largest_draw(n_samples: int) -> int:
    """Return how many permutations of so many samples are drawn at a time at most."""
    return max(1, min(_LARGEST_DRAW, _DRAWN_SAMPLES // n_samples))

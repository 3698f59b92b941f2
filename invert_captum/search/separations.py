"""The samples inside and outside found formulas, counted by activation."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from invert_captum.search.kernels import separation as kernels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from invert_captum.search.activation_rows import ActivationRows
    from invert_captum.search.block_search import SearchedBlock
    from invert_captum.search.labels import SearchLabels


class ActivationCounts(NamedTuple):
    """How many samples of a part have each of g different activations.

    Attributes:
        values: float64, shape (g,), ascending.
        sizes: int64, shape (g,): the samples that have each,
        inside: int64, shape (t, g): and how many of those each of t formulas holds for.
    """

    values: NDArray[np.float64]
    sizes: NDArray[np.int64]
    inside: NDArray[np.int64]


class BlockSeparations:
    """Counts the samples inside and outside the formulas that were found for a block.

    Args:
        rows: The activations that were searched.
        labels: The labels,
        patterns: and which of their patterns have each concept.
        block: What was found.
    """

    def __init__(
        self,
        rows: ActivationRows,
        labels: SearchLabels,
        patterns: PatternColumns,
        block: SearchedBlock,
    ) -> None:
        self._rows = rows
        self._activations, _ = rows.as_float32()
        self._labels = labels
        self._patterns = patterns
        self._found = block.found

    def counts(self, neuron: int, part: int) -> ActivationCounts:
        """Return the counts of one neuron, given by its place in the block.

        Args:
            neuron: Which neuron; one that is finite.
            part: 0 for the searched samples, 1 for those held out.
        """
        formulas = [found.formula for found in self._found[neuron]]
        members = np.stack([formula.evaluate(self._patterns) for formula in formulas])
        examples, sizes, inside = kernels.separate(
            self._activations, self._labels.arrays, members.view(np.uint8), neuron, part
        )
        return ActivationCounts(self._values(neuron, examples), sizes, inside)

    def samples(
        self, neuron: int, place: int, part: int
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return the activations of a part's samples, and which of them a formula holds for.

        Args:
            neuron: Which neuron, by its place in the block.
            place: Which of its formulas.
            part: 0 for the searched samples, 1 for those held out.

        Returns:
            *tuple*: float64 and bool, both of the part's number of samples, in their order.
        """
        slots, n_patterns = self._labels.arrays.slots, self._labels.n_patterns
        of_part = np.flatnonzero((slots >= n_patterns) == (part == 1))
        members = self._found[neuron][place].formula.evaluate(self._patterns)
        inside = members[slots[of_part] - part * n_patterns]
        start, stop = self._rows.starts[neuron], self._rows.starts[neuron + 1]
        stored = self._rows.values[start:stop]
        if self._rows.samples is None:
            return stored[of_part].astype(np.float64), inside
        values = np.zeros(len(slots))
        values[self._rows.samples[start:stop]] = stored
        return values[of_part], inside

    def _values(self, neuron: int, examples: NDArray[np.int64]) -> NDArray[np.float64]:
        start, stop = self._rows.starts[neuron], self._rows.starts[neuron + 1]
        stored, samples = self._rows.values[start:stop], self._rows.samples
        values = np.zeros(len(examples))
        given = examples != kernels.ZEROS
        at = examples[given]
        if samples is not None:
            at = np.searchsorted(samples[start:stop], at)
        values[given] = stored[at]
        return values


class PatternColumns:
    """Concepts as columns over label patterns, for `Formula.evaluate`.

    Args:
        labels: The labels.
    """

    def __init__(self, labels: SearchLabels) -> None:
        self._arrays = labels.arrays
        self._n_patterns = labels.n_patterns
        # The first k literals are what the kernels know as the concepts.
        self._of_name = {
            str(literal.name): (place, literal.negated)
            for place, literal in enumerate(labels.literals[: labels.n_concepts])
        }

    def __getitem__(self, name: str) -> NDArray[np.bool_]:
        place, negated = self._of_name[name]
        starts = self._arrays.column_starts
        column = np.full(self._n_patterns, negated)
        column[self._arrays.rows[starts[place] : starts[place + 1]]] = not negated
        return column

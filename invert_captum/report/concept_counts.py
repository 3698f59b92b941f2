"""How many neurons hold each concept, counted over their best labels."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from invert_captum.result import Explanation, LabelingResult

    Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ConceptCounts:
    """Neurons by the concepts that their best labels assert, those with the most first.

    A label asserts the concepts that stand in it without a negation; a neuron whose label asserts
    two is counted for both. Labels that were not tested count as if they were significant.

    Attributes:
        names: The k concepts.
        columns: What the c columns of the counts are: layers, or one for all of them.
        alone: int64 (k, c): significant labels that are nothing but the concept.
        combined: int64 (k, c): significant labels that have more than it.
        doubtful: int64 (k, c): labels that are not significant.
        n_only_negated: How many significant labels assert no concept.
    """

    names: tuple[str, ...]
    columns: tuple[str | None, ...]
    alone: Counts
    combined: Counts
    doubtful: Counts
    n_only_negated: int

    @classmethod
    def of(cls, result: LabelingResult, *, pooled: bool) -> ConceptCounts:
        """Count them, by layer or, if ``pooled``, over all layers."""
        columns = (None,) if pooled else result.layers
        tallies: dict[str, Counter[tuple[str, str | None]]] = {
            kind: Counter() for kind in ("alone", "combined", "doubtful")
        }
        n_only_negated = 0
        for one in result.explanations:
            if one.rank or one.formula is None:
                continue
            asserted = asserted_concepts(one)
            n_only_negated += not asserted and one.significant is not False
            kind = "alone" if one.length == 1 else "combined"
            if one.significant is False:
                kind = "doubtful"
            column = None if pooled else one.layer
            tallies[kind].update((name, column) for name in asserted)
        names = {name for tally in tallies.values() for name, _ in tally}
        counts = {
            kind: {name: [tally[name, column] for column in columns] for name in names}
            for kind, tally in tallies.items()
        }

        def order(name: str) -> tuple[int, int, str]:
            sure = sum(counts["alone"][name]) + sum(counts["combined"][name])
            return -sure, -sum(counts["doubtful"][name]), name

        ordered = tuple(sorted(names, key=order))
        tables = {
            kind: np.array([rows[name] for name in ordered], np.int64).reshape(-1, len(columns))
            for kind, rows in counts.items()
        }
        return cls(ordered, columns, **tables, n_only_negated=n_only_negated)

    @property
    def n_sure(self) -> int:
        """How many concepts a significant label asserts."""
        return int(((self.alone + self.combined).sum(axis=1) > 0).sum())


def asserted_concepts(explanation: Explanation) -> set[str]:
    """Return the concepts that stand in a label without a negation."""
    if explanation.formula is None:
        return set()
    return {str(literal.name) for literal in explanation.formula.literals() if not literal.negated}

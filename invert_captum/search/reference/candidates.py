"""The candidates of one level of a search: their sizes and scores as arrays, not as objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from invert_captum.search.formula import Formula
    from invert_captum.search.reference.label_matrix import LabelMatrix
    from invert_captum.search.reference.labels import ReferenceLabels
    from invert_captum.search.settings import SearchSettings

# How a formula f is joined with a concept c: f&c, f&~c, f|c, f|~c.
_AND, _AND_NOT, _OR, _OR_NOT = range(4)


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A formula that a search found for a neuron.

    Attributes:
        formula: The formula.
        n_positive: For how many of the search's samples it holds.
        rank_sum: The sum of those samples' doubled mid-ranks.
        score: The search's score, higher is better.
        mask: The samples, bool of shape (n,).
    """

    formula: Formula
    n_positive: int
    rank_sum: int
    score: float
    mask: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Candidates:
    """What one level of the search chooses from: the old beam, then the new formulas.

    Attributes:
        parents: The old beam, b formulas; empty at level 1.
        labels: Where the literals and their samples come from.
        code: int64, shape (m,): parent, join and literal of every new formula, in one number.
        n_positive: int64, shape (b + m,): the sizes of the formulas' sets of samples.
        rank_sum: int64, shape (b + m,): the sums of the sets' doubled mid-ranks.
        score: float64, shape (b + m,): higher is better.
    """

    parents: Sequence[Found]
    labels: ReferenceLabels
    code: NDArray[np.int64]
    n_positive: NDArray[np.int64]
    rank_sum: NDArray[np.int64]
    score: NDArray[np.float64]

    def formula(self, index: int) -> Formula:
        """Return formula ``index``."""
        if index < len(self.parents):
            return self.parents[index].formula
        parent, join, concept = self._decode(index)
        negated = join in (_AND_NOT, _OR_NOT)
        literal = self.labels.literals[negated * self.labels.matrix.n_concepts + concept]
        if parent is None:
            return literal
        return parent.formula & literal if join in (_AND, _AND_NOT) else parent.formula | literal

    def mask(self, index: int) -> NDArray[np.bool_]:
        """Return the samples of formula ``index``, bool of shape (n,)."""
        if index < len(self.parents):
            return self.parents[index].mask
        parent, join, concept = self._decode(index)
        mask = self.labels.matrix.column(concept)
        if join in (_AND_NOT, _OR_NOT):
            np.logical_not(mask, out=mask)
        if parent is not None:
            join_masks = np.logical_and if join in (_AND, _AND_NOT) else np.logical_or
            join_masks(mask, parent.mask, out=mask)
        return mask

    def found(self, index: int) -> Found:
        """Return formula ``index`` with all that is known of it."""
        if index < len(self.parents):
            return self.parents[index]
        return Found(
            self.formula(index),
            int(self.n_positive[index]),
            int(self.rank_sum[index]),
            float(self.score[index]),
            self.mask(index),
        )

    def _decode(self, index: int) -> tuple[Found | None, int, int]:
        code = int(self.code[index - len(self.parents)])
        rest, concept = divmod(code, self.labels.matrix.n_concepts)
        if not self.parents:
            return None, rest, concept
        parent, join = divmod(rest, 4)
        return self.parents[parent], join, concept


def literal_candidates(
    rank_sums: NDArray[np.int64], labels: ReferenceLabels, settings: SearchSettings
) -> Candidates:
    """Return the literals within the limits, scored for one neuron: level 1.

    Args:
        rank_sums: S(c) of every concept, shape (k,), as `LabelMatrix.rank_sums` gives it.
        labels: The labels that were summed over.
        settings: Limits and score.
    """
    matrix = labels.matrix
    # A literal's code is that of joining nothing by AND or AND NOT.
    sizes = np.stack([matrix.counts, matrix.n_samples - matrix.counts])
    sums = np.stack([rank_sums, _total(matrix) - rank_sums])
    code = np.flatnonzero(_within_limits(sizes, settings))
    sizes, sums = sizes.ravel()[code], sums.ravel()[code]
    score = settings.score(sizes, sums, matrix.n_samples)
    return Candidates((), labels, code, sizes, sums, score)


def joined_candidates(
    beam: Sequence[Found],
    doubled: NDArray[np.int64],
    rank_sums: NDArray[np.int64],
    labels: ReferenceLabels,
    settings: SearchSettings,
) -> Candidates:
    """Return the beam and every formula of it joined with every literal by AND and by OR.

    Left out is what cannot be new: a join with as many samples as the joined formula, or as the
    literal (of two nested sets of equal size both are the same).

    Args:
        beam: The formulas of the last level.
        doubled: Doubled mid-ranks of the neuron, shape (n,).
        rank_sums: S(c) of every concept, shape (k,).
        labels: The labels of the same samples.
        settings: Limits and score.
    """
    matrix = labels.matrix
    sizes = np.empty((len(beam), 4, matrix.n_concepts), dtype=np.int64)
    sums = np.empty_like(sizes)
    for parent, size, rank_sum in zip(beam, sizes, sums, strict=True):
        joint_size, joint_sum = matrix.joint_sums(parent.mask, doubled)
        _fill_joins(size, joint_size, parent.n_positive, matrix.counts, matrix.n_samples)
        _fill_joins(rank_sum, joint_sum, parent.rank_sum, rank_sums, _total(matrix))

    beam_sizes = np.array([parent.n_positive for parent in beam], dtype=np.int64)
    literal_sizes = np.stack([matrix.counts, matrix.n_samples - matrix.counts] * 2)
    allowed = _within_limits(sizes, settings)
    allowed &= sizes != beam_sizes[:, np.newaxis, np.newaxis]
    allowed &= sizes != literal_sizes
    code = np.flatnonzero(allowed)
    new_sizes, new_sums = sizes.ravel()[code], sums.ravel()[code]
    new_score = settings.score(new_sizes, new_sums, matrix.n_samples)
    return Candidates(
        beam,
        labels,
        code,
        np.concatenate([beam_sizes, new_sizes]),
        np.concatenate([np.array([p.rank_sum for p in beam], dtype=np.int64), new_sums]),
        np.concatenate([np.array([p.score for p in beam], dtype=np.float64), new_score]),
    )


def _total(matrix: LabelMatrix) -> int:
    """Return the sum of all doubled mid-ranks."""
    return matrix.n_samples * (matrix.n_samples + 1)


def _fill_joins(
    out: NDArray[np.int64],
    joint: NDArray[np.int64],
    parent: int,
    literal: NDArray[np.int64],
    total: int,
) -> None:
    """Write a measure of f&c, f&~c, f|c and f|~c, given that of f&c, f, c and of all samples."""
    out[_AND] = joint
    np.subtract(parent, joint, out=out[_AND_NOT])
    np.subtract(parent + literal, joint, out=out[_OR])
    # f | ~c leaves out just the samples of c that are not in f.
    np.subtract(total + joint, literal, out=out[_OR_NOT])


def _within_limits(sizes: NDArray[np.int64], settings: SearchSettings) -> NDArray[np.bool_]:
    low, high = settings.n_positive_low, settings.n_positive_high
    return (sizes >= low) & (sizes <= high)

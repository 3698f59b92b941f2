"""The candidates of one level of a search: the old beam, then every new formula by its number."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from invert_captum._compiling import compiled
from invert_captum.search.kernels.bit_sets import AND, AND_NOT, OR, write_column, write_join
from invert_captum.search.kernels.formula_codes import (
    AND_OPERATOR,
    NO_OPERATOR,
    OR_OPERATOR,
    append,
)
from invert_captum.search.kernels.scores import score

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from invert_captum.search.kernels.beams import Beam, Limits
    from invert_captum.search.kernels.label_arrays import LabelArrays

LEFT_OUT = -np.inf


class Candidates(NamedTuple):
    """What one level of the search chooses from.

    Candidate i < n_old is formula i of the old beam. Above that, candidate n_old + code is a new
    formula: at level 1 (no parents) the literal ``code``; else code is
    (parent · 4 + join) · k + concept.

    Attributes:
        beam: The old beam.
        n_old: How many formulas it has.
        parents: int64, shape (p,): those of its formulas that are joined with all literals.
        joint: int64, shape (b, k, 2): N(f∧c) and S(f∧c) of every parent f and concept c, at the
            parent's place in the beam.
        rank_sums: int64, shape (k,): S(c).
        scores: float64, shape (n_old + number of new formulas,): `LEFT_OUT` outside the limits.
    """

    beam: Beam
    n_old: int
    parents: NDArray[np.int64]
    joint: NDArray[np.int64]
    rank_sums: NDArray[np.int64]
    scores: NDArray[np.float64]


@compiled
def joined(join: int, joint: int, parent: int, literal: int, total: int) -> int:
    """Return a measure of f&c, f&~c, f|c or f|~c, given that of f&c, f, c and of all samples."""
    if join == AND:
        return joint
    if join == AND_NOT:
        return parent - joint
    if join == OR:
        return parent + literal - joint
    # f | ~c leaves out just the samples of c that are not in f.
    return total + joint - literal


@compiled
def fill_literal_scores(
    labels: LabelArrays, limits: Limits, rank_sums: NDArray[np.int64],
    scores: NDArray[np.float64],
) -> None:  # fmt: skip
    """Score the 2k literals: level 1."""
    n_concepts, n = len(labels.counts), limits.n_samples
    for concept in range(n_concepts):
        size, rank_sum = labels.counts[concept], rank_sums[concept]
        scores[concept] = _score(limits, size, rank_sum)
        scores[n_concepts + concept] = _score(limits, n - size, n * (n + 1) - rank_sum)


@compiled
def fill_scores(labels: LabelArrays, limits: Limits, candidates: Candidates) -> None:
    """Score the old beam and all joins of the parents.

    Left out is what cannot be new: a join with as many samples as the joined formula, or as the
    literal (of two nested sets of equal size both are the same).
    """
    n_concepts, n = len(labels.counts), limits.n_samples
    beam, scores = candidates.beam, candidates.scores
    scores[: candidates.n_old] = beam.scores[: candidates.n_old]
    at = candidates.n_old
    for number in range(len(candidates.parents)):
        parent = candidates.parents[number]
        size, rank_sum = beam.sizes[parent], beam.rank_sums[parent]
        for join in range(4):
            for concept in range(n_concepts):
                count = labels.counts[concept]
                literal = count if join in (AND, OR) else n - count
                new = joined(join, candidates.joint[parent, concept, 0], size, count, n)
                if new in (size, literal) or new < limits.low or new > limits.high:
                    scores[at] = LEFT_OUT
                else:
                    new_sum = joined(
                        join, candidates.joint[parent, concept, 1], rank_sum,
                        candidates.rank_sums[concept], n * (n + 1),
                    )  # fmt: skip
                    scores[at] = score(limits.score_kind, new, new_sum, n)
                at += 1


@compiled
def _score(limits: Limits, size: int, rank_sum: int) -> float:
    if size < limits.low or size > limits.high:
        return LEFT_OUT
    return score(limits.score_kind, size, rank_sum, limits.n_samples)


@compiled
def decode(candidates: Candidates, index: int, n_concepts: int) -> tuple[int, int, int]:
    """Return the number of a new formula's parent (−1 at level 1), its join and its concept."""
    code = index - candidates.n_old
    concept = code % n_concepts
    if len(candidates.parents) == 0:
        return -1, code // n_concepts, concept
    rest = code // n_concepts
    return rest >> 2, rest & 3, concept


@compiled
def measure(
    labels: LabelArrays, limits: Limits, candidates: Candidates, index: int
) -> tuple[int, int]:
    """Return the size and the rank sum of a candidate."""
    beam, n = candidates.beam, limits.n_samples
    if index < candidates.n_old:
        return beam.sizes[index], beam.rank_sums[index]
    number, join, concept = decode(candidates, index, len(labels.counts))
    count, rank_sum = labels.counts[concept], candidates.rank_sums[concept]
    if number < 0:
        return (count, rank_sum) if join == AND else (n - count, n * (n + 1) - rank_sum)
    parent = candidates.parents[number]
    joint = candidates.joint[parent, concept]
    return (
        joined(join, joint[0], beam.sizes[parent], count, n),
        joined(join, joint[1], beam.rank_sums[parent], rank_sum, n * (n + 1)),
    )


@compiled
def write_formula(
    labels: LabelArrays, candidates: Candidates, index: int, literals: NDArray[np.int32],
    operators: NDArray[np.int8],
) -> int:  # fmt: skip
    """Write the formula of a candidate and return its length."""
    beam, n_concepts = candidates.beam, len(labels.counts)
    if index < candidates.n_old:
        literals[:], operators[:] = beam.literals[index], beam.operators[index]
        return beam.lengths[index]
    number, join, concept = decode(candidates, index, n_concepts)
    literal = concept if join in (AND, OR) else n_concepts + concept
    if number < 0:
        literals[0], operators[0] = literal, NO_OPERATOR
        return 1
    parent = candidates.parents[number]
    literals[:], operators[:] = beam.literals[parent], beam.operators[parent]
    operator = np.int8(AND_OPERATOR if join in (AND, AND_NOT) else OR_OPERATOR)
    return append(literals, operators, beam.lengths[parent], literal, operator, labels.order)


@compiled
def write_members(
    labels: LabelArrays, candidates: Candidates, index: int, out: NDArray[np.uint64]
) -> None:
    """Write the searched patterns that a candidate holds for."""
    if index < candidates.n_old:
        out[:] = candidates.beam.members[index]
        return
    number, join, concept = decode(candidates, index, len(labels.counts))
    rows = labels.rows[labels.column_starts[concept] : labels.column_stops[concept]]
    if number < 0:
        write_column(rows, join == AND_NOT, labels.n_searched, out)
    else:
        parent = candidates.beam.members[candidates.parents[number]]
        write_join(parent, rows, join, labels.n_searched, out)

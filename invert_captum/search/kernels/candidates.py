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
from invert_captum.search.kernels.scores import numerator_weights, score

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
    joint = np.empty((2, n_concepts))
    for parent in candidates.parents:
        size, rank_sum = beam.sizes[parent], beam.rank_sums[parent]
        # Apart, because only side by side are several read in one instruction.
        for concept in range(n_concepts):
            joint[0, concept] = candidates.joint[parent, concept, 0]
            joint[1, concept] = candidates.joint[parent, concept, 1]
        for join in range(4):
            of_joint, of_literal, constant = _weights(join, size, n)
            _, _, constant_sum = _weights(join, rank_sum, n * (n + 1))
            _fill_joins(
                labels.counts, candidates.rank_sums, joint[0], joint[1], of_joint, of_literal,
                (constant, constant_sum), join in (AND, OR), size, limits,
                scores[at : at + n_concepts],
            )  # fmt: skip
            at += n_concepts


@compiled
def _weights(join: int, parent: int, total: int) -> tuple[float, float, float]:
    """Return (a, b, c) so that `joined` is a · joint + b · literal + c."""
    if join == AND:
        return 1.0, 0.0, 0.0
    if join == AND_NOT:
        return -1.0, 0.0, float(parent)
    if join == OR:
        return -1.0, 1.0, float(parent)
    return 1.0, -1.0, float(total)


@compiled
def _fill_joins(
    counts: NDArray[np.int64], rank_sums: NDArray[np.int64], joint_sizes: NDArray[np.float64],
    joint_rank_sums: NDArray[np.float64], of_joint: float, of_literal: float,
    constants: tuple[float, float], is_plain: bool, parent_size: int, limits: Limits,
    scores: NDArray[np.float64],
) -> None:  # fmt: skip
    """Score one join of one parent with every concept.

    All is in float64, which holds every sum here exactly, and without a branch: so processors
    score several concepts at once.
    """
    of_u, of_pairs = numerator_weights(limits.score_kind)
    constant, constant_sum = constants
    n, size = float(limits.n_samples), float(parent_size)
    low, high = float(limits.low), float(limits.high)
    start, sign = (0.0, 1.0) if is_plain else (n, -1.0)
    for concept in range(len(scores)):
        count, rank_sum = float(counts[concept]), float(rank_sums[concept])
        new = of_joint * joint_sizes[concept] + of_literal * count + constant
        new_sum = of_joint * joint_rank_sums[concept] + of_literal * rank_sum + constant_sum
        n_pairs = new * (n - new)
        doubled_u = new_sum - new * (new + 1.0)
        value = abs(of_u * doubled_u + of_pairs * n_pairs) / (2.0 * n_pairs)
        literal = start + sign * count
        left_out = (new == size) | (new == literal) | (new < low) | (new > high)
        scores[concept] = LEFT_OUT if left_out else value


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

"""Searching a block of neurons: the kernels between arrays and formulas.

For every neuron a beam search finds the formulas whose samples its activations separate best
(Bykov et al., NeurIPS 2023, arXiv 2311.13594). Level 1 scores all literals; each further level
joins every formula of the beam with every literal by AND and by OR. The beam keeps the best of the
old beam and the new formulas together, so that shorter ones survive. Unlike in the published code,
where copies of one explanation fill the beam, two formulas with the same set of samples are one:
the shorter stays, then the alphabetically first.

`search.kernels` does the work; `search.reference` does the same in plain NumPy, for the tests.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from invert_captum.search.formula import Formula, Operator, join
from invert_captum.search.kernels import block_search as kernels
from invert_captum.search.kernels.beams import Limits
from invert_captum.search.kernels.formula_codes import AND_OPERATOR
from invert_captum.search.kernels.rank_sums import TIE_SHIFT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from invert_captum.search.activation_rows import ActivationRows
    from invert_captum.search.labels import SearchLabels
    from invert_captum.search.settings import SearchSettings


@dataclass(frozen=True, slots=True)
class Found:
    """A formula that a search found for a neuron, with its part in both parts of the samples.

    Attributes:
        formula: The formula.
        score: The search's score, higher is better.
        sizes: For how many of the searched and of the held-out samples it holds.
        rank_sums: The sums of these samples' doubled mid-ranks, each part ranked on its own.
    """

    formula: Formula
    score: float
    sizes: tuple[int, int]
    rank_sums: tuple[int, int]


@dataclass(frozen=True, slots=True)
class SearchedBlock:
    """What was found for d neurons.

    Attributes:
        usable: bool, shape (d,): finite, and not constant on the searched samples.
        digests: uint64, shape (d,): a number that depends on every activation of the neuron.
        tie_sums: Σ(t³ − t) over the groups of t equal activations, by neuron and part.
        found: The formulas of every neuron, best first; none where not usable.
    """

    usable: NDArray[np.bool_]
    digests: NDArray[np.uint64]
    tie_sums: list[tuple[int, int]]
    found: list[list[Found]] = field(repr=False)


def search_block(
    rows: ActivationRows, labels: SearchLabels, settings: SearchSettings, *, top_k: int
) -> SearchedBlock:
    """Search the best formulas of every neuron of a block, on the thread that calls.

    Args:
        rows: The activations of d neurons over all samples.
        labels: The labels of the same samples.
        settings: Limits and score.
        top_k: How many formulas to return at most.

    Returns:
        *SearchedBlock*: formulas best first, that is by the higher score, then the shorter
        formula, then the alphabetically first. No two of a neuron have the same set of searched
        samples (or, under a symmetric score, complementary ones), none a part that could be
        dropped without changing its samples. No formulas if no literal is within the limits.
    """
    activations, digests = rows.as_float32()
    n, width, length = rows.n_neurons, settings.beam_width, settings.max_length
    ranked = _room_for_ranked(n)
    found = kernels.Found(
        counts=np.zeros(n, np.int64),
        literals=np.empty((n, width, length), np.int32),
        operators=np.empty((n, width, length), np.int8),
        lengths=np.empty((n, width), np.int64),
        scores=np.empty((n, width)),
        sizes=np.empty((n, width, 2), np.int64),
        rank_sums=np.empty((n, width, 2), np.int64),
    )
    limits = kernel_limits(labels, settings)
    kernels.search_block(activations, labels.arrays, limits, ranked, found)
    return SearchedBlock(
        ranked.status == kernels.SEARCHED,
        ranked.digests if digests is None else digests,
        _tie_sums(ranked.ties),
        found_formulas(found, labels, top_k),
    )


def concept_rank_sums(
    rows: ActivationRows, labels: SearchLabels
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Return S(c), the sum of the doubled mid-ranks, of every neuron and concept.

    Args:
        rows: The activations of d neurons over all samples.
        labels: The labels of the same samples.

    Returns:
        *tuple*: which neurons are finite and not constant, bool of shape (d,); the sums, int64 of
        shape (d, k), without meaning for other neurons.
    """
    activations, _ = rows.as_float32()
    ranked = _room_for_ranked(rows.n_neurons)
    sums = np.empty((rows.n_neurons, labels.n_concepts), np.int64)
    kernels.score_block(activations, labels.arrays, ranked, sums)
    return ranked.status == kernels.SEARCHED, sums


def digest_rows(rows: ActivationRows) -> NDArray[np.uint64]:
    """Return a number for every neuron that depends on all of its activations.

    Args:
        rows: The activations of d neurons over all samples.

    Returns:
        *numpy.ndarray* of uint64, shape (d,): the digests that `search_block` gives.
    """
    if not rows.is_narrow:
        return rows.wide_digests()
    activations, _ = rows.as_float32()
    digests = np.empty(rows.n_neurons, np.uint64)
    kernels.digest_block(activations, digests)
    return digests


def _room_for_ranked(n_neurons: int) -> kernels.Ranked:
    return kernels.Ranked(
        np.empty(n_neurons, np.int8),
        np.empty(n_neurons, np.uint64),
        np.zeros((n_neurons, 2, 2), np.int64),
    )


def _tie_sums(ties: NDArray[np.int64]) -> list[tuple[int, int]]:
    # Python's integers, because cubes of large groups overflow 64 bits.
    return [
        ((searched[0] << TIE_SHIFT) + searched[1], (heldout[0] << TIE_SHIFT) + heldout[1])
        for searched, heldout in ties.tolist()
    ]


def kernel_limits(labels: SearchLabels, settings: SearchSettings) -> Limits:
    """Return the settings of a search as the kernels read them."""
    return Limits(
        settings.max_length,
        settings.beam_width,
        settings.n_positive_low,
        settings.n_positive_high,
        settings.score.kind,
        labels.n_searched,
    )


def found_formulas(found: kernels.Found, labels: SearchLabels, top_k: int) -> list[list[Found]]:
    """Return the best ``top_k`` formulas of every neuron, from what the kernels wrote."""
    return [
        [_found(found, labels, neuron, place) for place in range(min(top_k, count))]
        for neuron, count in enumerate(found.counts.tolist())
    ]


def _found(found: kernels.Found, labels: SearchLabels, neuron: int, place: int) -> Found:
    literals = found.literals[neuron, place, : found.lengths[neuron, place]]
    return Found(
        _formula(labels, literals.tolist(), found.operators[neuron, place].tolist()),
        float(found.scores[neuron, place]),
        tuple(found.sizes[neuron, place].tolist()),
        tuple(found.rank_sums[neuron, place].tolist()),
    )


def _formula(labels: SearchLabels, literals: list[int], operators: list[int]) -> Formula:
    """Return the formula of a code; see `kernels.formula_codes`."""
    parts = [labels.literals[literal] for literal in literals]
    formula, start = parts[0], 1
    while start < len(parts):
        stop = start + 1
        while stop < len(parts) and operators[stop] == operators[start]:
            stop += 1
        operator: Operator = "&" if operators[start] == AND_OPERATOR else "|"
        formula = join(operator, (formula, *parts[start:stop]))
        start = stop
    return formula

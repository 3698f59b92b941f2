"""The labels of a search, with samples that have the same labels taken together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse

from invert_captum.search.formula import Formula
from invert_captum.search.kernels.label_arrays import LabelArrays

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# Sums of doubled mid-ranks reach n(n+1). Below this n they and every difference of them are exact
# as float64, too, so that the one division of a score is its only rounding.
MAX_SAMPLES = 2**26


@dataclass(frozen=True, slots=True)
class SearchLabels:
    """The labels of all samples, of which a part may be held out from the search.

    Samples with the same labels are one *pattern*: a formula holds for all of them or for none, so
    that a search needs only each pattern's rank sum. With 1,000 classes and their superclasses as
    concepts, 50,000 samples are 1,000 patterns.

    Work grows with the number of labels. A concept that most patterns have is therefore kept by
    those that lack it: for the kernels its negation is the concept.

    Attributes:
        arrays: The labels as the kernels read them.
        literals: 2k formulas: what the kernels know as the k concepts, then the negations of these.
        negated: bool, shape (k,): the concepts whose negation the kernels know as the concept.
    """

    arrays: LabelArrays = field(repr=False)
    literals: tuple[Formula, ...] = field(repr=False)
    negated: NDArray[np.bool_] = field(repr=False)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle so that arrays can be written when they come back; see `_unpickled`."""
        return _unpickled, (*self.arrays, self.literals, self.negated)

    @property
    def n_searched(self) -> int:
        """The number of samples that the search sees."""
        return int(self.arrays.weights[0].sum())

    @property
    def n_heldout(self) -> int:
        """The number of samples that it does not see."""
        return int(self.arrays.weights[1].sum())

    @property
    def n_concepts(self) -> int:
        """The number of concepts, k."""
        return len(self.arrays.counts)

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many searched samples have each concept, int64 of shape (k,)."""
        return np.where(self.negated, self.n_searched - self.arrays.counts, self.arrays.counts)

    def of_concepts(self, rank_sums: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rank sums S(c) of the concepts, given those that the kernels made, (d, k)."""
        total = self.n_searched * (self.n_searched + 1)
        return np.where(self.negated, total - rank_sums, rank_sums)

    @property
    def n_patterns(self) -> int:
        """The number of different rows of labels, g."""
        return int(self.arrays.weights.shape[1])

    @classmethod
    def from_labels(
        cls,
        labels: scipy.sparse.csr_array,
        names: Sequence[str],
        heldout: NDArray[np.bool_] | None = None,
    ) -> SearchLabels:
        """Prepare labels for searches.

        Args:
            labels: bool, shape (n, k).
            names: What the k concepts are called.
            heldout: The samples that the search must not see, bool of shape (n,); None if none.

        Raises:
            ValueError: If there are more samples than the sums of ranks are exact for.
        """
        n_samples = labels.shape[0]
        if n_samples >= MAX_SAMPLES:
            raise ValueError(f"labels has {n_samples:,} samples; at most {MAX_SAMPLES - 1:,}")
        part = np.zeros(n_samples, np.int64) if heldout is None else heldout.astype(np.int64)
        pattern_of, example = _patterns(labels, part)
        rows = scipy.sparse.csr_array(labels[example])
        negated = 2 * np.bincount(rows.indices, minlength=len(names)) > rows.shape[0]
        literals = [
            Formula(name, bool(is_not)) for name, is_not in zip(names, negated, strict=True)
        ]
        literals += [~literal for literal in literals]
        columns = _with_negated(rows, negated)
        arrays = _label_arrays(columns, pattern_of, part, _text_order(literals))
        return cls(arrays, tuple(literals), negated)


def _unpickled(*parts: Any) -> SearchLabels:
    """Return labels whose arrays can be written.

    Executors may hand on the memory of a message, which cannot; numba would then compile the
    kernels once more.
    """
    *arrays, literals, negated = parts
    writable: list[Any] = [
        np.require(one, requirements="W") if isinstance(one, np.ndarray) else one for one in arrays
    ]
    return SearchLabels(LabelArrays(*writable), literals, negated)


def _patterns(
    labels: scipy.sparse.csr_array, part: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pattern of every sample and one sample of every pattern.

    Patterns that the searched part has come first, each kind in the order of appearance.
    """
    from invert_captum.search.kernels.patterns import are_equal_rows, hash_rows

    if not labels.has_canonical_format:
        labels = labels.copy()
        labels.sum_duplicates()
    starts, concepts = labels.indptr.astype(np.int64), labels.indices.astype(np.int32)
    seed = 0
    while True:
        factors = np.random.default_rng(seed).integers(1, 2**64, labels.shape[1], dtype=np.uint64)
        _, first, pattern_of = np.unique(
            hash_rows(starts, concepts, factors), return_index=True, return_inverse=True
        )
        # Different rows as good as never have the same hash; if they do, other factors tell them.
        if are_equal_rows(starts, concepts, first[pattern_of]):
            break
        seed += 1
    is_searched = np.zeros(len(first), np.bool_)
    is_searched[pattern_of[part == 0]] = True
    order = np.lexsort((first, ~is_searched))
    renumbered = np.empty_like(order)
    renumbered[order] = np.arange(len(order))
    return renumbered[pattern_of], first[order]


def _with_negated(
    rows: scipy.sparse.csr_array, negated: NDArray[np.bool_]
) -> scipy.sparse.csc_array:
    """Return the labels of the patterns, some concepts replaced by their negations."""
    columns = scipy.sparse.csc_array(rows)
    columns.sort_indices()
    if not negated.any():
        return columns
    everything = np.arange(rows.shape[0], dtype=columns.indices.dtype)
    members = np.split(columns.indices, columns.indptr[1:-1])
    kept = [
        np.setdiff1d(everything, having, assume_unique=True) if is_not else having
        for having, is_not in zip(members, negated, strict=True)
    ]
    starts = np.concatenate([[0], np.cumsum([len(having) for having in kept])])
    indices = np.concatenate(kept)
    return scipy.sparse.csc_array((np.ones(len(indices), np.bool_), indices, starts), rows.shape)


def _label_arrays(
    columns: scipy.sparse.csc_array,
    pattern_of: NDArray[np.int64],
    part: NDArray[np.int64],
    order: NDArray[np.int32],
) -> LabelArrays:
    rows = scipy.sparse.csr_array(columns)
    rows.sort_indices()
    n_patterns, n_concepts = rows.shape
    slots = part * n_patterns + pattern_of
    weights = np.bincount(slots, minlength=2 * n_patterns).reshape(2, n_patterns)
    n_searched = int(np.count_nonzero(weights[0]))
    searched = slice(0, int(rows.indptr[n_searched]))
    concepts = rows.indices[searched]
    starts = columns.indptr.astype(np.int64)
    weighted = np.repeat(weights[0, :n_searched], np.diff(rows.indptr[: n_searched + 1]))
    counts = np.bincount(concepts, weights=weighted, minlength=n_concepts)
    return LabelArrays(
        slots=slots.astype(np.int32),
        weights=np.ascontiguousarray(weights, dtype=np.int64),
        n_searched=n_searched,
        row_starts=rows.indptr.astype(np.int64),
        concepts=rows.indices.astype(np.int32),
        column_starts=starts,
        column_stops=starts[:-1] + np.bincount(concepts, minlength=n_concepts),
        rows=columns.indices.astype(np.int32),
        counts=counts.astype(np.int64),
        order=order,
    )


def _text_order(literals: Sequence[Formula]) -> NDArray[np.int32]:
    texts = [*map(str, literals), "("]
    order = np.empty(len(texts), np.int32)
    order[sorted(range(len(texts)), key=texts.__getitem__)] = np.arange(len(texts))
    return order

"""The passes over the labels that everything is counted with.

With doubled mid-ranks r, S(m) = Σ_{i∈m} r_i and N(m) = |m|, one pass over the labels of the samples
in f gives N(f∧c) and S(f∧c) for every concept c at once; those of f∧¬c, f∨c and f∨¬c follow by
subtraction. Sums stay below 2⁵³ (`ranks.MAX_SAMPLES`), so that those done in float64 are exact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import scipy.sparse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    IntPair: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64]]


class LabelMatrix:
    """Boolean labels, laid out for the passes of a search.

    Attributes:
        n_samples: The number of samples, n.
        n_concepts: The number of concepts, k.
        counts: int64, shape (k,): the positives of every concept.
    """

    def __init__(self, labels: scipy.sparse.csr_array) -> None:
        self.n_samples, self.n_concepts = (int(size) for size in labels.shape)
        self._by_sample = labels
        self._by_concept = scipy.sparse.csr_array(labels.T.astype(np.float64))
        self.counts: NDArray[np.int64] = np.diff(self._by_concept.indptr).astype(np.int64)

    def column(self, concept: int) -> NDArray[np.bool_]:
        """Return the samples that have the concept, bool of shape (n,)."""
        start, stop = self._by_concept.indptr[concept : concept + 2]
        column = np.zeros(self.n_samples, dtype=np.bool_)
        column[self._by_concept.indices[start:stop]] = True
        return column

    def rank_sums(self, doubled: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return S(c) of every concept for every neuron.

        Args:
            doubled: Doubled mid-ranks, shape (d, n).

        Returns:
            *numpy.ndarray* of int64, shape (d, k).
        """
        product = self._by_concept @ np.ascontiguousarray(doubled.T, dtype=np.float64)
        return np.ascontiguousarray(product.T).astype(np.int64)

    def joint_sums(self, mask: NDArray[np.bool_], doubled: NDArray[np.int64]) -> IntPair:
        """Return N(f∧c) and S(f∧c) of every concept c, visiting only the samples of f.

        Args:
            mask: The samples of f, bool of shape (n,).
            doubled: Doubled mid-ranks of one neuron, shape (n,).

        Returns:
            *tuple* of two *numpy.ndarray* of int64, shape (k,): the counts and the rank sums.
        """
        members = np.flatnonzero(mask)
        rows = self._by_sample[members]
        weights = np.repeat(doubled[members].astype(np.float64), np.diff(rows.indptr))
        counts = np.bincount(rows.indices, minlength=self.n_concepts)
        sums = np.bincount(rows.indices, weights=weights, minlength=self.n_concepts)
        return counts, sums.astype(np.int64)

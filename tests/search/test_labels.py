"""Patterns: samples of equal labels taken together, rare labels instead of common ones."""

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

from invert_captum.search import SearchLabels
from invert_captum.search import labels as labels_module


def rebuilt(labels):
    """The labels of all samples, as the kernels see them."""
    arrays = labels.arrays
    shape = (labels.n_patterns, labels.n_concepts)
    stored = np.ones(len(arrays.concepts), bool)
    by_pattern = scipy.sparse.csr_array((stored, arrays.concepts, arrays.row_starts), shape)
    by_concept = scipy.sparse.csc_array((stored, arrays.rows, arrays.column_starts), shape)
    assert np.array_equal(by_pattern.toarray(), by_concept.toarray())
    seen = by_pattern.toarray() ^ labels.negated
    return seen[arrays.slots % labels.n_patterns]


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_patterns_hold_the_labels_of_every_sample(seed, split):
    rng = np.random.default_rng(seed)
    n_samples, n_concepts = rng.integers(3, 60), rng.integers(1, 6)
    dense = rng.random((n_samples, n_concepts)) < rng.uniform(0, 1, n_concepts)
    heldout = rng.random(n_samples) < 0.5 if split else None
    names = [f"c{index}" for index in range(n_concepts)]
    labels = SearchLabels.from_labels(scipy.sparse.csr_array(dense), names, heldout)
    assert np.array_equal(rebuilt(labels), dense)
    assert labels.n_patterns == len(np.unique(dense, axis=0))
    searched = dense if heldout is None else dense[~heldout]
    assert np.array_equal(labels.counts, searched.sum(axis=0))
    assert (labels.n_searched, labels.n_heldout) == (len(searched), n_samples - len(searched))
    arrays = labels.arrays
    assert np.array_equal(arrays.weights[0] > 0, np.arange(labels.n_patterns) < arrays.n_searched)
    # No concept is stored for more than half of the patterns.
    assert (2 * np.diff(arrays.column_starts) <= labels.n_patterns).all()
    part = np.zeros(n_samples, int) if heldout is None else heldout.astype(int)
    assert np.array_equal(arrays.slots // labels.n_patterns, part)


def test_rows_of_equal_hash_are_told_apart(monkeypatch):
    """Factors that give two different rows one hash are given up for others."""

    class Factors:
        def __init__(self, seed):
            self.seed = seed

        def integers(self, _low, _high, size, dtype):
            return np.full(size, 1, dtype) if self.seed < 2 else np.arange(1, size + 1, dtype=dtype)

    monkeypatch.setattr(labels_module.np.random, "default_rng", Factors)
    dense = np.eye(4, dtype=bool)
    labels = SearchLabels.from_labels(scipy.sparse.csr_array(dense), list("abcd"))
    assert labels.n_patterns == 4
    assert np.array_equal(rebuilt(labels), dense)


def test_labels_in_any_order_and_stored_twice_are_the_same():
    twice = scipy.sparse.csr_array(
        (np.ones(5, bool), np.array([2, 0, 2, 0, 2]), np.array([0, 3, 5])), shape=(2, 3)
    )
    labels = SearchLabels.from_labels(twice, list("abc"))
    assert labels.n_patterns == 1
    assert rebuilt(labels).tolist() == [[True, False, True]] * 2


def test_more_samples_than_sums_are_exact_for_are_refused(monkeypatch):
    monkeypatch.setattr(labels_module, "MAX_SAMPLES", 4)
    with pytest.raises(ValueError, match="labels has 4 samples; at most 3"):
        SearchLabels.from_labels(scipy.sparse.eye_array(4, format="csr", dtype=bool), list("abcd"))

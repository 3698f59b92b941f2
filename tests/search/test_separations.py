"""The counts of samples by activation, against counting them one by one."""

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from invert_captum.concepts import ConceptSet
from invert_captum.search import (
    ActivationRows,
    AucScore,
    BlockSeparations,
    PatternColumns,
    SearchLabels,
    SearchSettings,
    search_block,
)
from invert_captum.significance import Separation

N, TOP = 70, 3


def problem(seed, levels, dtype):
    rng = np.random.default_rng(seed)
    labels = rng.random((N, 4)) < 0.4
    labels[:4] = np.eye(4, dtype=bool)
    heldout = rng.random(N) < 0.4
    values = rng.integers(-levels // 3, levels, (5, N)).astype(dtype)
    if np.dtype(dtype).kind == "f":
        values += dtype(0.1)
        values[values < dtype(1)] = 0
    return labels, heldout, values


def sparse_rows(values):
    columns = scipy.sparse.csr_array(values)
    return ActivationRows(
        columns.data, columns.indptr.astype(np.int64), columns.indices.astype(np.int64)
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), levels=st.integers(2, 300), sparse=st.booleans())
def test_counts_are_those_of_the_formula_s_samples(dtype, seed, levels, sparse):
    labels, heldout, values = problem(seed, levels, dtype)
    names = list("abcd")
    concepts = ConceptSet(labels, names)
    search_labels = SearchLabels.from_labels(scipy.sparse.csr_array(labels), names, heldout)
    rows = sparse_rows(values) if sparse else ActivationRows.dense(values)
    limits = SearchSettings(3, TOP, 1, search_labels.n_searched - 1, AucScore("positive"))
    block = search_block(rows, search_labels, limits, top_k=TOP)
    separations = BlockSeparations(rows, search_labels, PatternColumns(search_labels), block)
    for neuron, found in enumerate(block.found):
        for part in (0, 1):
            in_part = heldout == bool(part)
            counts = separations.counts(neuron, part)
            assert len(counts.inside) == len(found)
            for place, one in enumerate(found):
                mask = one.formula.evaluate(concepts)[in_part]
                expected = Separation.of(values[neuron][in_part], mask)
                np.testing.assert_array_equal(counts.values, expected.values)
                np.testing.assert_array_equal(counts.inside[place], expected.positives)
                np.testing.assert_array_equal(
                    counts.sizes - counts.inside[place], expected.negatives
                )
                of_samples, inside = separations.samples(neuron, place, part)
                np.testing.assert_array_equal(of_samples, values[neuron][in_part])
                np.testing.assert_array_equal(inside, mask)


@pytest.mark.parametrize("sparse", [False, True])
def test_rows_of_some_samples_and_neurons(sparse):
    _, _, values = problem(3, 9, np.float32)
    rows = sparse_rows(values) if sparse else ActivationRows.dense(values)
    samples = np.flatnonzero(np.arange(N) % 3 > 0)
    np.testing.assert_array_equal(rows.take(samples).to_dense(len(samples)), values[:, samples])
    neurons = np.array([4, 1])
    np.testing.assert_array_equal(rows.take_neurons(neurons).to_dense(N), values[neurons])

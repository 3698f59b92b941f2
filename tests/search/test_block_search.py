"""Ranks, digests and rank sums of the kernels, on every type and layout of activations."""

import pickle

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import rankdata

from invert_captum.search import (
    ActivationRows,
    AucScore,
    SearchLabels,
    SearchSettings,
    concept_rank_sums,
    search_block,
)
from invert_captum.search.block_search import digest_rows
from invert_captum.search.kernels import block_search as kernels
from invert_captum.search.reference import rank_neurons

DTYPES = [
    *(np.float16, np.float32, np.float64, np.bool_),
    *(np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64),
]


def settings_for(labels):
    return SearchSettings(2, 3, 1, labels.n_searched - 1, AucScore("positive"))


def reals(dtype):
    if np.issubdtype(dtype, np.floating):
        width = np.dtype(dtype).itemsize * 8
        edge = st.sampled_from([0.0, -0.0, 1.0, -1.0])
        return edge | st.floats(width=width, allow_nan=False, allow_infinity=False)
    return st.sampled_from([0, 1]) | hnp.from_dtype(np.dtype(dtype))


def matrices():
    shapes = hnp.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=30)
    return st.sampled_from(DTYPES).flatmap(
        lambda dtype: hnp.arrays(dtype, shapes, elements=reals(dtype))
    )


def one_concept_per_sample(n_samples, heldout=None):
    labels = scipy.sparse.eye_array(n_samples, format="csr", dtype=bool)
    return SearchLabels.from_labels(labels, [f"c{i}" for i in range(n_samples)], heldout)


def sparse_rows(values):
    kept = [np.flatnonzero(row) for row in values]
    return ActivationRows(
        np.concatenate([row[places] for row, places in zip(values, kept, strict=True)]),
        np.cumsum([0, *map(len, kept)]),
        np.concatenate(kept),
    )


@given(matrices(), st.booleans())
def test_doubled_ranks_are_twice_scipys(values, stored_sparsely):
    rows = sparse_rows(values) if stored_sparsely else ActivationRows.dense(values)
    usable, ranks = concept_rank_sums(rows, one_concept_per_sample(values.shape[1]))
    assert usable.tolist() == [len(set(row.tolist())) > 1 for row in values]
    # SciPy ranks 64-bit integers as such, too.
    expected = 2 * np.array([rankdata(row) for row in values])
    assert np.array_equal(ranks[usable], expected[usable])


@given(matrices(), st.integers(0, 2**32 - 1))
def test_both_parts_are_ranked_on_their_own(values, seed):
    rng = np.random.default_rng(seed)
    n_samples = values.shape[1]
    heldout = rng.random(n_samples) < 0.5
    heldout[:2] = False, True
    labels = scipy.sparse.csr_array(rng.random((n_samples, 3)) < 0.5)
    search_labels = SearchLabels.from_labels(labels, ["a", "b", "c"], heldout)
    block = search_block(
        ActivationRows.dense(values), search_labels, settings_for(search_labels), top_k=3
    )
    columns = dict(zip("abc", labels.toarray().T, strict=True))
    for neuron, row in enumerate(values):
        for part, members in enumerate((~heldout, heldout)):
            ranks = rank_neurons(row[members][np.newaxis])
            if block.usable[neuron]:
                assert block.tie_sums[neuron][part] == ranks.tie_sums[0]
            for found in block.found[neuron]:
                inside = found.formula.evaluate(columns)[members]
                assert found.sizes[part] == inside.sum()
                assert found.rank_sums[part] == ranks.doubled[0][inside].sum()


@given(matrices())
def test_sparse_and_dense_activations_give_the_same(values):
    rng = np.random.default_rng(0)
    labels = scipy.sparse.csr_array(rng.random((values.shape[1], 4)) < 0.4)
    search_labels = SearchLabels.from_labels(labels, list("abcd"))
    limits = settings_for(search_labels)
    dense = search_block(ActivationRows.dense(values), search_labels, limits, top_k=3)
    sparse = search_block(sparse_rows(values), search_labels, limits, top_k=3)
    assert dense.found == sparse.found
    assert np.array_equal(dense.usable, sparse.usable)
    assert np.array_equal(dense.digests, sparse.digests)
    used = np.flatnonzero(dense.usable)
    assert [dense.tie_sums[i] for i in used] == [sparse.tie_sums[i] for i in used]


def digests(values):
    labels = one_concept_per_sample(values.shape[1])
    rows = ActivationRows.dense(values)
    return search_block(rows, labels, settings_for(labels), top_k=1).digests


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_digests_tell_values_and_places(dtype):
    values = np.arange(20, dtype=dtype)[np.newaxis] % 7 + 1
    other = values.copy()
    other[0, 5] += 1
    swapped = values[:, [1, 0, *range(2, 20)]]
    # The same two signs: what the highest bits say must not cancel.
    flipped = values * np.where(np.arange(20) < 2, -1, 1).astype(dtype)
    changed = (values, other, swapped, flipped, -values)
    assert len({int(digests(one)[0]) for one in changed}) == len(changed)
    assert np.array_equal(digests(values), digests(values.copy()))


def test_digests_do_not_depend_on_the_neurons_beside():
    """One neuron needs all bits of float64, the other does not."""
    values = np.array([[0.1, 0.2, 0.3], [1.0, 2.0, 3.0]])
    together = digests(values)
    assert [digests(row[np.newaxis])[0] for row in values] == together.tolist()


def test_bfloat16_float16_and_float32_of_the_same_values_have_the_same_digest():
    values = np.array([[0.5, 1.5, -2.0, -0.0]], dtype=np.float32)
    assert digests(values) == digests(values.astype(np.float16))
    assert digests(values) == digests(np.abs(values) * np.sign(values))


def test_neurons_that_cannot_be_searched_are_told_apart():
    values = np.array([[1, 1, 1, 1], [1, np.nan, 2, 3], [1, 2, np.inf, 3], [0, 0, 1, 0]])
    labels = one_concept_per_sample(4)
    for dtype in (np.float32, np.float64):
        rows = ActivationRows.dense(values.astype(dtype))
        block = search_block(rows, labels, settings_for(labels), top_k=1)
        assert block.usable.tolist() == [False, False, False, True]
        assert [len(found) for found in block.found] == [0, 0, 0, 1]


def test_subnormal_and_huge_values_keep_their_order():
    values = np.array([[3e38, 1e-45, 0.0, -1e-45, -3e38, 3e-45]], dtype=np.float32)
    _, ranks = concept_rank_sums(ActivationRows.dense(values), one_concept_per_sample(6))
    assert ranks.tolist() == [[12, 8, 6, 4, 2, 10]]


def test_a_huge_tie_does_not_overflow():
    """All but one of three million samples are zero: t³ is above 2⁶³."""
    n_samples = 3_000_000
    labels = scipy.sparse.csr_array(np.arange(n_samples)[:, np.newaxis] % 2 == 0)
    rows = ActivationRows(np.ones(1, np.float32), np.array([0, 1]), np.array([4]))
    search_labels = SearchLabels.from_labels(labels, ["even"])
    block = search_block(rows, search_labels, settings_for(search_labels), top_k=1)
    tied = n_samples - 1
    assert block.tie_sums == [(tied**3 - tied, 0)]
    # Mid-rank of the zeros: the mean of 1 … n − 1; the one sample above has rank n.
    evens = n_samples // 2
    assert block.found[0][0].rank_sums[0] == (evens - 1) * n_samples + 2 * n_samples


def test_digests_of_simple_patterns_differ():
    """Two active samples of a hundred, in all 4,950 ways."""
    pairs = np.array([(a, b) for a in range(100) for b in range(a)])
    values = np.zeros((len(pairs), 100), np.float32)
    values[np.arange(len(pairs))[:, np.newaxis], pairs] = 1
    for dtype in (np.float32, np.float64, np.int64, np.bool_):
        assert len(set(digest_rows(ActivationRows.dense(values.astype(dtype))).tolist())) == 4950


@given(matrices())
def test_digests_alone_are_those_of_the_search(values):
    assert np.array_equal(digest_rows(ActivationRows.dense(values)), digests(values))
    assert np.array_equal(digest_rows(sparse_rows(values)), digests(values))


def test_arrays_that_cannot_be_written_use_the_same_kernels():
    values = np.arange(12, dtype=np.float32).reshape(2, 6)
    digests(values)
    compiled = len(kernels.search_block.signatures)
    values.flags.writeable = False
    digests(values)
    labels = one_concept_per_sample(6)
    for array in labels.arrays:
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
    sent = pickle.loads(pickle.dumps(labels))  # noqa: S301
    search_block(ActivationRows.dense(values), sent, settings_for(sent), top_k=1)
    assert len(kernels.search_block.signatures) == compiled


def test_columns_of_any_layout_become_rows():
    matrix = np.arange(300, dtype=np.float32).reshape(100, 3)
    for given_matrix in (matrix, np.asfortranarray(matrix), matrix[::2], matrix[:, ::-1]):
        rows = ActivationRows.of_columns(given_matrix, [2, 0])
        assert np.array_equal(rows.to_dense(len(given_matrix)), given_matrix[:, [2, 0]].T)

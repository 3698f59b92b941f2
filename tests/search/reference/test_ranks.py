import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import rankdata

from invert_captum.search.reference import rank_neurons
from invert_captum.search.reference import ranks as ranks_module

DTYPES = [np.float16, np.float32, np.float64, np.int8, np.int64, np.uint8, np.uint64, np.bool_]


def reals(dtype):
    if np.issubdtype(dtype, np.floating):
        width = np.dtype(dtype).itemsize * 8
        edge = st.sampled_from([0.0, -0.0, 1.0, -1.0])
        return edge | st.floats(width=width, allow_nan=False, allow_infinity=False)
    return hnp.from_dtype(np.dtype(dtype))


def matrices():
    shapes = hnp.array_shapes(min_dims=2, max_dims=2, max_side=30)
    return st.sampled_from(DTYPES).flatmap(
        lambda dtype: hnp.arrays(dtype, shapes, elements=reals(dtype))
    )


@given(matrices())
def test_doubled_ranks_are_twice_scipys(values):
    ranks = rank_neurons(values)
    assert ranks.doubled.dtype == np.int64
    assert np.array_equal(ranks.doubled, 2 * rankdata(values, axis=1))


@given(matrices())
def test_tie_sums_count_equal_values(values):
    expected = []
    for row in values:
        _, counts = np.unique(row, return_counts=True)
        expected.append(sum(int(t) ** 3 - int(t) for t in counts))
    assert rank_neurons(values).tie_sums == tuple(expected)


@given(matrices())
def test_constant_neurons_are_those_with_one_value(values):
    expected = [len(set(row.tolist())) == 1 for row in values]
    assert rank_neurons(values).constant().tolist() == expected


def test_negative_zero_equals_zero():
    for dtype in (np.float16, np.float32, np.float64):
        doubled = rank_neurons(np.array([[0.0, -0.0, 1e-7, -1e-7]], dtype=dtype)).doubled
        assert doubled.tolist() == [[5, 5, 8, 2]]


def test_subnormal_and_huge_values_keep_their_order():
    values = np.array([[3e38, 1e-45, 0.0, -1e-45, -3e38, 3e-45]], dtype=np.float32)
    assert rank_neurons(values).doubled.tolist() == [[12, 8, 6, 4, 2, 10]]


def test_a_huge_tie_does_not_overflow():
    sizes = np.array([3_000_000, 1, 2])
    assert ranks_module._tie_sum(sizes) == 3_000_000**3 - 3_000_000 + 6


def test_take_keeps_ranks_and_tie_sums_together():
    ranks = rank_neurons(np.array([[1, 2, 3], [1, 1, 2], [0, 0, 0]]))
    taken = ranks.take(np.array([1, 2]))
    assert taken.tie_sums == (6, 24)
    assert taken.doubled.tolist() == [[3, 3, 6], [4, 4, 4]]
    assert np.array_equal(ranks.take(np.arange(3)).doubled, ranks.doubled)


def test_more_samples_than_sums_are_exact_for_are_refused(monkeypatch):
    monkeypatch.setattr(ranks_module, "MAX_SAMPLES", 4)
    with pytest.raises(ValueError, match="activations have 4 samples; at most 3"):
        rank_neurons(np.zeros((1, 4)))

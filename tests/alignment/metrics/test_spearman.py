"""Spearman's correlation of maps against the reference's golden values and against SciPy."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from invert_captum.alignment.metrics.spearman import spearman_correlation, sums_fit

GROUPS = ["main", "n121", "rect", "n11"]
DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16]


def by_scipy(a, b):
    pairs = zip(a.float().flatten(1).numpy(), b.float().flatten(1).numpy(), strict=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of constant maps
        return np.array([spearmanr(*pair).statistic for pair in pairs])


@pytest.mark.parametrize("group", GROUPS)
def test_the_reference(golden, group):
    a, b = (torch.from_numpy(golden[f"metrics/{group}/{name}"]) for name in "ab")
    expected = golden[f"metrics/{group}/spearman"]
    np.testing.assert_allclose(spearman_correlation(a, b), expected, rtol=0, atol=1e-14)


def test_what_the_reference_has_exactly(golden, golden_facts):
    labels = golden_facts["metrics_labels"]
    a, b = (torch.from_numpy(golden[f"metrics/main/{name}"]) for name in "ab")
    got = dict(zip(labels, spearman_correlation(a, b).tolist(), strict=True))
    for label, expected in {"identical": 1, "monotone": 1, "negated": -1}.items():
        assert got[label] == expected
    undefined = {label for label, value in got.items() if np.isnan(value)}
    assert undefined == {
        *("constant_vs_random", "random_vs_constant", "both_constant", "identical_constant"),
        *("contains_nan", "float32_collapse"),
    }


@st.composite
def pairs(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = tuple(draw(st.tuples(st.integers(1, 5), st.integers(1, 9), st.integers(1, 9))))
    a = rng.normal(size=shape)
    b = draw(st.sampled_from([-1.0, 0.0, 0.3])) * a + rng.normal(size=shape)
    for maps in (a, b):
        kind = draw(st.sampled_from(["continuous", "relu", "levels", "constant", "infinite"]))
        if kind == "relu":
            maps[maps < 0] = 0
        if kind == "levels":
            maps[:] = np.round(maps)
        if kind == "constant":
            maps[0] = draw(st.sampled_from([0.0, -0.1, np.inf]))
        if kind == "infinite":
            maps[maps > 1] = np.inf
            maps[maps < -1] = -np.inf
    dtype = draw(st.sampled_from(DTYPES))
    return torch.from_numpy(a).to(dtype), torch.from_numpy(b).to(dtype)


@given(pairs())
def test_equals_scipy(pair):
    got = spearman_correlation(*pair)
    assert got.dtype == torch.float64
    np.testing.assert_allclose(got, by_scipy(*pair), rtol=0, atol=1e-14)


@given(pairs())
def test_is_symmetric_and_odd(pair):
    a, b = pair
    got = spearman_correlation(a, b)
    assert torch.equal(got.nan_to_num(7), spearman_correlation(b, a).nan_to_num(7))
    assert torch.equal((-got).nan_to_num(7), spearman_correlation(a, -b).nan_to_num(7))
    assert ((got.abs() <= 1) | got.isnan()).all()


@given(pairs())
def test_identical_maps_give_exactly_one(pair):
    a = pair[0]
    constant = a.flatten(1).amax(1) == a.flatten(1).amin(1)
    expected = torch.where(constant, torch.nan, 1.0)
    assert torch.equal(spearman_correlation(a, a).nan_to_num(7), expected.double().nan_to_num(7))


@given(st.integers(0, 2**32 - 1))
def test_rising_functions_change_nothing(seed):
    rng = np.random.default_rng(seed)
    a, b = (torch.from_numpy(rng.integers(-50, 50, (3, 12, 7)).astype(float)) for _ in range(2))
    expected = spearman_correlation(a, b)
    for changed in (a**3, (a / 10).exp(), 1e6 * a - 3e7, a.sinh(), a.half()):
        assert torch.equal(spearman_correlation(changed, b), expected)
        assert torch.equal(spearman_correlation(b, changed), expected)


def test_a_nan_in_either_map_leaves_only_that_pair_undefined():
    a = torch.arange(6.0).reshape(1, 2, 3).repeat(3, 1, 1)
    with_nan = a.clone()
    with_nan[1, 0, 2] = torch.nan
    for pair in ((a, with_nan), (with_nan, a), (with_nan, with_nan)):
        first, undefined, last = spearman_correlation(*pair).tolist()
        assert first == last == 1
        assert np.isnan(undefined)


def test_the_two_zeros_are_one():
    a = torch.tensor([[[0.0, -0.0, 0.0, 1.0]]])
    b = torch.tensor([[[1.0, 2.0, 3.0, 4.0]]])
    assert torch.equal(spearman_correlation(a, b), spearman_correlation(a.abs(), b))
    assert spearman_correlation(-a[..., :3], b[..., :3]).isnan().all()


def test_what_float32_cannot_tell_apart_is_tied():
    close = torch.tensor([[[1.0, 1.0 + 1e-9, 2.0]]], dtype=torch.float64)
    other = torch.tensor([[[1.0, 2.0, 3.0]]], dtype=torch.float64)
    assert spearman_correlation(close, other).item() == pytest.approx(np.sqrt(3) / 2)
    beyond = torch.tensor([[[1e39, 1e40, 1e41]]], dtype=torch.float64)  # all are infinite
    assert spearman_correlation(beyond, other).isnan().all()


@settings(max_examples=5)
@given(st.integers(0, 2**32 - 1))
def test_full_size_maps_equal_scipy(seed):
    rng = np.random.default_rng(seed)
    a = torch.from_numpy(rng.normal(size=(2, 224, 224)))
    b = (a + torch.from_numpy(rng.normal(size=(2, 224, 224)))).relu()
    np.testing.assert_allclose(spearman_correlation(a, b), by_scipy(a, b), rtol=0, atol=1e-13)


def test_the_largest_number_of_positions_whose_sums_are_integers():
    for p in (1, 2, 9, 1000):
        squares = sum((2 * rank - (p + 1)) ** 2 for rank in range(1, p + 1))
        assert squares == p * (p**2 - 1) // 3
    assert 3_024_616 * (3_024_616**2 - 1) // 3 < 2**63 <= 3_024_617 * (3_024_617**2 - 1) // 3
    assert sums_fit(3_024_616)
    assert not sums_fit(3_024_617)


@pytest.mark.parametrize("n_pixels", [3_024_616, 3_024_618])
def test_on_both_sides_of_the_largest_exact_sum(n_pixels):
    """Rotated by p/2, every rank differs by p/2: Σd² = p³/4 in 1 - 6·Σd² / (p·(p² - 1))."""
    ranks = torch.arange(n_pixels, dtype=torch.float32).reshape(1, 2, -1)
    pairs = torch.cat([ranks, ranks.flip(1, 2), ranks.flip(1)])
    got = spearman_correlation(ranks.expand(3, -1, -1), pairs)
    assert got[:2].tolist() == [1, -1]
    rotated = 1 - 6 * (n_pixels**3 // 4) / (n_pixels * (n_pixels**2 - 1))
    assert got[2].item() == pytest.approx(rotated, abs=1e-14)

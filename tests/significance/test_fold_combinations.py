import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, combine_pvalues, norm

from invert_captum.significance.fold_combinations import (
    FOLD_COMBINATIONS,
    FOLD_STATISTICS,
    combine_folds,
    fold_statistic,
)

ANY_DEPENDENCE = ("minimum", "mean", "median")
some_p = st.lists(st.floats(1e-12, 1.0), min_size=1, max_size=9)


def combined_p(p_values, method):
    return 10.0 ** combine_folds(np.log10(p_values), method)


@given(some_p)
def test_closed_forms(p_values):
    n_folds = len(p_values)
    middle = sorted(p_values)[math.ceil(n_folds / 2) - 1]
    expected = {
        "minimum": n_folds * min(p_values),
        "mean": 2 * np.mean(p_values),
        "median": 2 * middle,
    }
    for method in ANY_DEPENDENCE:
        assert combined_p(p_values, method) == pytest.approx(min(expected[method], 1.0), rel=1e-9)


@given(st.lists(st.floats(1e-12, 0.99), min_size=1, max_size=9))
def test_forward_stouffer_is_scipys(p_values):
    expected = combine_pvalues(p_values, method="stouffer").pvalue
    assert combined_p(p_values, "forward_stouffer") == pytest.approx(expected, rel=1e-7)


def dependent_p(kind, n_folds, n_runs, rng):
    """Uniform p-values, shape (n_runs, K), of strong dependence."""
    common = rng.random((n_runs, 1))
    if kind == "equal":
        return np.repeat(common, n_folds, axis=1)
    if kind == "antithetic":
        return np.where(np.arange(n_folds) % 2 == 0, common, 1.0 - common)
    if kind == "rotated":
        # The fold that is lowest changes: worst for K · min, which this makes exact.
        return (common + np.arange(n_folds) / n_folds) % 1.0
    return norm.sf(
        math.sqrt(0.5) * norm.isf(common) + math.sqrt(0.5) * rng.normal(size=(n_runs, n_folds))
    )


@pytest.mark.parametrize("method", ANY_DEPENDENCE)
@pytest.mark.parametrize("kind", ["equal", "antithetic", "rotated", "one factor"])
@pytest.mark.parametrize("n_folds", [2, 3, 4, 5, 10])
def test_level_holds_whatever_the_dependence(method, kind, n_folds):
    n_runs = 20_000
    p_values = dependent_p(kind, n_folds, n_runs, np.random.default_rng(n_folds))
    combined = combined_p(p_values, method)
    for level in (0.01, 0.05, 0.2):
        rejected = int((combined <= level * (1 + 1e-12)).sum())
        assert rejected <= binom.ppf(0.9999, n_runs, level)


def test_k_times_the_minimum_and_the_lower_median_reach_their_level():
    # Of the rotated p-values exactly one is below 1/K; of two equal pairs, two are.
    rotated = dependent_p("rotated", 4, 20_000, np.random.default_rng(0))
    assert abs((combined_p(rotated, "minimum") <= 0.05).mean() - 0.05) < 0.006
    pairs = np.repeat(dependent_p("rotated", 2, 20_000, np.random.default_rng(0)), 2, axis=1)
    assert abs((combined_p(pairs, "median") <= 0.05).mean() - 0.05) < 0.006


def test_forward_stouffer_is_uniform_for_independent_folds():
    p_values = np.random.default_rng(3).random((20_000, 4))
    combined = combined_p(p_values, "forward_stouffer")
    assert binom.ppf(0.005, 20_000, 0.05) <= (combined <= 0.05).sum()
    assert (combined <= 0.05).sum() <= binom.ppf(0.995, 20_000, 0.05)


def test_p_values_far_below_the_least_float():
    log10_p = np.array([-5000.0, -5000.0, -5000.0, -5000.0])
    assert combine_folds(log10_p, "minimum") == pytest.approx(-5000 + math.log10(4))
    assert combine_folds(log10_p, "mean") == pytest.approx(-5000 + math.log10(2))
    assert combine_folds(log10_p, "median") == pytest.approx(-5000 + math.log10(2))
    # Four folds double z, hence nearly four times the log: Φ(−z) ≈ φ(z) / z.
    z = norm.isf(10.0**-30)
    assert combine_folds([-30.0] * 4, "forward_stouffer") == pytest.approx(
        norm.logsf(2 * z) / math.log(10), rel=1e-9
    )
    assert -20_000 < combine_folds(log10_p, "forward_stouffer") < -19_980


@pytest.mark.parametrize("method", FOLD_COMBINATIONS)
def test_never_above_one_and_rows_stand_alone(method):
    log10_p = np.array([[0.0, 0.0, 0.0], [-0.1, -0.01, 0.0], [-3.0, -4.0, -0.5]])
    combined = combine_folds(log10_p, method)
    assert (combined <= 0.0).all()
    assert combined[0] == 0.0
    assert combined[2] < 0.0
    assert combined.tolist() == [float(combine_folds(row, method)) for row in log10_p]


def test_a_fold_without_a_formula():
    assert combine_folds([-3.0, np.nan], "minimum") == combine_folds([-3.0, 0.0], "minimum")
    assert combine_folds([-3.0, np.nan], "forward_stouffer") == pytest.approx(-3.0)
    assert combine_folds([-3.0, 0.0], "forward_stouffer") == 0.0
    for method in FOLD_COMBINATIONS:
        assert np.isnan(combine_folds([np.nan, np.nan], method))


@pytest.mark.parametrize("method", ["stouffer", "fisher"])
def test_combinations_for_independent_p_values_are_not_offered(method):
    with pytest.raises(ValueError, match=r"dependent.*'minimum', 'mean', 'median', 'forward_stou"):
        combine_folds([-1.0, -2.0], method)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="method is 'average'; expected one of 'minimum'"):
        combine_folds([-1.0], "average")
    with pytest.raises(ValueError, match=r"from -1\.0 to 0\.5; expected finite"):
        combine_folds([-1.0, 0.5], "mean")
    with pytest.raises(ValueError, match=r"log10_p has shape \(0,\)"):
        combine_folds([], "mean")
    with pytest.raises(ValueError, match="method is 'forward_stouffer'"):
        fold_statistic([1.0], "forward_stouffer")
    with pytest.raises(ValueError, match="z has infinite values"):
        fold_statistic([1.0, np.inf], "mean")


def test_statistics_are_their_formulas():
    z = np.random.default_rng(0).normal(size=(3, 7, 5))
    expected = {
        "stouffer": z.sum(axis=-1) / math.sqrt(5),
        "minimum": norm.isf(norm.sf(z).min(axis=-1)),
        "mean": -np.log10(norm.sf(z).mean(axis=-1)),
        "median": np.median(z, axis=-1),
    }
    for method in FOLD_STATISTICS:
        assert np.allclose(fold_statistic(z, method), expected[method], rtol=1e-9)
        missing = fold_statistic([[2.0, np.nan], [np.nan, np.nan]], method)
        assert missing[0] == fold_statistic([2.0, 0.0], method)
        assert np.isnan(missing[1])


@given(st.lists(st.floats(-30, 30), min_size=2, max_size=6), st.data())
def test_more_evidence_is_never_less(z, data):
    fold = data.draw(st.integers(0, len(z) - 1))
    stronger = list(z)
    stronger[fold] += 1.0
    for method in FOLD_STATISTICS:
        # Rounding of the sum may take back what the change gives.
        assert fold_statistic(stronger, method) >= fold_statistic(z, method) - 1e-9

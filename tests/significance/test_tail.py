import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import beta, binom, chi2, norm
from scipy.stats import t as student

from invert_captum.significance.permutation import permutation_p
from invert_captum.significance.tail import ParetoTail, extrapolated_p


def greatest_of(quantile, n_formulas):
    """The upper quantile of the best of many independent scores, as a search's null is."""
    return lambda p: quantile(-np.expm1(np.log1p(-p) / n_formulas))


NULLS = {
    "exponential": lambda p: -np.log(p),
    "t with 10 degrees": lambda p: student.isf(p, 10),
    "normal": norm.isf,
    "best of 1000 normal": greatest_of(norm.isf, 1000),
    "best of 1000 AUCs": greatest_of(lambda p: beta.isf(p, 50, 50), 1000),
    "best of 30 AUCs of few positives": greatest_of(lambda p: beta.isf(p, 8, 8), 30),
}


@pytest.mark.parametrize("name", NULLS)
@pytest.mark.parametrize("n_permutations", [1000, 10_000])
def test_the_bound_is_hardly_ever_below_the_truth(name, n_permutations):
    rng = np.random.default_rng(5)
    truth = np.array([1e-4, 1e-5, 1e-6, 1e-7, 1e-8])
    scores, n_runs = NULLS[name](truth), 80
    below, estimates = np.zeros(len(truth)), 0
    for _ in range(n_runs):
        null = NULLS[name](rng.random(n_permutations))
        tail = ParetoTail.of(null)
        if tail is None:
            continue
        estimates += 1
        bounds = np.array([tail.upper_bound(score) for score in scores])
        assert (np.diff(bounds) < 0).all()
        below += bounds < truth
    assert estimates > 0.9 * n_runs
    # t with 10 degrees has a heavier tail than any of AUCs, and is the hardest.
    allowed = 0.07 if name.startswith("t ") else 0.05
    assert below.max() <= binom.ppf(0.999, estimates, allowed)


def brute_bound(null, n_excesses, score):
    """The greatest tail probability of the likelihood region, by a general optimiser."""
    n, total = n_excesses, len(null)
    top = np.sort(null)[::-1]
    threshold = (top[n - 1] + top[n]) / 2
    excesses, reach = top[:n] - threshold, score - threshold

    def likelihood(parameters):
        shape, log_scale, share = max(parameters[0], 1e-9), parameters[1], parameters[2]
        curve = np.log1p(shape * excesses / np.exp(log_scale)).sum()
        pareto = -n * log_scale - (1 + 1 / shape) * curve
        return pareto + n * np.log(share) + (total - n) * np.log1p(-share)

    def minus_log_p(parameters):
        shape = max(parameters[0], 1e-9)
        curve = np.log1p(shape * reach / np.exp(parameters[1])) / shape
        return curve - np.log(parameters[2])

    bounds = [(1e-9, 2), (np.log(excesses.mean()) - 2, np.log(excesses.mean()) + 2), (1e-4, 0.9)]
    start = [0.05, np.log(excesses.mean()), n / total]
    best = -minimize(lambda x: -likelihood(x), start, bounds=bounds, method="Nelder-Mead").fun
    least = best - chi2.ppf(0.9, 1) / 2
    found = minimize(
        minus_log_p,
        start,
        bounds=bounds,
        method="SLSQP",
        constraints={"type": "ineq", "fun": lambda x: likelihood(x) - least},
        options={"maxiter": 500},
    )
    return np.exp(-found.fun)


@pytest.mark.parametrize("name", ["exponential", "t with 10 degrees", "best of 1000 normal"])
def test_the_bound_is_that_of_a_general_optimiser(name):
    null = NULLS[name](np.random.default_rng(1).random(2000))
    tail = ParetoTail.of(null)
    for score in NULLS[name](np.array([1e-3, 1e-5, 1e-8])):
        expected = brute_bound(null, tail.n_excesses, score)
        assert tail.upper_bound(score) == pytest.approx(expected, rel=0.02)


def test_a_null_that_ends_below_the_score_still_gives_a_p_value():
    null = np.random.default_rng(0).beta(2, 3, size=1000)
    tail = ParetoTail.of(null)
    # The fit ends at σ/|ξ| above the threshold.
    assert tail.threshold - tail.scale / tail.shape < 1.2
    assert tail.shape < -0.2
    for score in (1.2, 3.0, 1e6):
        assert 0 < extrapolated_p(score, null).p_value < 0.02
    assert extrapolated_p(float("inf"), null).p_value > 0


@given(st.integers(0, 2**32 - 1), st.integers(200, 1500), st.floats(0.001, 0.3))
@settings(max_examples=30)
def test_ten_exceedances_are_counted(seed, n_permutations, share):
    null = np.random.default_rng(seed).normal(size=n_permutations)
    score = float(norm.isf(share))
    outcome = extrapolated_p(score, null)
    if (null >= score).sum() >= 10:
        assert outcome.p_value == permutation_p(score, null)
        assert np.isnan(outcome.fit_p)
    elif not np.isnan(outcome.p_value):
        assert outcome.fit_p > 0.05
        assert 0 < outcome.p_value < 0.2


def test_no_tail_no_p_value():
    rng = np.random.default_rng(0)
    for null in (rng.random(199), np.full(1000, 0.5), np.r_[np.full(970, np.nan), rng.random(30)]):
        outcome = extrapolated_p(2.0, null)
        assert np.isnan(outcome.p_value)
        assert np.isnan(outcome.fit_p)
    assert np.isnan(extrapolated_p(float("nan"), rng.random(1000)).p_value)


def test_a_tail_that_does_not_fit_is_not_used():
    rng = np.random.default_rng(0)
    # Of the highest scores a part lies in a second heap.
    null = np.r_[rng.random(900), 5 + 0.01 * rng.random(200)]
    assert ParetoTail.of(null) is None or ParetoTail.of(null).n_excesses < 200


def test_permuted_searches_that_found_nothing_are_the_lowest():
    null = np.random.default_rng(3).exponential(size=600)
    with_nan = np.r_[null, np.full(400, np.nan)]
    lowest = np.r_[null, np.full(400, -1.0)]
    assert extrapolated_p(9.0, with_nan) == extrapolated_p(9.0, lowest)


def test_shift_and_scale_change_nothing():
    null = np.random.default_rng(4).exponential(size=1000)
    tail, moved = ParetoTail.of(null), ParetoTail.of(0.5 + 1e-3 * null)
    assert moved.n_excesses == tail.n_excesses
    assert moved.upper_bound(0.5 + 1e-3 * 12) == pytest.approx(tail.upper_bound(12), rel=1e-6)

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, genpareto

from invert_captum.significance.generalised_pareto import fit_pareto, log_survival, pareto_fit_p


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.floats(-0.4, 0.8), st.sampled_from([30, 50, 250]))
def test_no_likelihood_that_scipy_finds_is_greater(seed, shape, n_excesses):
    rng = np.random.default_rng(seed)
    excesses = genpareto.rvs(shape, scale=0.01, size=n_excesses, random_state=rng)
    fitted = fit_pareto(excesses)
    theirs = genpareto.fit(excesses, floc=0)
    ours = genpareto.logpdf(excesses, fitted[0], 0, fitted[1]).sum()
    if theirs[0] >= -0.5:
        # Rounding leaves 1e-6 of a log-likelihood of some hundreds.
        assert ours >= genpareto.logpdf(excesses, theirs[0], 0, theirs[2]).sum() - 1e-6
    assert fitted[0] >= -0.5


@pytest.mark.parametrize("shape", [-0.4, -0.1, 0.0, 1e-10, 0.3])
def test_log_survival_is_scipys(shape):
    values = np.linspace(0, 4.5, 40)
    expected = genpareto.logsf(values, shape, 0, 2.0)
    assert np.allclose(log_survival(values, shape, 2.0), expected, rtol=1e-7)


@pytest.mark.parametrize("shape", [-0.3, -0.0005, 0.0, 0.2, 0.6])
@pytest.mark.parametrize("n_excesses", [50, 250])
def test_a_true_tail_is_rejected_as_often_as_said(shape, n_excesses):
    rng = np.random.default_rng(2)
    n_runs = 400
    p_values = []
    for _ in range(n_runs):
        excesses = genpareto.rvs(shape, size=n_excesses, random_state=rng)
        p_values.append(pareto_fit_p(excesses, *fit_pareto(excesses)))
    for level in (0.05, 0.25, 0.5):
        rejected = (np.array(p_values) <= level).sum()
        assert binom.ppf(0.0005, n_runs, level) <= rejected <= binom.ppf(0.9995, n_runs, level)


def test_another_distribution_is_rejected():
    rng = np.random.default_rng(0)
    for excesses in (rng.lognormal(sigma=0.3, size=250), np.repeat([1.0, 5.0], 125)):
        assert pareto_fit_p(excesses, *fit_pareto(excesses)) < 1e-3


def test_an_excess_that_the_fit_excludes_is_rejected():
    assert pareto_fit_p(np.array([0.1, 0.5, 3.0]), -0.5, 1.0) == 0.0
    assert pareto_fit_p(np.array([0.0, 0.5, 1.0]), 0.1, 1.0) == 0.0

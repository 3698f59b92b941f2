import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from invert_captum.search.reference import rank_neurons
from invert_captum.significance import mann_whitney_log10_p

ALTERNATIVES = ["greater", "less", "two-sided"]
SMALLEST_NORMAL = np.finfo(np.float64).tiny


def log10_p(values, mask, alternative):
    ranks = rank_neurons(np.asarray(values)[np.newaxis])
    return mann_whitney_log10_p(
        int(ranks.doubled[0][mask].sum()),
        int(mask.sum()),
        len(mask),
        tie_sum=ranks.tie_sums[0],
        alternative=alternative,
    )


@st.composite
def samples(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_samples = draw(st.integers(2, 300))
    mask = rng.random(n_samples) < draw(st.sampled_from([0.02, 0.3, 0.9]))
    mask[0], mask[1] = True, False
    values = rng.normal(size=n_samples) + draw(st.sampled_from([0, 0.5, 3])) * mask
    kind = draw(st.sampled_from(["continuous", "relu", "levels"]))
    if kind == "relu":
        values = np.maximum(values - 1, 0)
    if kind == "levels":
        values = np.round(values)
    return values, mask


@given(samples(), st.sampled_from(ALTERNATIVES))
def test_equals_scipy(sample, alternative):
    values, mask = sample
    if np.ptp(values) == 0:
        assert log10_p(values, mask, alternative) == 0.0
        return
    expected = mannwhitneyu(values[mask], values[~mask], alternative=alternative).pvalue
    if expected >= SMALLEST_NORMAL:
        assert 10 ** log10_p(values, mask, alternative) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("alternative", ["greater", "two-sided"])
def test_goes_on_where_scipy_underflows(alternative):
    """The tail of the normal: log10 φ(z)/z, to the relative error of its series, 1/z²."""
    values = np.arange(20_000.0)
    mask = values >= 10_000
    z = (0.5 * 1e8 - 0.5) / math.sqrt(1e8 * 20_001 / 12)
    expected = -z * z / 2 / math.log(10) - math.log10(z * math.sqrt(2 * math.pi))
    expected += math.log10(2) if alternative == "two-sided" else 0
    assert mannwhitneyu(values[mask], values[~mask], alternative=alternative).pvalue == 0
    assert log10_p(values, mask, alternative) == pytest.approx(expected, abs=1 / z**2)


def test_the_exact_distribution_of_a_small_side():
    """The single best of n samples has p = 1/n; the normal approximation says otherwise."""
    values = np.arange(50.0)
    assert 10 ** log10_p(values, values == 49, "greater") == pytest.approx(1 / 50)
    assert 10 ** log10_p(values, values != 0, "greater") == pytest.approx(1 / 50)


@pytest.mark.parametrize("alternative", ALTERNATIVES)
def test_nothing_to_compare_is_no_evidence(alternative):
    assert log10_p(np.arange(5.0), np.zeros(5, bool), alternative) == 0
    assert log10_p(np.arange(5.0), np.ones(5, bool), alternative) == 0
    assert log10_p(np.zeros(50), np.arange(50) < 20, alternative) == 0


@pytest.mark.parametrize("alternative", ALTERNATIVES)
@pytest.mark.parametrize("n_inside", [1, 2, 5, 8])
def test_the_exact_distribution_equals_scipys_at_every_u(n_inside, alternative):
    """From the lowest U to the highest."""
    n_samples = n_inside + 11
    values = np.arange(float(n_samples))
    for first in range(n_inside, -1, -1):
        # ``first`` samples at the bottom; the others move up from there, the last one first.
        for top in range(n_samples - n_inside + 1):
            mask = np.zeros(n_samples, bool)
            mask[:first] = True
            mask[np.arange(first, n_inside) + top] = True
            expected = mannwhitneyu(
                values[mask], values[~mask], alternative=alternative, method="exact"
            ).pvalue
            assert 10 ** log10_p(values, mask, alternative) == pytest.approx(expected, rel=1e-12)


def test_the_exact_distribution_among_many_samples():
    """SciPy takes long here; the value is a count of choices of two places."""
    n_samples = 200_000
    values = np.arange(float(n_samples))
    mask = (values == n_samples - 1) | (values == n_samples - 4)
    # Both in the last four places, or one of them last: U at least 2(n − 2) − 2.
    ways = sum(1 for a in range(6) for b in range(a) if a + b - 1 <= 2)
    expected = math.log10(ways / math.comb(n_samples, 2))
    assert log10_p(values, mask, "greater") == pytest.approx(expected, rel=1e-12)

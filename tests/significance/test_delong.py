import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_captum.significance.delong import delong_components, delong_variance, placements
from invert_captum.significance.separation import Separation


@st.composite
def samples(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_positive, n_negative = draw(st.integers(2, 60)), draw(st.integers(2, 60))
    mask = np.arange(n_positive + n_negative) < n_positive
    values = rng.normal(size=len(mask)) + draw(st.sampled_from([0, 0.5, 2, 9])) * mask
    kind = draw(st.sampled_from(["continuous", "relu", "levels"]))
    if kind == "relu":
        values = np.maximum(values - 1, 0)
    if kind == "levels":
        values = np.round(values)
    return values, mask


def pairs(values, mask):
    """1 for a positive above a negative, one half for a tie: a row for every positive."""
    positives, negatives = values[mask][:, np.newaxis], values[~mask]
    return (positives > negatives) + 0.5 * (positives == negatives)


@given(samples())
def test_components_equal_all_pairs(sample):
    ordered = pairs(*sample)
    expected = ordered.mean(1).var(ddof=1), ordered.mean(0).var(ddof=1)
    separation = Separation.of(*sample)
    assert delong_components(separation) == pytest.approx(expected, rel=1e-12, abs=1e-12)
    variance = expected[0] / ordered.shape[0] + expected[1] / ordered.shape[1]
    assert delong_variance(separation) == pytest.approx(variance, rel=1e-12, abs=1e-12)


@given(samples())
def test_placements_are_means_over_the_other_kind(sample):
    values, mask = sample
    of_positives, of_negatives = placements(Separation.of(values, mask))
    _, group = np.unique(values, return_inverse=True)
    ordered = pairs(values, mask)
    np.testing.assert_allclose(of_positives[group[mask]], ordered.mean(1), atol=1e-12)
    np.testing.assert_allclose(of_negatives[group[~mask]], ordered.mean(0), atol=1e-12)


@given(samples())
def test_depends_on_order_only(sample):
    values, mask = sample
    variance = delong_variance(Separation.of(values, mask))
    assert delong_variance(Separation.of(np.exp(values), mask)) == variance
    assert delong_variance(Separation.of(-values, mask)) == pytest.approx(variance, abs=1e-15)
    assert delong_variance(Separation.of(values, ~mask)) == pytest.approx(variance, abs=1e-15)


@pytest.mark.parametrize("kind", ["continuous", "relu", "levels"])
@pytest.mark.parametrize(("n_positive", "n_negative"), [(200, 200), (250, 700)])
def test_agrees_with_a_stratified_bootstrap(kind, n_positive, n_negative):
    """Within 6 %: 20,000 draws know a variance to 1 %."""
    rng = np.random.default_rng(0)
    mask = np.arange(n_positive + n_negative) < n_positive
    values = rng.normal(size=len(mask)) + mask
    values = {"continuous": values, "relu": np.maximum(values, 0), "levels": np.round(values)}[kind]
    separation = Separation.of(values, mask)
    aucs = []
    for _ in range(20):
        drawn = [
            rng.multinomial(counts.sum(), counts / counts.sum(), 1000)
            for counts in (separation.positives, separation.negatives)
        ]
        below = np.cumsum(drawn[1], axis=1) - drawn[1] / 2
        aucs.append((drawn[0] * below).sum(1) / (n_positive * n_negative))
    assert delong_variance(separation) == pytest.approx(np.var(aucs), rel=0.06)


def test_is_nan_where_no_variance_can_be_estimated():
    one = Separation.of([0.0, 1.0, 2.0], [True, False, False])
    none = Separation.of([0.0, 1.0], [False, False])
    assert np.isnan(delong_variance(one))
    assert np.isnan(delong_components(one)[0])
    assert delong_components(one)[1] == 0.0
    assert np.isnan(delong_variance(none))
    assert np.isnan(delong_components(none)).all()


def test_is_zero_where_everything_is_in_order():
    assert delong_variance(Separation.of(np.arange(20), np.arange(20) > 12)) == 0.0

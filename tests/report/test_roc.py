from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, norm
from sklearn.metrics import roc_auc_score, roc_curve

from invert_captum.report.roc import RocCurve, roc_band

GRID = np.arange(201) / 200


@st.composite
def samples(draw):
    count = draw(st.integers(2, 60))
    # Few different values, so that ties are frequent.
    values = draw(st.lists(st.integers(-4, 4), min_size=count, max_size=count))
    members = draw(st.lists(st.booleans(), min_size=count, max_size=count))
    members[0], members[1] = True, False
    return np.array(values, dtype=np.float64), np.array(members)


def toy(count=80, seed=0):
    rng = np.random.default_rng(seed)
    members = rng.random(count) < 0.3
    return np.round(rng.normal(size=count) + members, 1), members


@given(samples())
def test_curve_is_that_of_scikit_learn(data):
    values, members = data
    curve = RocCurve.of(values, members)
    across, up, _ = roc_curve(members, values, drop_intermediate=False)
    assert np.allclose(curve.false_positive_rate, across, atol=1e-15)
    assert np.allclose(curve.true_positive_rate, up, atol=1e-15)
    assert abs(curve.auc - roc_auc_score(members, values)) < 1e-12
    assert (curve.n_positive, curve.n_negative) == (members.sum(), (~members).sum())


def brute_force(values, members, codes, *, draws, seed, level):
    """Weigh samples one by one and let scikit-learn make the curves."""
    generator = np.random.default_rng(seed)
    # Half a group of either kind above all others and half a one below.
    all_members = np.r_[members, False, True, False, True]
    all_values = np.r_[values, [values.max() + 1] * 2, [values.min() - 1] * 2]
    sizes = np.array(
        [np.mean(np.unique(codes[members == kind], return_counts=True)[1]) for kind in (0, 1)]
    )
    heights, areas = [], []
    for _ in range(draws):
        of_group = generator.standard_exponential(codes.max() + 1)
        ends = generator.standard_gamma(0.5, size=(2, 2)) * sizes
        weights = np.r_[[of_group[code] for code in codes], ends[0], ends[1]]
        across, up, _ = roc_curve(
            all_members, all_values, sample_weight=weights, drop_intermediate=False
        )
        # Straight lines between points; no draw but its ends has a step on the grid.
        heights.append(np.interp(GRID, across, up))
        areas.append(roc_auc_score(all_members, all_values, sample_weight=weights))
    cut = [(1 - level) / 2, (1 + level) / 2]
    heights, areas = np.quantile(heights, cut, axis=0), np.quantile(areas, cut)
    curve = RocCurve.of(values, members)
    at = curve.at(GRID)
    heights = np.array([np.minimum(heights[0], at), np.maximum(heights[1], at)])
    return heights, [min(areas[0], curve.auc), max(areas[1], curve.auc)]


@pytest.mark.parametrize("size", [1, 2])
def test_band_is_that_of_a_bootstrap_by_brute_force(size):
    values, members = toy(60)
    codes = np.arange(60) // size
    kinds = {frozenset(members[codes == code].tolist()) for code in codes}
    assert len(kinds) == (2 if size == 1 else 3)
    heights, areas = brute_force(values, members, codes, draws=60, seed=3, level=0.8)
    groups = None if size == 1 else 7 * codes - 5
    band = roc_band(values, members, groups=groups, n_bootstrap=60, seed=3, level=0.8)
    assert np.array_equal(band.false_positive_rate, GRID)
    assert np.allclose([band.low, band.high], heights, atol=1e-9)
    assert np.allclose([band.auc_low, band.auc_high], areas, atol=1e-9)


@pytest.mark.parametrize("k", [0, 3, 10])
def test_rate_at_a_threshold_is_known_as_a_share_of_so_many_is(k):
    """All negatives share one activation, of ten positives k lie above it and the rest below."""
    values = np.r_[np.zeros(1000), np.ones(k), -np.ones(10 - k)]
    members = np.arange(1010) >= 1000
    band = roc_band(values, members, n_bootstrap=2000, level=0.9)
    jeffreys = beta(k + 0.5, 10 - k + 0.5).ppf([0.05, 0.95])
    # At the first rate of the grid, close behind the threshold above all negatives.
    assert (band.low[1], band.high[1]) == pytest.approx(jeffreys, abs=0.03)


def draw_two_normals(generator, n_positive, shift, size):
    """Groups of equal samples: whole groups are positive or negative."""
    members = np.arange(n_positive + 200) < n_positive
    values = generator.normal(size=len(members)) + shift * members
    return np.repeat(values, size), np.repeat(members, size)


@pytest.mark.parametrize(("n_positive", "size"), [(1, 1), (5, 1), (20, 1), (1, 3), (5, 3)])
@pytest.mark.parametrize("shift", [1.0, 2.5])
def test_band_covers_the_true_curve_also_with_few_positives(n_positive, size, shift):
    true_curve = norm.cdf(shift + norm.ppf(GRID))
    true_auc = norm.cdf(shift / np.sqrt(2))
    generator = np.random.default_rng(0)
    rates, areas = [], []
    for _ in range(40):
        values, members = draw_two_normals(generator, n_positive, shift, size)
        groups = np.arange(len(values)) // size
        band = roc_band(values, members, groups=groups, n_bootstrap=200)
        rates.append((band.low <= true_curve) & (true_curve <= band.high))
        areas.append(band.auc_low <= true_auc <= band.auc_high)
        # No rate between the ends is ever known for sure.
        assert (band.low[1:-1] < band.high[1:-1]).all()
    assert np.mean(rates) > 0.93
    assert np.mean(areas) > 0.85


def test_every_sample_its_own_group_is_no_groups():
    values, members = toy()
    one = roc_band(values, members, n_bootstrap=50)
    other = roc_band(values, members, n_bootstrap=50, groups=np.arange(len(values)) + 5)
    assert np.array_equal(one.low, other.low)
    assert np.array_equal(one.high, other.high)


def test_copies_in_a_group_are_no_further_evidence():
    values, members = toy()
    once = roc_band(values, members, n_bootstrap=200)
    copies = np.repeat(np.arange(len(values)), 4)
    grouped = roc_band(values[copies], members[copies], groups=copies, n_bootstrap=200)
    apart = roc_band(values[copies], members[copies], n_bootstrap=200)
    assert np.allclose(once.low, grouped.low)
    width = grouped.auc_high - grouped.auc_low
    assert apart.auc_high - apart.auc_low < 0.7 * width


@pytest.mark.parametrize("seed", range(5))
def test_band_holds_the_curve_and_is_wider_at_a_higher_level(seed):
    values, members = toy(300, seed)
    curve = RocCurve.of(values, members)
    band = roc_band(values, members, n_bootstrap=400)
    heights = curve.at(band.false_positive_rate)
    assert (band.low <= heights).all()
    assert (heights <= band.high).all()
    assert band.auc_low < curve.auc < band.auc_high
    narrow = roc_band(values, members, n_bootstrap=400, level=0.5)
    assert (narrow.low >= band.low).all()
    assert (narrow.high <= band.high).all()
    assert band.low[-1] == band.high[-1] == 1


def test_a_perfect_label_is_not_known_for_sure():
    members = np.arange(50) < 20
    band = roc_band(members * 1.0, members, n_bootstrap=2000)
    assert (band.high == 1).all()
    assert band.auc_high == 1
    # Jeffreys' lower bound of 20 in 20.
    assert band.low[20:180] == pytest.approx(beta(20.5, 0.5).ppf(0.025), abs=0.02)
    assert 0.8 < band.auc_low < 0.95


def test_same_seed_same_band():
    values, members = toy()
    one, same, other = (roc_band(values, members, n_bootstrap=40, seed=s) for s in (1, 1, 2))
    assert np.array_equal(one.low, same.low)
    assert not np.array_equal(one.low, other.low)


def test_refusals():
    values, members = toy()
    with pytest.raises(ValueError, match="80 positives and 0 negatives; expected at least one"):
        RocCurve.of(values, members | True)
    with pytest.raises(ValueError, match="0 positives"):
        roc_band(values, members & False)
    with pytest.raises(ValueError, match=r"groups has shape \(3,\); expected \(80,\)"):
        roc_band(values, members, groups=np.arange(3))
    with pytest.raises(ValueError, match="n_bootstrap is 0"):
        roc_band(values, members, n_bootstrap=0)
    with pytest.raises(ValueError, match="level is 1"):
        roc_band(values, members, level=1.0)
    with pytest.raises(ValueError, match="seed is -1"):
        roc_band(values, members, seed=-1)
    with pytest.raises(ValueError, match="NaN"):
        RocCurve.of(values * np.nan, members)

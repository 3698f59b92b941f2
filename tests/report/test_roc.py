from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
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


def brute_force(values, members, strata, *, draws, seed, level):
    """Draw samples one by one and let scikit-learn make the curves."""
    generator = np.random.default_rng(seed)
    heights, areas = [], []
    for _ in range(draws):
        chosen = []
        for groups in strata:
            for place in generator.integers(len(groups), size=len(groups)):
                chosen += groups[place]
        across, up, _ = roc_curve(members[chosen], values[chosen], drop_intermediate=False)
        # The highest of a step, straight lines between points.
        rows = []
        for at in GRID:
            left = np.flatnonzero(across <= at)[-1]
            right = min(left + 1, len(across) - 1)
            run = across[right] - across[left]
            share = (at - across[left]) / run if run else 0.0
            rows.append(up[left] + share * (up[right] - up[left]))
        heights.append(rows)
        areas.append(roc_auc_score(members[chosen], values[chosen]))
    cut = [(1 - level) / 2, (1 + level) / 2]
    return np.quantile(heights, cut, axis=0), np.quantile(areas, cut)


def test_band_is_that_of_a_bootstrap_by_brute_force():
    values, members = toy(40)
    strata = [[[i] for i in np.flatnonzero(members)], [[i] for i in np.flatnonzero(~members)]]
    heights, areas = brute_force(values, members, strata, draws=60, seed=3, level=0.8)
    band = roc_band(values, members, n_bootstrap=60, seed=3, level=0.8)
    assert np.array_equal(band.false_positive_rate, GRID)
    assert np.allclose([band.low, band.high], heights, atol=1e-12)
    assert np.allclose([band.auc_low, band.auc_high], areas, atol=1e-12)


def test_groups_are_drawn_whole_by_the_kinds_that_they_hold():
    values, members = toy(60)
    groups = np.arange(60) // 3 * 7
    by_kind = {kind: [] for kind in ("positive", "negative", "both")}
    for code in np.unique(groups):
        inside = np.flatnonzero(groups == code).tolist()
        held = set(members[inside].tolist())
        kind = "both" if len(held) == 2 else "positive" if True in held else "negative"
        by_kind[kind].append(inside)
    strata = [groups for groups in by_kind.values() if groups]
    assert len(strata) >= 2
    heights, _ = brute_force(values, members, strata, draws=50, seed=5, level=0.9)
    band = roc_band(values, members, groups=groups, n_bootstrap=50, seed=5, level=0.9)
    assert np.allclose([band.low, band.high], heights, atol=1e-12)


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


def test_a_perfect_label_has_a_perfect_band():
    members = np.arange(50) < 20
    band = roc_band(members * 1.0, members, n_bootstrap=30)
    assert (band.low == 1).all()
    assert (band.auc_low, band.auc_high) == (1, 1)


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

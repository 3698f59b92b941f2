import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit, ndtri
from statsmodels.stats.proportion import proportion_confint

from invert_captum.significance.intervals import AucEstimate, auc_interval
from invert_captum.significance.separation import Separation


def normals(n_positive, n_negative, auc, seed):
    """Binormal samples of that true AUC."""
    rng = np.random.default_rng(seed)
    mask = np.arange(n_positive + n_negative) < n_positive
    return rng.normal(size=len(mask)) + np.sqrt(2) * ndtri(auc) * mask, mask


def covered(n_positive, n_negative, auc, replicates):
    count = 0
    for seed in range(replicates):
        values, mask = normals(n_positive, n_negative, auc, seed)
        interval = auc_interval(Separation.of(values, mask))
        count += interval.low <= auc <= interval.high
    return count / replicates


@pytest.mark.parametrize(
    ("n_positive", "auc", "least"),
    [(100, 0.65, 0.93), (100, 0.9, 0.93), (200, 0.85, 0.93), (30, 0.98, 0.9), (30, 0.9, 0.9)],
)
def test_covers(n_positive, auc, least):
    """The simulation's error is 0.5 %: `benchmarks.interval_coverage` has more cells."""
    assert covered(n_positive, 945 - n_positive, auc, 1500) >= least


def test_is_delongs_on_the_logit_scale_where_that_covers():
    values, mask = normals(100, 400, 0.75, 1)
    ordered = (values[mask][:, np.newaxis] > values[~mask]).astype(float)
    variance = ordered.mean(1).var(ddof=1) / 100 + ordered.mean(0).var(ddof=1) / 400
    auc = ordered.mean()
    half = ndtri(0.95) * np.sqrt(variance) / (auc * (1 - auc))
    interval = auc_interval(Separation.of(values, mask), level=0.9)
    assert interval.method == "delong-logit"
    expected = expit([logit(auc) - half, logit(auc) + half])
    assert [interval.low, interval.high] == pytest.approx(list(expected), rel=1e-12)


@pytest.mark.parametrize(
    ("n_positive", "n_negative", "auc"), [(49, 400, 0.7), (400, 49, 0.7), (300, 300, 0.97)]
)
def test_is_for_small_samples_where_that_does_not(n_positive, n_negative, auc):
    values, mask = normals(n_positive, n_negative, auc, 3)
    assert auc_interval(Separation.of(values, mask)).method == "jeffreys"


@pytest.mark.parametrize(("above", "n_positive"), [(28, 30), (20, 30), (3, 45), (197, 200)])
def test_is_nearly_jeffreys_interval_where_the_auc_is_a_share(above, n_positive):
    """Where all negatives are equal the AUC is the share of the positives above them."""
    values = np.r_[np.ones(above), -np.ones(n_positive - above), np.zeros(2000)]
    interval = auc_interval(Separation.of(values, np.arange(len(values)) < n_positive))
    assert interval.method == "jeffreys"
    expected = proportion_confint(above, n_positive, method="jeffreys")
    width = expected[1] - expected[0]
    assert (interval.low, interval.high) == pytest.approx(expected, abs=0.1 * width)


@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
@pytest.mark.parametrize(("n_positive", "n_negative"), [(1, 1), (5, 900), (400, 30)])
def test_bound_at_auc_1_is_the_worst_that_any_distribution_allows(n_positive, n_negative, level):
    values = np.arange(n_positive + n_negative)
    interval = auc_interval(Separation.of(values, values >= n_negative), level=level)
    assert (interval.high, interval.method) == (1.0, "exact-bound")
    # The more frequent kind is constant; one of the rarer is on the right side with that AUC.
    all_right = interval.low ** min(n_positive, n_negative)
    assert all_right == pytest.approx(1 - level, rel=1e-9)


@pytest.mark.parametrize("n_positive", [10, 40])
def test_bound_at_auc_1_is_safe_for_other_distributions(n_positive):
    """At a true AUC as low as the bound, AUC 1 is seen in at most one of twenty samples."""
    bound = 0.05 ** (1 / n_positive)
    rng = np.random.default_rng(0)
    shift = np.sqrt(2) * ndtri(bound)
    least = (rng.normal(size=(4000, n_positive)) + shift).min(axis=1)
    assert (least > rng.normal(size=(4000, 60)).max(axis=1)).mean() <= 0.05


@st.composite
def separations(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    mask = np.arange(draw(st.integers(2, 300))) < 1
    mask = mask | (rng.random(len(mask)) < draw(st.sampled_from([0.02, 0.3, 0.9])))
    mask[-1] = False
    values = rng.normal(size=len(mask)) + draw(st.sampled_from([-5, 0, 0.5, 2, 9])) * mask
    kind = draw(st.sampled_from(["continuous", "relu", "constant", "levels"]))
    changed = {"relu": np.maximum(values - 1, 0), "constant": 0 * values, "levels": values.round()}
    return changed.get(kind, values), mask


@given(separations(), st.sampled_from([0.5, 0.9, 0.95, 0.9999]))
def test_contains_the_estimate_and_is_never_empty(sample, level):
    separation = Separation.of(*sample)
    interval = auc_interval(separation, level=level)
    assert 0 <= interval.low <= separation.auc <= interval.high <= 1
    assert interval.high - interval.low > 1e-6
    wider = auc_interval(separation, level=(1 + level) / 2)
    assert wider.low <= interval.low
    assert wider.high >= interval.high


@given(separations())
def test_mirrors(sample):
    values, mask = sample
    interval = auc_interval(Separation.of(values, mask))
    for mirrored in (Separation.of(-values, mask), Separation.of(values, ~mask)):
        other = auc_interval(mirrored)
        assert (1 - other.high, 1 - other.low) == pytest.approx(
            (interval.low, interval.high), abs=1e-9
        )


@pytest.mark.parametrize("mask", [[True, True], [False, False]])
def test_is_nan_with_one_kind_only(mask):
    interval = auc_interval(Separation.of([0.0, 1.0], mask))
    assert np.isnan([interval.low, interval.high]).all()
    assert interval.method == "none"


@pytest.mark.parametrize("level", [0, 1, 95, float("nan")])
def test_refuses_levels_that_are_none(level):
    separation = Separation.of([0.0, 1.0], [True, False])
    with pytest.raises(ValueError, match=r"level is .*; expected a number in \(0, 1\)"):
        auc_interval(separation, level=level)


@pytest.mark.parametrize(
    ("n_folds", "n_positive", "auc"), [(5, 6, 0.98), (2, 15, 0.98), (5, 40, 0.8)]
)
def test_intervals_of_the_mean_of_folds_cover(n_folds, n_positive, auc):
    rng = np.random.default_rng(0)
    shift = ndtri(auc) * np.sqrt(2)
    mask = np.arange(n_positive + 100) < n_positive
    covered = 0
    for _ in range(400):
        folds = [
            Separation.of(rng.normal(size=len(mask)) + shift * mask, mask) for _ in range(n_folds)
        ]
        mean = AucEstimate.mean([AucEstimate.of(fold) for fold in folds])
        assert mean.auc == pytest.approx(np.mean([fold.auc for fold in folds]))
        interval = mean.interval(0.95)
        covered += interval.low <= auc <= interval.high
    assert covered >= 0.925 * 400


def test_the_mean_of_perfect_folds_has_an_exact_bound():
    mask = np.arange(30) < 10
    perfect = AucEstimate.of(Separation.of(np.where(mask, 1.0, 0.0), mask))
    mean = AucEstimate.mean([perfect] * 4)
    assert mean.interval(0.95) == auc_interval(
        Separation.of(np.where(np.arange(120) < 40, 1.0, 0.0), np.arange(120) < 40)
    )
    assert perfect.mirrored().interval(0.9).high == pytest.approx(1 - perfect.interval(0.9).low)

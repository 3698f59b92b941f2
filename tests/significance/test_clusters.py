import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import binom, mannwhitneyu

from invert_captum.significance.clusters import (
    cluster_interval,
    cluster_log10_p,
    cluster_variance,
)
from invert_captum.significance.delong import delong_variance
from invert_captum.significance.intervals import auc_interval
from invert_captum.significance.separation import Separation

KINDS = ["continuous", "half zeros", "mostly zeros"]
ALTERNATIVES = ["greater", "less", "two-sided"]


def activations_of(kind, values):
    quantile = {"continuous": 0, "half zeros": 0.5, "mostly zeros": 0.9}[kind]
    return np.maximum(values, np.quantile(values, quantile))


def grouped(rng, n_samples, n_positive, *, kind="continuous", noise=0.0, shift=0.0):
    """Groups of 1 to 9 samples; activations and most labels are those of the group."""
    groups = np.repeat(np.arange(n_samples), np.minimum(rng.geometric(0.42, n_samples), 9))
    groups = groups[:n_samples]
    order = np.argsort(rng.permutation(groups.max() + 1)[groups], kind="stable")
    mask = np.zeros(n_samples, bool)
    mask[order[rng.random(n_samples) < 0.9][:n_positive]] = True
    values = rng.normal(size=groups.max() + 1)[groups] + noise * rng.normal(size=n_samples)
    return activations_of(kind, values + shift * mask), mask, groups


@st.composite
def samples(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_samples = draw(st.integers(20, 120))
    kind, shift = draw(st.sampled_from(KINDS)), draw(st.sampled_from([0.0, 1.0, 9.0]))
    return grouped(rng, n_samples, draw(st.integers(9, 11)), kind=kind, noise=0.5, shift=shift)


def obuchowski(values, mask, groups):
    """The published formula, by loops over groups."""
    positives, negatives = values[mask], values[~mask]
    ordered = (positives[:, None] > negatives) + 0.5 * (positives[:, None] == negatives)
    auc, (n1, n0) = ordered.mean(), ordered.shape
    every = np.unique(groups)
    up = {g: (ordered.mean(1)[groups[mask] == g] - auc).sum() for g in every}
    down = {g: (ordered.mean(0)[groups[~mask] == g] - auc).sum() for g in every}
    i10, i01 = len(set(groups[mask])), len(set(groups[~mask]))
    s10 = i10 / ((i10 - 1) * n1) * sum(x**2 for x in up.values())
    s01 = i01 / ((i01 - 1) * n0) * sum(x**2 for x in down.values())
    s11 = len(every) / (len(every) - 1) * sum(up[g] * down[g] for g in every)
    return s10 / n1 + s01 / n0 + 2 * s11 / (n1 * n0)


@given(samples())
def test_variance_is_the_published_formula(sample):
    _, mask, groups = sample
    assume(min(len(set(groups[mask])), len(set(groups[~mask]))) > 1)
    expected = max(obuchowski(*sample), 0.0)
    assert cluster_variance(*sample) == pytest.approx(expected, rel=1e-10, abs=1e-12)


@given(samples())
def test_variance_is_delongs_for_groups_of_one(sample):
    values, mask, _ = sample
    groups = np.random.default_rng(0).permutation(len(mask))
    expected = delong_variance(Separation.of(values, mask))
    assert cluster_variance(values, mask, groups) == pytest.approx(expected, rel=1e-12, abs=1e-15)


@given(samples())
def test_copies_change_nothing_but_the_count(sample):
    values, mask, _ = sample
    copies = [np.repeat(a, 3) for a in (values, mask, np.arange(len(mask)))]
    expected = delong_variance(Separation.of(values, mask))
    assert cluster_variance(*copies) == pytest.approx(expected, rel=1e-12, abs=1e-15)
    one, other = auc_interval(Separation.of(values, mask)), cluster_interval(*copies)
    assert (other.low, other.high) == pytest.approx((one.low, one.high), rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_variance_agrees_with_a_bootstrap_over_groups(kind):
    rng = np.random.default_rng(1)
    values, mask, groups = grouped(rng, 2000, 600, kind=kind, noise=0.5, shift=0.7)
    members = [np.flatnonzero(groups == g) for g in range(groups.max() + 1)]
    aucs = []
    for _ in range(1000):
        chosen = np.concatenate([members[g] for g in rng.integers(0, len(members), len(members))])
        aucs.append(Separation.of(values[chosen], mask[chosen]).auc)
    assert cluster_variance(values, mask, groups) == pytest.approx(np.var(aucs), rel=0.12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_positive", [20, 200])
def test_noise_of_groups_is_noise(kind, n_positive):
    """Not above the 99 % binomial band, which Mann–Whitney exceeds.

    `benchmarks.interval_coverage` has more replicates.
    """
    rng = np.random.default_rng(n_positive)
    p_values = []
    for _ in range(250):
        values, mask, groups = grouped(rng, 945, n_positive, kind=kind)
        naive = mannwhitneyu(values[mask], values[~mask], alternative="greater").pvalue
        p_values.append([10 ** cluster_log10_p(values, mask, groups, alternative="greater"), naive])
    rejected, naive = (np.array(p_values) <= 0.05).sum(axis=0)
    assert rejected <= binom.ppf(0.995, 250, 0.05)
    assert naive > binom.ppf(0.995, 250, 0.05)


@pytest.mark.parametrize("n_copies", [1, 2, 5])
@pytest.mark.parametrize("n_positive", [10, 40])
def test_is_mann_whitney_of_the_groups_where_all_are_copies(n_copies, n_positive):
    """The exact test, within 3 % down to 1e-3; beyond, larger by at most a tenth of its digits."""
    rng = np.random.default_rng(n_positive)
    mask = np.arange(200) < n_positive
    for shift in np.linspace(-1, 4, 11) / math.sqrt(n_positive):
        values = rng.normal(size=200) + shift * mask
        expected = mannwhitneyu(
            values[mask], values[~mask], alternative="greater", method="exact"
        ).pvalue
        copies = [np.repeat(a, n_copies) for a in (values, mask, np.arange(200))]
        ratio = 10 ** cluster_log10_p(*copies, alternative="greater") / expected
        assert 0.97 <= ratio <= (1.03 if expected > 1e-3 else expected**-0.1)


@settings(max_examples=40, deadline=None)
@given(samples())
def test_sides_mirror(sample):
    values, mask, groups = sample
    either = {a: cluster_log10_p(values, mask, groups, alternative=a) for a in ALTERNATIVES}
    mirrored = {a: cluster_log10_p(-values, mask, groups, alternative=a) for a in ALTERNATIVES}
    assert mirrored["greater"] == pytest.approx(either["less"], rel=1e-6, abs=1e-6)
    assert mirrored["two-sided"] == pytest.approx(either["two-sided"], rel=1e-6, abs=1e-6)
    smaller = min(either["greater"], either["less"])
    assert either["two-sided"] == pytest.approx(min(smaller + math.log10(2), 0.0), abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(samples())
def test_names_of_groups_and_order_of_samples_do_not_matter(sample):
    values, mask, groups = sample
    order = np.random.default_rng(0).permutation(len(mask))
    changed = values[order], mask[order], 7 - 3 * groups[order]
    p_value = cluster_log10_p(values, mask, groups, alternative="greater")
    assert cluster_log10_p(*changed, alternative="greater") == pytest.approx(p_value, abs=1e-9)
    assert cluster_variance(*changed) == pytest.approx(cluster_variance(*sample), abs=1e-12)


def test_is_finite_far_in_the_tail():
    rng = np.random.default_rng(0)
    mask = np.arange(10_000) < 5000
    values = rng.normal(size=10_000) + 3 * mask
    p_values = [
        cluster_log10_p(values, mask, np.arange(10_000) // size, alternative="greater")
        for size in (1, 2)
    ]
    assert -math.inf < p_values[0] < -300
    assert p_values[0] < p_values[1] < -150


def test_interval_covers_grouped_noise():
    rng = np.random.default_rng(3)
    covered = naive = 0
    for _ in range(300):
        values, mask, groups = grouped(rng, 945, 150)
        interval = cluster_interval(values, mask, groups)
        covered += interval.low <= 0.5 <= interval.high
        interval = auc_interval(Separation.of(values, mask))
        naive += interval.low <= 0.5 <= interval.high
    assert covered / 300 >= 0.92
    assert naive / 300 < 0.85


def test_bound_at_auc_1_counts_groups():
    values = np.arange(40)
    interval = cluster_interval(values, values >= 20, values // 4)
    assert interval.method == "exact-bound"
    assert interval.low == pytest.approx(0.05 ** (1 / 5))


@pytest.mark.parametrize("mask", [np.zeros(6, bool), np.ones(6, bool)])
def test_nothing_to_compare(mask):
    values, groups = np.arange(6.0), np.array([0, 0, 1, 1, 2, 2])
    assert math.isnan(cluster_variance(values, mask, groups))
    assert cluster_interval(values, mask, groups).method == "none"
    for alternative in ("greater", "less", "two-sided"):
        assert cluster_log10_p(values, mask, groups, alternative=alternative) == 0
        # Two groups, but only one of them with the concept.
        assert cluster_log10_p(values, mask, mask.astype(int), alternative=alternative) == 0
    assert cluster_log10_p(values, mask, groups, alternative="greater") == 0.0


def test_one_group_is_no_evidence():
    values, mask, groups = np.arange(6.0), np.arange(6) > 2, np.zeros(6, int)
    assert math.isnan(cluster_variance(values, mask, groups))
    assert cluster_interval(values, mask, groups).method == "none"


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (np.arange(5), r"groups has shape \(5,\) and mask \(6,\)"),
        (np.arange(6.0), "groups has dtype float64; expected integers"),
    ],
)
def test_refuses_groups_that_are_none(groups, message):
    with pytest.raises(ValueError, match=message):
        cluster_variance(np.arange(6.0), np.arange(6) > 2, groups)


def test_refuses_an_unknown_alternative():
    with pytest.raises(ValueError, match="alternative is 'more'; expected one of 'greater'"):
        cluster_log10_p(np.arange(4.0), np.arange(4) > 1, np.arange(4), alternative="more")

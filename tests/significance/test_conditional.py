import math
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, rankdata

from invert_captum.significance.conditional import least_log10_p, rank_sum_log10_p
from invert_captum.significance.separation import Separation

ALTERNATIVES = ["greater", "less", "two-sided"]


def enumerated(values, n_positive):
    """Return the doubled rank sums of all choices of so many samples."""
    ranks = (2 * rankdata(values)).astype(int)
    return np.array([sum(choice) for choice in combinations(ranks.tolist(), n_positive)])


def share(sums, observed, alternative):
    greater, less = np.mean(sums >= observed), np.mean(sums <= observed)
    both = min(1.0, 2 * min(greater, less))
    return {"greater": greater, "less": less, "two-sided": both}[alternative]


@st.composite
def small_problems(draw):
    n_samples = draw(st.integers(2, 12))
    n_levels = draw(st.sampled_from([2, 3, 5, 100]))
    values = draw(st.lists(st.integers(0, n_levels), min_size=n_samples, max_size=n_samples))
    mask = draw(st.lists(st.booleans(), min_size=n_samples, max_size=n_samples))
    return np.array(values, float), np.array(mask)


@settings(max_examples=300, deadline=None)
@given(small_problems(), st.sampled_from(ALTERNATIVES))
def test_equals_the_enumeration_of_all_choices(problem, alternative):
    values, mask = problem
    separation = Separation.of(values, mask)
    sums = enumerated(values, int(mask.sum()))
    observed = int((2 * rankdata(values))[mask].sum())
    expected = share(sums, observed, alternative)
    assert 10 ** rank_sum_log10_p(separation, alternative=alternative) == pytest.approx(expected)
    least = min(share(sums, total, alternative) for total in set(sums.tolist()))
    assert 10 ** least_log10_p(separation, alternative=alternative) == pytest.approx(least)


@settings(max_examples=50, deadline=None)
@given(small_problems(), st.sampled_from(ALTERNATIVES))
def test_is_super_uniform_under_the_null(problem, alternative):
    """Of all choices of positives, at most a share of α has a p-value of at most α."""
    values, mask = problem
    n_samples, n_positive = len(values), int(mask.sum())
    p_values = []
    for choice in combinations(range(n_samples), n_positive):
        chosen = np.isin(np.arange(n_samples), choice)
        separation = Separation.of(values, chosen)
        p_values.append(10 ** rank_sum_log10_p(separation, alternative=alternative))
    p_values = np.sort(p_values)
    assert np.all(
        np.searchsorted(p_values, p_values * (1 + 1e-9), "right") / len(p_values)
        <= p_values * (1 + 1e-8)
    )


@st.composite
def medium_problems(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_samples = draw(st.integers(20, 400))
    mask = rng.random(n_samples) < draw(st.sampled_from([0.05, 0.3, 0.9]))
    mask[0], mask[1] = True, False
    values = rng.normal(size=n_samples) + draw(st.sampled_from([-1, 0, 0.5, 3])) * mask
    kind = draw(st.sampled_from(["continuous", "relu", "clipped", "levels"]))
    if kind == "relu":
        values = np.maximum(values - 1, 0)
    if kind == "clipped":
        values = np.clip(values, 0, 1)
    if kind == "levels":
        values = np.round(values)
    return values, mask


@settings(max_examples=100, deadline=None)
@given(medium_problems())
def test_symmetries(problem):
    values, mask = problem
    separation = Separation.of(values, mask)
    greater = rank_sum_log10_p(separation, alternative="greater")
    less = rank_sum_log10_p(separation, alternative="less")
    two_sided = rank_sum_log10_p(separation, alternative="two-sided")
    assert all(math.isfinite(p) and p <= 0 for p in (greater, less, two_sided))
    for other in (Separation.of(-values, mask), Separation.of(values, ~mask)):
        assert rank_sum_log10_p(other, alternative="less") == pytest.approx(greater, abs=1e-9)
        assert rank_sum_log10_p(other, alternative="two-sided") == pytest.approx(
            two_sided, abs=1e-9
        )
    assert two_sided == pytest.approx(min(0, min(greater, less) + math.log10(2)), abs=1e-12)
    stretched = Separation.of(np.exp(values), mask)
    assert rank_sum_log10_p(stretched, alternative="greater") == greater
    for alternative in ALTERNATIVES:
        least = least_log10_p(separation, alternative=alternative)
        assert least <= rank_sum_log10_p(separation, alternative=alternative) + 1e-9


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(ALTERNATIVES))
def test_equals_scipys_exact_method_without_ties(seed, alternative):
    rng = np.random.default_rng(seed)
    n_samples, n_positive = rng.integers(10, 120), rng.integers(1, 9)
    mask = np.arange(n_samples) < n_positive
    values = rng.normal(size=n_samples) + rng.integers(-2, 3) * mask
    expected = mannwhitneyu(
        values[mask], values[~mask], alternative=alternative, method="exact"
    ).pvalue
    separation = Separation.of(values, mask)
    assert 10 ** rank_sum_log10_p(separation, alternative=alternative) == pytest.approx(expected)


@pytest.mark.parametrize("alternative", ALTERNATIVES)
def test_nothing_to_compare_is_no_evidence(alternative):
    for values, mask in (
        (np.arange(5.0), np.zeros(5, bool)),
        (np.arange(5.0), np.ones(5, bool)),
        (np.zeros(50), np.arange(50) < 20),
    ):
        separation = Separation.of(values, mask)
        assert rank_sum_log10_p(separation, alternative=alternative) == 0
        assert least_log10_p(separation, alternative=alternative) == 0


def test_zeros_and_a_label_that_has_every_other_sample():
    """945 samples, 20 positives, and m of them alone are not zero: p = C(20, m) / C(945, m)."""
    label = np.arange(945) < 20
    for n_active in (2, 4, 6, 8, 10):
        values = np.zeros(945)
        values[:n_active] = np.arange(1, n_active + 1)
        expected = math.log10(math.comb(20, n_active) / math.comb(945, n_active))
        separation = Separation.of(values, label)
        assert rank_sum_log10_p(separation, alternative="greater") == pytest.approx(expected)


def partitions(most):
    """Return the numbers of partitions of 0 … most, by Euler's pentagonal numbers."""
    counts = [1]
    for n in range(1, most + 1):
        total, k = 0, 1
        while (lower := k * (3 * k - 1) // 2) <= n:
            sign = 1 if k % 2 else -1
            total += sign * (counts[n - lower] + (counts[n - lower - k] if lower + k <= n else 0))
            k += 1
        counts.append(total)
    return counts


@pytest.mark.parametrize("n_swapped", [0, 1, 5, 30])
def test_never_underflows(n_swapped):
    """The best half of 20,000, but for m that change places: U is m² below its maximum.

    As many choices have a U that is lower by j as j has partitions, while j is at most 10,000.
    """
    values, mask = np.arange(20_000.0), np.arange(20_000) >= 10_000
    mask[10_000 - n_swapped : 10_000], mask[10_000 : 10_000 + n_swapped] = True, False
    log10_p = rank_sum_log10_p(Separation.of(values, mask), alternative="greater")
    one_in = Fraction(math.comb(20_000, 10_000), sum(partitions(n_swapped**2)))
    expected = -math.log10(one_in / 10**5900) - 5900
    # Either exact or, with 30, the saddlepoint, of a p-value of about 1e-5985.
    assert log10_p == pytest.approx(expected, abs=0.05 if n_swapped == 30 else 1e-6)


def test_refuses_an_unknown_alternative():
    separation = Separation.of([0.0, 1.0], [True, False])
    for test in (rank_sum_log10_p, least_log10_p):
        with pytest.raises(ValueError, match=r"alternative is 'both'.*greater, less, two-sided"):
            test(separation, alternative="both")

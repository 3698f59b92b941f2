import math
from itertools import combinations, product

import numpy as np
import pytest
import scipy.stats
from scipy.special import ndtr, ndtri

from invert_captum.significance.delong import delong_variance
from invert_captum.significance.difference import auc_difference
from invert_captum.significance.separation import Separation

SHARES = np.array([0.7, 0.15, 0.15])  # other things, other animals, dogs
MEANS = np.array([0.0, 0.7, 1.2])


def zoo(rng, n, means=MEANS):
    """Activations, and for which samples `animal` and `dog` hold; dogs are animals."""
    kind = rng.choice(3, n, p=SHARES)
    return rng.normal(size=n) + means[kind], kind >= 1, kind == 2


def true_auc(inside):
    """The AUC of a set of the three kinds of samples, each normal with its own mean."""
    pairs = ndtr((MEANS[:, np.newaxis] - MEANS) / math.sqrt(2))
    return (SHARES * inside / (SHARES @ inside)) @ pairs @ (SHARES * ~inside / (SHARES @ ~inside))


@pytest.mark.parametrize("relu", [False, True])
def test_covers_the_difference_of_nested_formulas(relu):
    """Simulated to within 0.6 %."""
    truth = true_auc(np.array([False, True, True])) - true_auc(np.array([False, False, True]))
    rng = np.random.default_rng(0)
    if relu:
        values, animal, dog = zoo(np.random.default_rng(1), 1_000_000)
        values = np.maximum(values, 0.5)
        truth = Separation.of(values, animal).auc - Separation.of(values, dog).auc
    covered = 0
    for _ in range(1200):
        values, animal, dog = zoo(rng, 400)
        values = np.maximum(values, 0.5) if relu else values
        difference = auc_difference(values, animal, dog)
        covered += difference.low <= truth <= difference.high
    assert 0.93 <= covered / 1200 <= 0.97


def test_keeps_its_size_where_the_formulas_are_equally_good():
    """Two halves of one concept; an error of 3.3 standard deviations is allowed."""
    rng = np.random.default_rng(2)
    p_values = []
    for _ in range(1200):
        values, one, other = zoo(rng, 400, np.array([0.0, 1.0, 1.0]))
        p_values.append(10 ** auc_difference(values, one & ~other, other).log10_p)
    assert abs(np.mean(np.array(p_values) <= 0.05) - 0.05) <= 0.021


@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_a_bootstrap_over_samples(seed):
    rng = np.random.default_rng(seed)
    values, animal, dog = zoo(rng, 600)
    values = np.maximum(values, 0) if seed % 2 else values
    differences = []
    for _ in range(1000):
        drawn = rng.integers(0, 600, 600)
        first = Separation.of(values[drawn], animal[drawn]).auc
        differences.append(first - Separation.of(values[drawn], dog[drawn]).auc)
    result = auc_difference(values, animal, dog)
    deviation = (result.high - result.low) / 2 / ndtri(0.975)
    assert deviation == pytest.approx(np.std(differences), rel=0.08)


def test_is_two_aucs_minus_one_against_the_complement():
    """Its deviation is then twice DeLong's."""
    values, animal, _ = zoo(np.random.default_rng(3), 300)
    separation = Separation.of(values, animal)
    result = auc_difference(values, animal, ~animal, level=0.9)
    assert result.difference == pytest.approx(2 * separation.auc - 1, abs=1e-12)
    deviation = 2 * math.sqrt(delong_variance(separation))
    student = scipy.stats.t(min(separation.n_positive, separation.n_negative) - 1)
    assert result.high - result.difference == pytest.approx(student.ppf(0.95) * deviation, rel=1e-9)
    p_value = 2 * student.sf(abs(result.difference) / deviation)
    assert result.log10_p == pytest.approx(math.log10(p_value), rel=1e-10)


def test_changes_its_sign_with_the_order_of_the_formulas():
    values, animal, dog = zoo(np.random.default_rng(4), 300)
    one, other = auc_difference(values, animal, dog), auc_difference(values, dog, animal)
    assert one.log10_p == other.log10_p
    assert (one.difference, one.low, one.high) == (-other.difference, -other.high, -other.low)


def test_of_identical_masks_is_nothing():
    values, animal, _ = zoo(np.random.default_rng(5), 50)
    result = auc_difference(values, animal, animal.copy())
    assert (result.difference, result.low, result.high, result.log10_p) == (0.0, 0.0, 0.0, 0.0)
    assert result.auc == result.other_auc == Separation.of(values, animal).auc


def test_of_two_perfect_formulas_is_uncertain():
    values = np.arange(60)
    result = auc_difference(values, values >= 20, values >= 40)
    assert result.difference == 0.0
    assert result.low == pytest.approx(0.025 ** (1 / 20) - 1)
    assert result.high == pytest.approx(1 - 0.025 ** (1 / 20))
    assert result.log10_p == 0.0


def test_of_a_perfect_formula_and_the_opposite_is_as_sure_as_the_samples_allow():
    values = np.arange(60)
    result = auc_difference(values, values >= 20, values < 40)
    assert (result.difference, result.high) == (1.0, 1.0)
    assert 0 < result.low < 1
    assert result.log10_p == pytest.approx(math.log10(2 / 2**20))


def test_is_finite_far_in_the_tail():
    rng = np.random.default_rng(6)
    values = np.r_[rng.normal(4, 1, 20_000), rng.normal(0, 1, 20_000)]
    good = np.arange(40_000) < 20_000
    result = auc_difference(values, good, rng.random(40_000) < 0.5)
    assert -math.inf < result.log10_p < -300


def test_contains_the_difference_for_all_small_samples():
    masks = [np.array(bits, bool) for bits in product([0, 1], repeat=5) if 2 <= sum(bits) <= 3]
    for values in product(range(3), repeat=5):
        if list(values) == sorted(values):
            for mask, other in combinations(masks, 2):
                result = auc_difference(values, mask, other)
                assert -1 <= result.low <= result.difference <= result.high <= 1
                assert result.log10_p <= 0


@pytest.mark.parametrize("n_dogs", [0, 1, 9, 10])
def test_gives_no_bounds_from_single_samples(n_dogs):
    values = np.arange(10.0)
    result = auc_difference(values, values > 4, values >= 10 - n_dogs)
    assert np.isnan([result.low, result.high]).all()
    assert result.log10_p == 0.0
    assert math.isnan(result.other_auc) == (n_dogs in (0, 10))


def test_refuses_masks_of_another_length():
    with pytest.raises(ValueError, match=r"activations has shape \(3,\) and mask \(2,\)"):
        auc_difference([1.0, 2.0, 3.0], [True, False, True], [True, False])


@pytest.mark.parametrize(("n_groups", "size"), [(2, 5), (4, 5), (10, 4), (20, 3)])
def test_few_groups_are_little_evidence(n_groups, size):
    """Noise that groups share; an error of three standard deviations above .05 is allowed."""
    rng = np.random.default_rng(0)
    groups = np.arange(n_groups).repeat(size)
    small = []
    for _ in range(400):
        values = rng.normal(size=n_groups)[groups] + 0.3 * rng.normal(size=len(groups))
        one, other = (rng.random(len(groups)) < 0.4 for _ in range(2))
        small.append(auc_difference(values, one, other, groups=groups).log10_p <= math.log10(0.05))
    assert np.mean(small) <= 0.083


@pytest.mark.parametrize("n_positive", [2, 3, 5, 10])
def test_few_positives_are_little_evidence(n_positive):
    rng = np.random.default_rng(1)
    small = []
    for _ in range(400):
        one, other = (rng.permutation(200) < n_positive for _ in range(2))
        difference = auc_difference(rng.normal(size=200), one, other)
        small.append(difference.log10_p <= math.log10(0.05))
    assert np.mean(small) <= 0.083


def test_one_group_is_no_evidence():
    values, one = np.arange(12.0), np.arange(12) % 3 == 0
    other = np.arange(12) % 4 == 0
    outcome = auc_difference(values, one, other, groups=np.zeros(12, int))
    assert math.isnan(outcome.low)
    assert (outcome.log10_p, outcome.p_value) == (0, 1)


def test_groups_of_one_are_samples():
    rng = np.random.default_rng(3)
    values, animal, dog = zoo(rng, 300)
    # In any order, of any numbers.
    groups = rng.permutation(300) * 10**12
    expected = auc_difference(values, animal, dog)
    grouped = auc_difference(values, animal, dog, groups=groups)
    assert grouped.difference == expected.difference
    # Sums of single influences, scaled by √(300 / 299).
    assert grouped.low == pytest.approx(expected.low, rel=0.01)


def test_far_tails_come_out():
    values = np.concatenate([np.arange(4000.0), np.arange(4000.0) + 3000])
    one = np.arange(8000) >= 4000
    outcome = auc_difference(values, one, np.arange(8000) % 2 == 0)
    assert -10_000 < outcome.log10_p < -300
    assert outcome.p_value == 0


@pytest.mark.parametrize("groups", [np.zeros(5, int), np.zeros(12), np.zeros((12, 1), int)])
def test_groups_that_are_refused(groups):
    mask = np.arange(12) > 6
    with pytest.raises(ValueError, match="groups has shape"):
        auc_difference(np.arange(12.0), mask, ~mask, groups=groups)

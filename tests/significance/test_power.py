import math

import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import mannwhitneyu

from invert_captum.significance.power import rank_sum_power, required_positives

REPETITIONS = 2000


def simulated_u(auc, n_positives, n_negatives, rng):
    """Draws of Mann–Whitney's U of normal activations of equal variance."""
    shift = math.sqrt(2) * ndtri(auc)
    positives = rng.normal(shift, 1, (REPETITIONS, n_positives))
    negatives = np.sort(rng.normal(size=(REPETITIONS, n_negatives)))
    return np.array(
        [np.searchsorted(n, p).sum() for p, n in zip(positives, negatives, strict=True)]
    )


def p_values(statistics, n_positives, n_negatives):
    """SciPy's exact one-sided p-value of each U, for samples without ties."""
    known = {}
    for u in np.unique(statistics):
        # Samples that have this U: each positive above so many negatives.
        above = np.full(n_positives, u // n_positives)
        above[: u % n_positives] += 1
        test = mannwhitneyu(
            above - 0.5 + 1e-4 * np.arange(n_positives),
            np.arange(n_negatives),
            alternative="greater",
            method="exact",
        )
        assert test.statistic == u
        known[u] = test.pvalue
    return np.array([known[u] for u in statistics])


@pytest.mark.parametrize("level", [0.05, 1e-3, 4e-5])
@pytest.mark.parametrize("auc", [0.6, 0.75, 0.9, 0.98])
@pytest.mark.parametrize(("n_positives", "n_negatives"), [(3, 100), (8, 60), (25, 120)])
def test_power_is_that_of_simulated_tests(auc, level, n_positives, n_negatives, rng):
    statistics = simulated_u(auc, n_positives, n_negatives, rng)
    share = np.mean(p_values(statistics, n_positives, n_negatives) <= level)
    # Four standard errors of the simulation, at most .045, beside the formula's own .02.
    error = 0.02 + 4 * math.sqrt(max(share * (1 - share), 0.001) / REPETITIONS)
    assert rank_sum_power(auc, n_positives, n_negatives, level) == pytest.approx(share, abs=error)


@pytest.mark.parametrize(
    ("auc", "n_neurons", "power"), [(0.65, 1, 0.8), (0.75, 100, 0.9), (0.9, 1000, 0.8)]
)
def test_so_many_positives_reach_the_power_on_the_held_out_half(auc, n_neurons, power, rng):
    """The whole procedure, simulated: a random split, and SciPy's test on one half."""
    n_samples = 600
    n_positives = required_positives(auc, 0.05, n_samples, n_neurons, power=power)
    found = 0
    for _ in range(800):
        mask = rng.permutation(n_samples) < n_positives
        activations = rng.normal(size=n_samples) + mask * math.sqrt(2) * ndtri(auc)
        heldout = rng.permutation(n_samples) < n_samples // 2
        inside, outside = activations[heldout & mask], activations[heldout & ~mask]
        found += mannwhitneyu(inside, outside, alternative="greater").pvalue <= 0.05 / n_neurons
    # Above: the least number overshoots where positives are few, by one positive's power.
    assert power - 0.05 <= found / 800 <= power + 0.08


@pytest.mark.parametrize("holdout_fraction", [0.5, 0.25, None])
@pytest.mark.parametrize("auc", [0.7, 0.9, 1.0])
def test_is_the_least_number(auc, holdout_fraction):
    """One positive fewer is not enough; more power, more neurons or less AUC need more."""

    def needed(auc=auc, n_neurons=20, power=0.8):
        return required_positives(
            auc, 0.05, 3000, n_neurons, power=power, holdout_fraction=holdout_fraction
        )

    assert needed(power=0.6) <= needed() <= needed(power=0.95)
    assert needed(n_neurons=1) <= needed() <= needed(n_neurons=200)
    assert needed() <= needed(auc=auc - 0.1)
    if holdout_fraction is None:
        fewer, n = needed() - 1, 3000
        assert rank_sum_power(auc, fewer, n - fewer, 0.05 / 20) < 0.8
        assert rank_sum_power(auc, fewer + 1, n - fewer - 1, 0.05 / 20) >= 0.8


@pytest.mark.parametrize("n_samples", [10, 30, 100])
@pytest.mark.parametrize("n_neurons", [1, 50, 2000])
def test_a_perfect_neuron_needs_as_many_as_order_itself_needs(n_samples, n_neurons):
    """The least p-value of n samples with m positives is 1 / C(n, m)."""
    enough = [
        m for m in range(1, n_samples // 2 + 1) if math.comb(n_samples, m) * 0.05 >= n_neurons
    ]

    def needed():
        return required_positives(1.0, 0.05, n_samples, n_neurons, holdout_fraction=None)

    if enough:
        assert needed() == enough[0]
    else:
        with pytest.raises(ValueError, match="the greatest power is 0,"):
            needed()


def test_alternatives_mirror_each_other():
    greater = required_positives(0.7, 0.05, 1000)
    assert required_positives(0.3, 0.05, 1000, alternative="less") == greater
    both = [required_positives(auc, 0.05, 1000, alternative="two-sided") for auc in (0.3, 0.7)]
    assert both == [required_positives(0.7, 0.025, 1000)] * 2


def test_large_numbers_agree_with_small_ones_in_the_limit():
    """The number of negatives hardly matters once there are many."""
    assert required_positives(0.7, 0.05, 20_000, 100) == pytest.approx(
        required_positives(0.7, 0.05, 5_000_000, 100), abs=1
    )


def test_says_what_can_be_reached():
    with pytest.raises(ValueError, match=r"with 50 tested samples the greatest power is 0\.\d+"):
        required_positives(0.6, 0.05, 100, 1000)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"auc": 0.5}, ValueError, r"auc is 0.5 \(float\).*in \(0.5, 1\]"),
        ({"auc": 0.7, "alternative": "less"}, ValueError, r"in \[0, 0.5\)"),
        ({"auc": 1.2}, ValueError, r"auc is 1.2; expected a number in \[0, 1\]"),
        ({"alpha": 0}, ValueError, "alpha is 0"),
        ({"power": 1.0}, ValueError, "power is 1.0"),
        ({"n_samples": None}, TypeError, "n_samples is None; expected an integer"),
        ({"n_samples": 3}, ValueError, "n_samples is 3"),
        ({"n_neurons": 0}, ValueError, "n_neurons is 0"),
        ({"holdout_fraction": 1.0}, ValueError, "holdout_fraction is 1.0"),
        ({"alternative": "more"}, ValueError, "alternative is 'more'; expected one of 'greater'"),
    ],
)
def test_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        required_positives(**{"auc": 0.7, "alpha": 0.05, "n_samples": 100, **arguments})

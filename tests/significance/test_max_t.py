from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from invert_captum.significance.max_t import westfall_young


def standardised(scores, null):
    together = np.vstack([scores, null])
    spread = together.std(axis=0)
    with np.errstate(all="ignore"):
        z = np.where(np.ptp(together, axis=0) == 0, -np.inf, (together - together.mean(0)) / spread)
    return z[0], z[1:]


def by_definition(scores, null, *, step_down):
    adjusted = np.empty(len(scores))
    for neuron, score in enumerate(scores):
        rivals = scores <= score if step_down else np.ones(len(scores), dtype=bool)
        maxima = null[:, rivals].max(axis=1)
        adjusted[neuron] = (1 + (maxima >= score).sum()) / (1 + len(null))
    if step_down:
        adjusted = np.array([adjusted[scores >= score].max() for score in scores])
    return adjusted


@given(
    st.integers(0, 2**32 - 1), st.integers(1, 8), st.integers(1, 40), st.booleans(), st.booleans()
)
def test_is_the_definition(seed, n_neurons, n_permutations, standardise, step_down):
    rng = np.random.default_rng(seed)
    # Sixteenths are exact, so that ties stay ties in the definition's arithmetic too.
    scores = rng.integers(0, 16, n_neurons) / 16
    null = rng.integers(0, 16, (n_permutations, n_neurons)) / 16
    if standardise:
        scores, null = rng.random(n_neurons), rng.random((n_permutations, n_neurons))
        null[:, 0] = scores[0]
    adjusted = westfall_young(scores, null, standardise=standardise, step_down=step_down)
    compared = standardised(scores, null) if standardise else (scores, null)
    assert np.array_equal(adjusted, by_definition(*compared, step_down=step_down))


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_stepping_down_never_costs_and_nan_is_left_out(seed, standardise):
    rng = np.random.default_rng(seed)
    scores, null = rng.random(9) + 0.3, rng.random((30, 9))
    single = westfall_young(scores, null, standardise=standardise, step_down=False)
    stepped = westfall_young(scores, null, standardise=standardise)
    assert (stepped <= single).all()
    scores[[2, 5]] = np.nan
    kept = ~np.isnan(scores)
    with_nan = westfall_young(scores, null, standardise=standardise)
    alone = westfall_young(scores[kept], null[:, kept], standardise=standardise)
    assert np.isnan(with_nan[~kept]).all()
    assert np.array_equal(with_nan[kept], alone)


def test_a_permuted_search_that_found_nothing_is_the_lowest():
    null = np.array([[np.nan, 0.5], [0.7, np.nan], [np.nan, np.nan]])
    adjusted = westfall_young([0.6, 0.4], null, standardise=False, step_down=False)
    assert adjusted.tolist() == [2 / 4, 3 / 4]


def test_a_neuron_whose_scores_are_all_equal_is_never_significant():
    scores, null = np.array([0.1, 0.9]), np.full((99, 2), 0.1)
    null[:, 1] = np.linspace(0.2, 0.4, 99)
    adjusted = westfall_young(scores, null, standardise=True)
    assert adjusted.tolist() == [1.0, 0.01]


@given(st.integers(0, 2**32 - 1))
def test_neurons_with_the_same_scores_in_another_order_tie_exactly(seed):
    rng = np.random.default_rng(seed)
    together = np.sort(rng.random(40))[::-1]
    other = np.concatenate([together[1:2], rng.permutation(np.delete(together, 1))])
    columns = np.column_stack([together, other])
    adjusted = westfall_young(columns[0], columns[1:], standardise=True)
    # Its greatest score is the other neuron's under one permutation.
    assert adjusted[0] == 2 / 40


def test_nineteen_permutations_can_reject_at_05_among_a_thousand_neurons():
    rng = np.random.default_rng(0)
    scores, null = np.zeros(1000), rng.normal(size=(19, 1000))
    scores[0] = 100.0
    for standardise in (False, True):
        adjusted = westfall_young(scores, null, standardise=standardise, step_down=False)
        # A lone outlier among 20 standardises to at most √19, which noise does not reach here.
        assert adjusted[0] == 0.05


@pytest.mark.parametrize("standardise", [False, True])
@pytest.mark.parametrize("step_down", [False, True])
def test_exact_over_all_permutations_of_a_tiny_problem(standardise, step_down):
    # Two neurons that depend on each other, five samples, scores the means over two of them.
    activations = np.array([[0.0, 1.0, 2.0, 4.0, 8.0], [3.0, 5.0, 0.0, 1.0, 9.0]])
    scores = np.array(
        [activations[:, list(order)][:, :2].sum(axis=1) for order in permutations(range(5))]
    )
    least = np.array(
        [
            westfall_young(
                scores[i], np.delete(scores, i, 0), standardise=standardise, step_down=step_down
            ).min()
            for i in range(len(scores))
        ]
    )
    for level in np.unique(least):
        assert (least <= level).mean() <= level + 1e-12


@pytest.mark.parametrize("standardise", [False, True])
@pytest.mark.parametrize("n_true", [0, 5])
def test_family_wise_error_holds_for_dependent_neurons(standardise, n_true):
    rng = np.random.default_rng(7)
    n_runs, n_permutations, n_neurons = 1500, 39, 12
    # One factor in all neurons, and very unequal spreads; the first n_true have a real effect.
    scales = np.geomspace(0.1, 10, n_neurons)
    errors = 0
    for _ in range(n_runs):
        common = rng.normal(size=(n_permutations + 1, 1))
        draws = scales * (0.8 * common + 0.6 * rng.normal(size=(n_permutations + 1, n_neurons)))
        draws[0, :n_true] += 5 * scales[:n_true]
        adjusted = westfall_young(draws[0], draws[1:], standardise=standardise)
        errors += (adjusted[n_true:] <= 0.05).any()
    assert errors <= binom.ppf(0.995, n_runs, 0.05)
    if n_true == 0:
        assert errors >= binom.ppf(0.005, n_runs, 0.05)


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"scores has shape \(2,\) and null \(5, 3\)"):
        westfall_young(np.zeros(2), np.zeros((5, 3)), standardise=False)

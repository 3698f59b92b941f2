from fractions import Fraction
from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from invert_captum.significance.corrections import CORRECTIONS
from invert_captum.significance.permutation import (
    ExceedanceCounts,
    needed_permutations,
    permutation_p,
    shared_null_p,
)

# Few different values, so that scores tie with permuted ones and among each other.
a_score = st.integers(0, 6).map(float) | st.just(np.nan)


def defined_p(score, null):
    """The definition, counted one by one; None for NaN."""
    if np.isnan(score):
        return None
    return (1 + sum(one >= score for one in null)) / (1 + len(null))


@given(st.lists(a_score, min_size=1, max_size=8), st.lists(a_score, max_size=30))
def test_shared_null_counts_as_defined(scores, null):
    p_values = shared_null_p(scores, null)
    for score, p_value in zip(scores, p_values, strict=True):
        expected = defined_p(score, null)
        assert np.isnan(p_value) if expected is None else p_value == expected
        alone = permutation_p(score, null)
        assert alone == p_value or (np.isnan(alone) and np.isnan(p_value))


def sequential_p(scores, *, stop_after):
    """One neuron: the first of the scores is the observed one."""
    counts = ExceedanceCounts([scores[0]], len(scores) - 1, stop_after=stop_after)
    counts.add([scores[1:]])
    return float(counts.p_values()[0])


@pytest.mark.parametrize("stop_after", [1, 2, 3, None])
@pytest.mark.parametrize("values", [[0, 1, 2, 3, 4, 5, 6], [0, 0, 1, 1, 1, 2, 2]])
def test_every_attainable_level_holds_by_enumeration(stop_after, values):
    # Exchangeable scores: the observed one and six permuted ones in every order.
    p_values = np.array(
        [sequential_p(order, stop_after=stop_after) for order in permutations(values)]
    )
    for level in np.unique(p_values):
        size = Fraction(int((p_values <= level).sum()), len(p_values))
        exact = Fraction(level).limit_denominator(100)
        assert size <= exact
        if len(set(values)) == len(values):
            assert size == exact


def test_stops_at_the_hth_exceedance_as_besag_and_clifford_do():
    assert sequential_p([1.0, 2.0, 0.0, 1.0, 0.0, 0.0], stop_after=2) == 2 / 3
    assert sequential_p([1.0, 2.0, 0.0, 0.0, 0.0, 1.0], stop_after=2) == 2 / 5
    assert sequential_p([1.0, 2.0, 0.0, 0.0, 0.0, 0.0], stop_after=2) == 2 / 6


@given(st.data(), st.integers(0, 2**32 - 1), st.sampled_from([1, 3, None]))
def test_chunks_change_nothing(data, seed, stop_after):
    rng = np.random.default_rng(seed)
    n_permutations = data.draw(st.integers(1, 40))
    scores = rng.integers(3, 9, 6).astype(float)
    null = rng.integers(0, 9, (6, n_permutations)).astype(float)
    scores[0], null[1, ::2] = np.nan, np.nan

    at_once = ExceedanceCounts(scores, n_permutations, stop_after=stop_after)
    at_once.add(null[at_once.active])
    cuts = data.draw(st.lists(st.integers(0, n_permutations), max_size=6))
    edges = [0, *sorted(cuts), n_permutations]
    chunked = ExceedanceCounts(scores, n_permutations, stop_after=stop_after)
    for first, stop in pairwise(edges):
        chunked.add(null[chunked.active, first:stop])

    assert np.array_equal(at_once.p_values(), chunked.p_values(), equal_nan=True)
    assert np.array_equal(at_once.n_used, chunked.n_used)
    assert len(chunked.active) == 0
    for neuron in range(1, 6):
        used = null[neuron, : chunked.n_used[neuron]]
        hits = int(np.sum(used >= scores[neuron]))
        if len(used) < n_permutations:
            # It stopped on an exceedance, the h-th.
            assert hits == stop_after
            assert used[-1] >= scores[neuron]
        else:
            assert stop_after is None or hits <= stop_after


def test_all_permutations_for_all_neurons_give_the_ordinary_p():
    rng = np.random.default_rng(0)
    scores, null = rng.random(20), rng.random((20, 50))
    counts = ExceedanceCounts(scores, 50, stop_after=None)
    counts.add(null)
    expected = [permutation_p(*pair) for pair in zip(scores, null, strict=True)]
    assert counts.p_values().tolist() == expected


def test_misuse_is_refused():
    counts = ExceedanceCounts([0.1, 0.2], 5, stop_after=2)
    with pytest.raises(RuntimeError, match="2 neurons have had 0 permutations; expected 5"):
        counts.p_values()
    with pytest.raises(ValueError, match="a row for each of the 2 active neurons"):
        counts.add(np.zeros((3, 5)))
    with pytest.raises(ValueError, match="null has 6 permutations, but only 5 are left"):
        counts.add(np.zeros((2, 6)))
    with pytest.raises(ValueError, match="stop_after is 0"):
        ExceedanceCounts([0.1], 5, stop_after=0)
    with pytest.raises(ValueError, match=r"null has shape \(2, 2\)"):
        permutation_p(0.5, np.zeros((2, 2)))


def rejects_one(n_permutations, n_neurons, method, alpha):
    p_values = np.ones(n_neurons)
    p_values[0] = 1 / (1 + n_permutations)
    with np.errstate(all="ignore"):
        return multipletests(p_values, alpha=alpha, method=method)[0][0]


@pytest.mark.parametrize("method", CORRECTIONS)
@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.1])
def test_needed_permutations_are_the_fewest_that_can_reject(method, alpha):
    for n_neurons in (1, 2, 3, 7, 21, 100):
        needed = needed_permutations(method, alpha, n_neurons)
        assert rejects_one(needed, n_neurons, method, alpha)
        assert not rejects_one(needed - 1, n_neurons, method, alpha)


@pytest.mark.parametrize("method", CORRECTIONS)
def test_1280_neurons(method):
    others = {"sidak": 24955, "holm-sidak": 24955, "fdr_by": 197944, "fdr_tsbky": 26879}
    expected = others.get(method, 25600 if method == "fdr_gbs" else 25599)
    assert needed_permutations(method, 0.05, 1280) == expected


def test_max_t_needs_no_more_for_more_neurons():
    assert needed_permutations("westfall_young", 0.05, 10**6) == 19
    assert needed_permutations("westfall_young_raw", 0.01, 5) == 99
    assert needed_permutations(None, 0.05, 1280) == 19


def test_unknown_corrections_are_refused_with_the_valid_names():
    with pytest.raises(ValueError, match="correction is 'lfdr'; expected one of 'holm'"):
        needed_permutations("lfdr", 0.05, 10)

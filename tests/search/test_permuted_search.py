"""Searches on permuted samples against ordinary searches of activations that were really moved."""

from math import factorial

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2, rankdata, spearmanr

from invert_captum.search import (
    ActivationRows,
    AucScore,
    Permutations,
    SearchLabels,
    SearchSettings,
    break_ties,
    search_block,
    search_permuted,
    untied_row,
)

SIGNS = ["positive", "negative", "absolute_value"]
KINDS = {
    "untied": lambda noise: noise,
    "ReLU": lambda noise: np.maximum(noise - 0.5, 0),
    "mostly zero": lambda noise: np.maximum(noise - 1.8, 0),
    "rounded": np.round,
    "wide": lambda noise: np.round(noise * 3) + 1e-12,
}


def draw_problem(rng, n_samples=60, n_concepts=5, *, heldout=False, n_rows=40):
    """Labels of which some rows repeat, as from classes."""
    rows = rng.random((n_rows, n_concepts)) < rng.uniform(0.1, 0.7, n_concepts)
    labels = scipy.sparse.csr_array(rows[rng.integers(0, n_rows, n_samples)])
    held = rng.random(n_samples) < 0.4 if heldout else None
    names = [f"c{i}" for i in rng.permutation(n_concepts)]
    return SearchLabels.from_labels(labels, names, held)


def moved(rows, permutation, n_samples):
    """The activations where the permutation sends them, as rows of their own."""
    values = rows.to_dense(n_samples)
    out = np.empty_like(values)
    out[:, permutation] = values
    return ActivationRows.dense(out)


def assert_equals_ordinary_searches(rows, labels, limits, permutations):
    n_samples = permutations.shape[1]
    result = search_permuted(rows, labels, limits, permutations)
    for number, permutation in enumerate(permutations):
        block = search_block(moved(rows, permutation, n_samples), labels, limits, top_k=1)
        for neuron, found in enumerate(block.found):
            got = [
                result.scores[neuron, number],
                result.heldout_sizes[neuron, number],
                result.heldout_rank_sums[neuron, number],
                result.heldout_tie_sums[neuron, number],
            ]
            if not found:
                assert np.isnan(got[0])
                assert got[1:] == [0, 0, 0]
                continue
            best = found[0]
            expected = [best.score, best.sizes[1], best.rank_sums[1]]
            assert got == [*expected, float(block.tie_sums[neuron][1])]
    return result


@pytest.mark.parametrize("heldout", [False, True])
@pytest.mark.parametrize("sign", SIGNS)
@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
def test_every_search_is_that_of_the_moved_activations(heldout, sign, seed):
    rng = np.random.default_rng(seed)
    n_samples = int(rng.integers(6, 150))
    labels = draw_problem(
        rng, n_samples, int(rng.integers(2, 9)), heldout=heldout, n_rows=int(rng.integers(2, 200))
    )
    noise = rng.standard_normal((len(KINDS), n_samples))
    rows = ActivationRows.dense(
        np.stack([change(one) for change, one in zip(KINDS.values(), noise, strict=True)])
    )
    low = int(rng.integers(1, 4))
    limits = SearchSettings(
        int(rng.integers(1, 5)), int(rng.integers(1, 12)), low, labels.n_searched - low,
        AucScore(sign),
    )  # fmt: skip
    permutations = Permutations(n_samples, seed).draw(0, 10)
    assert_equals_ordinary_searches(rows, labels, limits, permutations)


@pytest.mark.parametrize("heldout", [False, True])
def test_many_labels_and_patterns(heldout, rng):
    """More than 64 patterns and concepts, and a beam wider than a pass of the kernels."""
    labels = draw_problem(rng, 700, 90, heldout=heldout, n_rows=600)
    noise = rng.standard_normal((2, 700))
    noise[1] = np.maximum(noise[1] - 1, 0)
    limits = SearchSettings(3, 10, 10, labels.n_searched // 2, AucScore("positive"))
    permutations = Permutations(700, 0).draw(0, 20)
    result = assert_equals_ordinary_searches(
        ActivationRows.dense(noise), labels, limits, permutations
    )
    assert result.usable.all()
    assert not np.isnan(result.scores).any()


@pytest.mark.parametrize("heldout", [False, True])
def test_activations_stored_sparsely(heldout, rng):
    labels = draw_problem(rng, heldout=heldout)
    values = np.maximum(rng.standard_normal((3, 60)), 0).astype(np.float32)
    values[2] -= 2 * (values[2] > 1)
    kept = [np.flatnonzero(row) for row in values]
    sparse = ActivationRows(
        np.concatenate([row[at] for row, at in zip(values, kept, strict=True)]),
        np.cumsum([0, *map(len, kept)]),
        np.concatenate(kept),
    )
    limits = SearchSettings(3, 3, 1, labels.n_searched - 1, AucScore("positive"))
    permutations = Permutations(60, 3).draw(0, 9)
    result = assert_equals_ordinary_searches(sparse, labels, limits, permutations)
    dense = search_permuted(ActivationRows.dense(values), labels, limits, permutations)
    assert np.array_equal(dense.scores, result.scores)


def test_neurons_that_cannot_be_searched_have_no_score(rng):
    labels = draw_problem(rng, 6, 3)
    limits = SearchSettings(2, 2, 1, 5, AucScore("positive"))
    values = np.array([np.zeros(6), np.full(6, 2.0), [0, 1, 2, 3, 4, np.nan], np.arange(6)])
    result = search_permuted(
        ActivationRows.dense(values), labels, limits, Permutations(6, 0).draw(0, 3)
    )
    assert result.usable.tolist() == [False, False, False, True]
    assert np.isnan(result.scores).all(axis=1).tolist() == [True, True, True, False]


def test_permutations_of_another_number_of_samples_are_refused(rng):
    labels = draw_problem(rng, 6, 3)
    limits = SearchSettings(2, 2, 1, 5, AucScore("positive"))
    with pytest.raises(ValueError, match=r"permutations has shape \(3, 5\); expected \(P, 6\)"):
        search_permuted(untied_row(6), labels, limits, Permutations(5, 0).draw(0, 3))
    for wrong, message in ((6, "holds 0 to 6"), (-1, "holds -1 to 5")):
        with pytest.raises(ValueError, match=f"permutations {message}; expected 0 to 5"):
            search_permuted(untied_row(6), labels, limits, np.array([[0, 1, 2, 3, 5, wrong]]))


def test_all_untied_neurons_have_the_same_null():
    """Of 5! permutations each: the scores of one neuron are those of another in other order."""
    rng = np.random.default_rng(1)
    labels = draw_problem(rng, 5, 3, n_rows=5)
    limits = SearchSettings(2, 2, 1, 4, AucScore("positive"))
    everything = np.unique(Permutations(5, 0).draw(0, 3000), axis=0)
    assert len(everything) == factorial(5)
    other = ActivationRows.dense(rng.standard_normal((1, 5)))
    nulls = [search_permuted(rows, labels, limits, everything) for rows in (untied_row(5), other)]
    assert np.array_equal(np.sort(nulls[0].scores), np.sort(nulls[1].scores))


def test_permutations_are_uniform():
    n_drawn = 120_000
    _, counts = np.unique(Permutations(5, 7).draw(0, n_drawn), axis=0, return_counts=True)
    assert len(counts) == factorial(5)
    expected = n_drawn / factorial(5)
    statistic = ((counts - expected) ** 2 / expected).sum()
    assert 1e-3 < chi2.sf(statistic, factorial(5) - 1) < 1 - 1e-3


def test_permutations_of_many_samples_put_each_anywhere():
    """Where a sample goes is uniform, and says nothing about where it goes the next time."""
    drawn = Permutations(1_000, 3).draw(0, 2_000)
    assert (np.sort(drawn, axis=1) == np.arange(1_000)).all()
    for sample in (0, 499, 999):
        counts = np.bincount(drawn[:, sample] // 10, minlength=100)
        assert 1e-3 < chi2.sf(((counts - 20) ** 2 / 20).sum(), 99) < 1 - 1e-3
        assert spearmanr(drawn[:-1, sample], drawn[1:, sample]).pvalue > 1e-3


def test_permutations_depend_on_seed_and_number_only():
    permutations = Permutations(50, 4)
    whole = permutations.draw(0, 30)
    pieces = [permutations.draw(a, b) for a, b in ((20, 30), (0, 7), (7, 20))]
    assert np.array_equal(whole, np.concatenate([pieces[1], pieces[2], pieces[0]]))
    assert len(np.unique(whole, axis=0)) == 30
    for seed in (0, 5, 2**64 - 1):
        assert not (Permutations(50, seed).draw(0, 30) == whole).all(axis=1).any()
    # Groups of one sample each are samples.
    assert np.array_equal(Permutations(50, 4, np.arange(50)).draw(0, 30), whole)


def test_groups_change_places_whole_and_only_with_groups_of_their_size(rng):
    groups = rng.integers(0, 40, 150) - 7
    sizes = {code: int((groups == code).sum()) for code in np.unique(groups)}
    for permutation in Permutations(150, 2, groups).draw(0, 50):
        assert sorted(permutation) == list(range(150))
        for code, size in sizes.items():
            targets = permutation[groups == code]
            # To one group, of that size, in the order of the samples.
            assert len(set(groups[targets])) == 1
            assert sizes[groups[targets[0]]] == size
            assert (np.diff(targets) > 0).all()


def test_exchanges_of_groups_are_uniform():
    """Three pairs, two triples, and one group of four that has nowhere to go."""
    groups = np.array([5, 0, 1, 2, 3, 3, 5, 1, 0, 2, 4, 2, 0, 4, 4, 4])
    permutations = Permutations(16, 9, groups)
    assert permutations.n_movable == 5
    different, counts = np.unique(permutations.draw(0, 12_000), axis=0, return_counts=True)
    assert len(different) == factorial(3) * factorial(2)
    statistic = ((counts - 1_000) ** 2 / 1_000).sum()
    assert 1e-3 < chi2.sf(statistic, len(counts) - 1) < 1 - 1e-3


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0, 1), ValueError, "n_samples is 0; expected an integer of at least 1"),
        ((2**26, 1), ValueError, "n_samples is 67,108,864; at most 67,108,863"),
        ((5, -1), ValueError, "seed is -1; expected an integer of at least 0"),
        ((5, 2**64), ValueError, r"seed is 18446744073709551616; expected at most 2\*\*64 - 1"),
        ((5, 1, np.zeros(4, int)), ValueError, r"groups has shape \(4,\); expected \(5,\)"),
        ((5, 1, np.zeros(5)), TypeError, "groups has dtype float64; expected int64 codes"),
    ],
)
def test_bad_arguments_of_permutations(arguments, error, message):
    with pytest.raises(error, match=message):
        Permutations(*arguments)


def test_bad_numbers_of_permutations():
    with pytest.raises(ValueError, match="stop is 2; expected an integer of at least 3"):
        Permutations(5, 0).draw(3, 2)
    with pytest.raises(ValueError, match="first is -1"):
        Permutations(5, 0).draw(-1, 2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_broken_ties_keep_the_order(dtype, rng):
    values = np.round(rng.standard_normal((4, 200)) * [[0.3], [1], [5], [50]]).astype(dtype)
    broken = break_ties(ActivationRows.dense(values), 200, seed=1).to_dense(200)
    assert (np.sort(broken, axis=1) == np.arange(200)).all()
    for row, places in zip(values, broken, strict=True):
        assert (np.diff(row[np.argsort(places)]) >= 0).all()
        assert (
            np.abs(places - (rankdata(row) - 1)) <= np.bincount(rankdata(row, "dense"))[1:].max()
        ).all()


def test_ties_are_broken_at_random():
    """Two negative, three zeros and two positive that tie: 2!·3!·2! orders, all as likely."""
    values = np.array([[0, 1, -1, 0, 1, 0, -1, 7.0]])
    rows = ActivationRows.dense(values)
    orders = np.concatenate([break_ties(rows, 8, seed=i).to_dense(8) for i in range(4_800)])
    different, counts = np.unique(orders, axis=0, return_counts=True)
    assert len(different) == 24
    assert 1e-3 < chi2.sf(((counts - 200) ** 2 / 200).sum(), 23) < 1 - 1e-3


def test_ties_are_broken_by_the_neuron_itself(rng):
    """Not by its place in a block, by how it is stored, or by what stands beside it."""
    values = np.maximum(rng.standard_normal((5, 80)), 0).astype(np.float32)
    together = break_ties(ActivationRows.dense(values), 80, seed=3).to_dense(80)
    alone = [break_ties(ActivationRows.dense(row[None]), 80, seed=3).to_dense(80) for row in values]
    assert np.array_equal(together, np.concatenate(alone))
    kept = [np.flatnonzero(row) for row in values]
    sparse = ActivationRows(
        values[values > 0], np.cumsum([0, *map(len, kept)]), np.concatenate(kept)
    )
    assert np.array_equal(break_ties(sparse, 80, seed=3).to_dense(80), together)
    other = break_ties(ActivationRows.dense(values), 80, seed=4).to_dense(80)
    assert (other != together).any(axis=1).all()


def test_ties_of_neurons_that_are_not_finite_stay_so():
    rows = ActivationRows.dense(np.array([[0.0, np.inf, 1.0], [2.0, 2.0, 2.0]]))
    broken = break_ties(rows, 3, seed=0).to_dense(3)
    assert np.isnan(broken[0]).all()
    assert sorted(broken[1]) == [0, 1, 2]

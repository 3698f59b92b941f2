"""Permutations, folds and groups as `label_neurons` uses them, against doing it by hand."""

import json
import math
import warnings
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
import scipy.sparse
import scipy.stats
import torch

import invert_captum as ic
from invert_captum.labeling import announcement, check_arguments, null_tables
from invert_captum.search import Permutations
from invert_captum.significance import (
    Separation,
    auc_difference,
    cluster_interval,
    cluster_log10_p,
    combine_folds,
    rank_sum_log10_p,
    score_separation,
)

N_SAMPLES = 240
SEARCH = {"max_length": 2, "beam_width": 3, "min_positives": 8}


@pytest.fixture(scope="module")
def problem():
    """Neurons 0 and 1 of noise, one untied; 2 to 5 of signal, of which 4 and 5 are mostly zero."""
    rng = np.random.default_rng(11)
    labels = rng.random((N_SAMPLES, 6)) < np.linspace(0.1, 0.4, 6)
    values = rng.normal(size=(N_SAMPLES, 6)).astype(np.float32)
    values[:, 2:] += 1.5 * labels[:, 2:]
    values[:, [0, 4, 5]] = np.maximum(values[:, [0, 4, 5]] - 1, 0)
    return values, ic.ConceptSet(labels, list("abcdef"))


def label(problem, **arguments):
    values, concepts = problem
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "n_permutations", ic.InvertCaptumWarning)
        return ic.label_neurons(values, concepts, **{**SEARCH, **arguments})


def permuted_scores(problem, n_permutations, **arguments):
    """The best scores of `label_neurons` on activations that were really permuted, (P, d)."""
    values, concepts = problem
    scores = []
    for moves in Permutations(N_SAMPLES, 0).draw(0, n_permutations):
        moved = np.empty_like(values)
        moved[moves] = values
        result = ic.label_neurons(moved, concepts, significance=None, **SEARCH, **arguments)
        scores.append([result[neuron][0].auc for neuron in range(values.shape[1])])
    return np.array(scores)


@pytest.mark.parametrize("sign", ["positive", "negative", "absolute_value"])
def test_the_permutation_p_is_the_share_of_permuted_searches(problem, sign):
    result = label(problem, significance="permutation", n_permutations=19, sign=sign)
    scores = {
        "positive": lambda auc: auc,
        "negative": lambda auc: 1 - auc,
        "absolute_value": lambda auc: np.abs(auc - 0.5),
    }[sign]
    null = scores(permuted_scores(problem, 19, sign=sign))
    for neuron in range(6):
        best = result[neuron][0]
        assert best.statistic == pytest.approx(scores(best.auc), abs=1e-12)
        exceeding = (null[:, neuron] >= best.statistic - 1e-12).sum()
        # The untied neuron 1 is compared with a table of its own permutations, another sample.
        if neuron not in (1, 2, 3):
            assert best.p_value == (1 + exceeding) / 20
        assert best.n_permutations == 19
        assert best.log10_p == pytest.approx(math.log10(best.p_value))
        assert math.isnan(best.heldout_auc)


def test_neurons_without_ties_share_one_table(problem):
    result = label(problem, significance="permutation", n_permutations=99)
    # Four permuted searches of every neuron, those that share a table too.
    assert result.null.kind == "sample"
    assert len(result.null.scores) == 4 * 6
    untied = label(problem, significance="permutation", n_permutations=99, neurons=[1, 2, 3])
    assert untied.null.kind == "shared"
    null = np.array(untied.null.scores)
    assert len(null) == 99
    for neuron in (1, 2, 3):
        best = result[neuron][0]
        assert best.p_value == (1 + (null >= best.statistic).sum()) / 100
    # Their null has one distribution, whichever of them is permuted.
    own = permuted_scores(problem, 99)[:, 1]
    assert scipy.stats.ks_2samp(null, own).pvalue > 0.01


def test_random_tie_breaks_use_the_shared_table_for_all(problem):
    result = label(
        problem,
        significance="permutation",
        n_permutations=99,
        tied_neurons="random_tie_breaks",
    )
    null = np.array(result.null.scores)
    plain = label(problem, significance=None)
    for neuron in range(6):
        best = result[neuron][0]
        assert best.p_value == (1 + (null >= best.statistic).sum()) / 100
        # The label and its AUC stay those of mid-ranks.
        assert (best.formula, best.auc) == (plain[neuron][0].formula, plain[neuron][0].auc)
        assert (best.statistic == best.auc) == (neuron in (1, 2, 3))


def test_hopeless_neurons_stop_early(problem):
    result = label(problem, significance="permutation", n_permutations=500)
    noise, signal = result[0][0], result[4][0]
    assert noise.n_permutations < 500
    assert noise.p_value == pytest.approx(20 / noise.n_permutations)
    assert signal.n_permutations == 500
    assert signal.p_value == 1 / 501
    assert 0 < signal.p_extrapolated <= 0.02
    assert 0.05 < signal.tail_fit <= 1
    assert math.isnan(result[0][0].p_extrapolated)


@pytest.mark.parametrize("correction", ["westfall_young", "westfall_young_raw"])
def test_max_t(problem, correction):
    result = label(problem, significance="permutation", correction=correction, n_permutations=199)
    adjusted = [result[neuron][0].p_adjusted for neuron in range(6)]
    assert min(adjusted) == 1 / 200
    for neuron in range(6):
        best = result[neuron][0]
        assert best.p_value <= best.p_adjusted <= 1
        assert best.n_permutations == 199
        assert best.significant == (best.p_adjusted <= 0.05)
    assert result[4][0].significant
    assert not result[0][0].significant


def test_as_many_permutations_as_the_correction_needs(problem):
    holm = label(problem, significance="permutation")
    assert holm[2][0].n_permutations == holm.settings["n_permutations"] == 999
    assert holm[2][0].significant
    strict = label(problem, significance="permutation", alpha=0.004)
    # Six neurons: 1 / (1 + P) = .004 / 6.
    assert strict.settings["n_permutations"] == 1499
    joint = label(problem, significance="permutation", correction="westfall_young")
    assert joint.settings["n_permutations"] == 999
    values, concepts = problem
    with pytest.warns(ic.InvertCaptumWarning, match="that takes 119"):
        few = ic.label_neurons(
            values, concepts, significance="permutation", n_permutations=100, **SEARCH
        )
    assert not any(one.significant for one in few.explanations)


@pytest.mark.parametrize(
    "arguments",
    [
        {"significance": "permutation", "n_permutations": 40},
        {"significance": "permutation", "correction": "westfall_young", "n_permutations": 40},
        {"significance": "permutation", "tied_neurons": "random_tie_breaks", "n_permutations": 40},
        {"n_folds": 3},
        {"n_folds": 4, "fold_combination": "forward_stouffer"},
        {"significance": "permutation", "n_folds": 3, "n_permutations": 20},
        {"groups": [str(i // 2) for i in range(N_SAMPLES)], "scores": ("f1",), "top_k": 2},
    ],
)
def test_the_same_table_whatever_runs_it(problem, tmp_path, arguments):
    expected = label(problem, **arguments)
    null_tables.forget()
    assert label(problem, block_size=1, **arguments) == expected
    with ProcessPoolExecutor(2) as executor:
        assert label(problem, executor=executor, **arguments) == expected
    folder = tmp_path / "run"
    assert label(problem, checkpoint=folder, block_size=2, **arguments) == expected
    (folder / "unit-00000001.json").unlink()
    assert label(problem, checkpoint=folder, **arguments) == expected
    expected.save(tmp_path / "result.json")
    assert ic.LabelingResult.load(tmp_path / "result.json") == expected
    expected.validate(*problem)


def test_the_shared_table_is_kept_on_disk(problem, tmp_path, monkeypatch):
    arguments = {"significance": "permutation", "null_cache": tmp_path / "null"}
    expected = label(problem, n_permutations=150, **arguments)
    searched = []
    searching = null_tables._searched

    def counting(test, first, last, show):
        searched.append((first, last))
        return searching(test, first, last, show)

    monkeypatch.setattr(null_tables, "_searched", counting)
    null_tables.forget()
    assert label(problem, n_permutations=150, **arguments) == expected
    assert searched == []
    # Fewer are the first of them; more are added to them.
    fewer = label(problem, n_permutations=100, **arguments)
    assert fewer.null.scores == expected.null.scores[:100]
    more = label(problem, n_permutations=170, **arguments)
    assert more.null.scores[:150] == expected.null.scores
    assert searched == [(150, 170)]
    label(problem, n_permutations=10, max_fraction=0.4, **arguments)
    assert searched[1:] == [(0, 10)]
    null_tables.forget()
    for path in (tmp_path / "null").iterdir():
        content = json.loads(path.read_text())
        content["scores"][0] = 0.123
        path.write_text(json.dumps(content))
    assert label(problem, n_permutations=150, **arguments) == expected


def test_each_fold_tests_what_the_others_found(problem):
    values, concepts = problem
    result = label(problem, n_folds=3)
    everything = label(problem, significance=None)
    folds = result.folds
    assert sorted(np.bincount(folds)) == [80, 80, 80]
    for neuron in range(6):
        best = result[neuron][0]
        assert best.formula == everything[neuron][0].formula
        log10_p, aucs, masks = [], [], []
        for fold, formula in enumerate(best.fold_formulas):
            others, part = folds != fold, folds == fold
            # Limits are scaled to what is searched.
            on_others = ic.label_neurons(
                values[others],
                concepts.take(np.flatnonzero(others)),
                significance=None,
                neurons=[neuron],
                **{**SEARCH, "min_positives": math.ceil(8 * 160 / 240)},
            )
            assert on_others[neuron][0].formula == formula
            mask = formula.evaluate(concepts)
            separation = Separation.of(values[part, neuron], mask[part])
            log10_p.append(rank_sum_log10_p(separation, alternative="greater"))
            aucs.append(separation.auc)
            masks.append(mask)
        assert best.heldout_auc == pytest.approx(np.mean(aucs), abs=1e-12)
        assert best.log10_p == combine_folds(np.array(log10_p), "minimum")
        pairs = [(0, 1), (0, 2), (1, 2)]
        agreeing = [np.array_equal(masks[one], masks[other]) for one, other in pairs]
        assert best.stability == pytest.approx(np.mean(agreeing))
        assert best.auc_low <= best.heldout_auc <= best.auc_high


def test_forward_folds_search_only_folds_before(problem):
    values, concepts = problem
    arguments = {"n_folds": 4, "fold_combination": "forward_stouffer"}
    result = label(problem, **arguments)
    folds = result.folds
    changed = values.copy()
    changed[folds == 3] = np.random.default_rng(0).permutation(changed[folds == 3])
    again = label((changed, concepts), **arguments)
    for neuron in range(6):
        assert len(result[neuron][0].fold_formulas) == 3
        assert result[neuron][0].fold_formulas == again[neuron][0].fold_formulas
    last = label((np.where((folds == 2)[:, None], changed[::-1], values), concepts), **arguments)
    assert any(
        result[neuron][0].fold_formulas[2] != last[neuron][0].fold_formulas[2]
        for neuron in range(6)
    )


def copies_of(problem, count):
    """Every sample so many times, as groups."""
    values, concepts = problem
    copied = ic.ConceptSet(concepts.labels.toarray().repeat(count, axis=0), concepts.names)
    groups = np.arange(N_SAMPLES).repeat(count)
    return (values.repeat(count, axis=0), copied), groups


def test_the_test_on_held_out_samples_counts_groups_once(problem):
    values, concepts = problem
    groups = np.arange(N_SAMPLES) // 4
    result = label(problem, groups=groups.tolist())
    heldout = result.heldout
    for neuron in range(6):
        best = result[neuron][0]
        mask = best.formula.evaluate(concepts)
        of_part = values[heldout, neuron].astype(float), mask[heldout], groups[heldout]
        expected = cluster_log10_p(*of_part, alternative="greater")
        assert best.log10_p == pytest.approx(expected, rel=1e-9)
        interval = cluster_interval(*of_part, level=0.95)
        assert best.auc_low == pytest.approx(interval.low, rel=1e-9)


def test_copies_as_groups_are_no_evidence(problem):
    """Four copies of every sample give about the p-value and the interval of one."""
    single = label(problem, groups=list(range(N_SAMPLES)))
    copied, groups = copies_of(problem, 4)
    together = label(copied, groups=groups.tolist(), **{**SEARCH, "min_positives": 32})
    for neuron in range(2, 6):
        one, four = single[neuron][0], together[neuron][0]
        assert four.formula == one.formula
        assert four.heldout_auc == pytest.approx(one.heldout_auc, abs=1e-12)
        assert four.log10_p == pytest.approx(one.log10_p, rel=0.1, abs=0.1)
        assert four.auc_low == pytest.approx(one.auc_low, abs=0.02)
        heldout = together.heldout
        mask = four.formula.evaluate(copied[1])[heldout]
        counted = Separation.of(copied[0][heldout, neuron], mask)
        assert rank_sum_log10_p(counted, alternative="greater") < 2 * four.log10_p


def test_permutations_exchange_whole_groups(problem):
    copied, groups = copies_of(problem, 3)
    values, concepts = copied
    arguments = {"significance": "permutation", "n_permutations": 19, "min_positives": 24}
    result = label(copied, groups=groups.tolist(), **arguments)
    assert result.null.kind == "sample"
    null = []
    for moves in Permutations(len(values), 0, groups).draw(0, 19):
        moved = np.empty_like(values)
        moved[moves] = values
        assert (moved.reshape(-1, 3, 6) == moved[::3, None]).all()
        permuted = label((moved, concepts), significance=None, min_positives=24)
        null.append([permuted[neuron][0].auc for neuron in range(6)])
    for neuron in range(6):
        best = result[neuron][0]
        exceeding = np.count_nonzero(np.array(null)[:, neuron] >= best.auc)
        assert best.p_value == (1 + exceeding) / 20


def test_groups_that_cannot_move_are_told(problem):
    values, concepts = problem
    groups = np.concatenate([np.arange(20).repeat(np.arange(1, 21)), [20] * 15, [21] * 15])
    with (
        pytest.warns(ic.InvertCaptumWarning, match="19 of 22 groups have a size of their own"),
        pytest.warns(ic.InvertCaptumWarning, match="in only 6 different ways"),
    ):
        ic.label_neurons(
            values,
            concepts,
            significance="permutation",
            correction="westfall_young",
            n_permutations=19,
            groups=groups.tolist(),
            **SEARCH,
        )


def test_calibrated_folds_are_compared_with_permuted_folds(problem):
    """Against folds of activations that were really permuted, tested by their z."""
    values, concepts = problem
    arguments = {"significance": "permutation", "n_folds": 3, "n_permutations": 19}
    result = label(problem, **arguments)

    def statistic(moved):
        """The sum of the folds' z over the square root of their number."""
        outcome = label((moved, concepts), n_folds=3)
        z = np.zeros((6, 3))
        for neuron in range(6):
            for fold, formula in enumerate(outcome[neuron][0].fold_formulas):
                part = outcome.folds == fold
                mask = formula.evaluate(concepts)[part]
                ranks = scipy.stats.rankdata(moved[part, neuron])
                spread = np.var(ranks) * len(ranks) / (len(ranks) - 1)
                expected = mask.sum() * (len(ranks) + 1) / 2
                variance = mask.sum() * (~mask).sum() / len(ranks) * spread
                if variance > 0:
                    z[neuron, fold] = (ranks[mask].sum() - expected) / np.sqrt(variance)
        return z.sum(axis=1) / np.sqrt(3)

    observed = statistic(values)
    null = []
    for moves in Permutations(N_SAMPLES, 0).draw(0, 19):
        moved = np.empty_like(values)
        moved[moves] = values
        null.append(statistic(moved))
    for neuron in range(6):
        best = result[neuron][0]
        assert best.statistic == pytest.approx(observed[neuron], rel=1e-9)
        exceeding = np.count_nonzero(np.array(null)[:, neuron] >= observed[neuron] - 1e-9)
        if neuron in (0, 4, 5):  # with ties, so with a table of their own
            assert best.p_value == (1 + exceeding) / 20


def test_folds_of_either_direction():
    """With a concept of half of the samples, folds name it or its negation: one explanation."""
    rng = np.random.default_rng(1)
    dog = np.arange(200) % 2 == 0
    values = rng.normal(size=(200, 3)) + 2.0 * dog[:, None]
    concepts = ic.ConceptSet(np.stack([dog, rng.random(200) < 0.3], axis=1), ["dog", "red"])
    arguments = {"sign": "absolute_value", "max_length": 1, "min_positives": 5}
    for seed in range(4):
        result = ic.label_neurons(values, concepts, n_folds=3, seed=seed, **arguments)
        for neuron in range(3):
            best = result[neuron][0]
            assert {str(one).strip("~") for one in best.fold_formulas} == {"dog"}
            assert abs(best.heldout_auc - 0.5) > 0.3
            assert (best.heldout_auc > 0.5) == (best.auc > 0.5)
            assert best.stability == 1.0
            assert best.auc_low <= best.heldout_auc <= best.auc_high
            assert result.evidence(best) > 0.3
        result.validate(values, concepts)
        table = result.auc_intervals(values, concepts)
        assert table["auc_low"].tolist() == result.to_frame()["auc_low"].tolist()


def test_a_block_without_a_usable_neuron(problem):
    values, concepts = problem
    dead = np.concatenate([values[:, :1], np.zeros((N_SAMPLES, 4)), values[:, 4:]], axis=1)
    with pytest.warns(ic.InvertCaptumWarning, match="4 of 7"):
        result = ic.label_neurons(
            dead,
            concepts,
            significance="permutation",
            correction="westfall_young",
            n_permutations=19,
            block_size=2,
            **SEARCH,
        )
    assert [result[neuron][0].significant for neuron in (1, 2, 3, 4)] == [None] * 4
    assert result[5][0].p_adjusted == 1 / 20


def test_the_untied_approximation(problem):
    arguments = {"significance": "permutation", "n_permutations": 99}
    result = label(problem, tied_neurons="untied_approximation", **arguments)
    null = np.array(result.null.scores)
    for neuron in range(6):
        best = result[neuron][0]
        assert best.statistic == best.auc
        assert best.p_value == (1 + (null >= best.auc).sum()) / 100


def test_random_tie_breaks_do_not_depend_on_the_type(problem):
    values, concepts = problem
    arguments = {
        "significance": "permutation",
        "n_permutations": 40,
        "tied_neurons": "random_tie_breaks",
    }
    expected = label(problem, **arguments)
    for same in (
        values.astype(np.float64),
        torch.from_numpy(values),
        scipy.sparse.csr_array(values),
    ):
        assert label((same, concepts), **arguments).to_frame().equals(expected.to_frame())


def test_expensive_permutations_are_announced(problem, monkeypatch):
    monkeypatch.setattr(announcement, "_WORTH_A_WARNING", 0.0)
    values, concepts = problem
    arguments = {"significance": "permutation", "n_permutations": 199, **SEARCH}
    for more, message in (
        ({"correction": "westfall_young"}, "each of 6 neurons are 1,194 searches"),
        # Of the first four neurons one has ties.
        ({}, "each of 2 neurons are at most, where no neuron stops early, 398 searches"),
    ):
        with pytest.warns(ic.InvertCaptumWarning, match=message):
            ic.label_neurons(values, concepts, **arguments, **more)


def test_neurons_that_were_set_aside_are_not_compared(problem):
    values, concepts = problem
    bad = values.copy()
    bad[0, 0] = np.nan
    with pytest.warns(ic.InvertCaptumWarning, match="set aside"):
        result = ic.label_neurons(bad, concepts, **SEARCH)
    with pytest.raises(ValueError, match="neuron 0 was set aside"):
        result.compare(bad, concepts, 0, "a", "b")
    assert result.auc_intervals(bad, concepts)["auc_low"].isna().tolist() == [True] + [False] * 5


def test_intervals_and_comparisons_with_groups(problem):
    values, concepts = problem
    copied, groups = copies_of(problem, 3)
    groups = groups.tolist()
    for arguments in ({}, {"n_folds": 3}):
        result = label(copied, groups=groups, min_positives=24, **arguments)
        table = result.auc_intervals(*copied, groups=groups)
        for column in ("heldout_auc", "auc_low", "auc_high"):
            np.testing.assert_allclose(table[column], result.to_frame()[column], rtol=1e-9)
        with pytest.raises(ValueError, match="groups are missing; expected the groups that it was"):
            result.auc_intervals(*copied)
    result = label(copied, groups=groups, min_positives=24)
    copies = result.compare(*copied, 2, "c", "d", groups=groups)
    once = label(problem, groups=list(range(N_SAMPLES)))
    part = result.heldout[::3]
    single = auc_difference(values[part, 2], concepts["c"][part], concepts["d"][part], level=0.95)
    assert copies.difference == pytest.approx(single.difference, abs=1e-12)
    assert copies.high - copies.low == pytest.approx(single.high - single.low, rel=0.05)
    with pytest.raises(ValueError, match="expected no groups"):
        label(problem).compare(*problem, 2, "c", "d", groups=list(range(N_SAMPLES)))
    assert once.compare(*problem, 2, "c", "d", groups=list(range(N_SAMPLES))).low > 0


def test_scores_of_both_parts(problem):
    values, concepts = problem
    names = ("average_precision", "f1", "jaccard", "correlation", "standardised_mean_difference")
    result = label(problem, scores=names, top_k=2)
    frame = result.to_frame()
    assert list(frame.columns[-10:]) == [*names, *(f"heldout_{name}" for name in names)]
    for one in result.explanations:
        mask = one.formula.evaluate(concepts)
        for prefix, part in (("", ~result.heldout), ("heldout_", result.heldout)):
            separation = Separation.of(values[part, one.neuron], mask[part])
            for name in names:
                expected = score_separation(separation, name, sign="positive")
                assert one.scores[prefix + name] == pytest.approx(expected, rel=1e-9)


def test_most_neurons_untestable_from_the_start():
    rng = np.random.default_rng(0)
    labels = rng.random((60, 5)) < 0.05
    values = rng.normal(size=(60, 40))
    concepts = ic.ConceptSet(labels, list("abcde"))
    with pytest.warns(ic.InvertCaptumWarning, match="could not have been found significant"):
        ic.label_neurons(values, concepts, min_positives=2, max_length=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        alone = ic.label_neurons(values[:, :1], concepts, min_positives=2, max_length=1)
    assert alone.settings["n_untestable"] == 0
    with pytest.warns(ic.InvertCaptumWarning, match="40 of 40 neurons could not have been"):
        folds = ic.label_neurons(values, concepts, min_positives=2, max_length=1, n_folds=4)
    assert folds.settings["n_untestable"] == 40


def test_intervals_of_a_result(problem):
    values, concepts = problem
    result = label(problem)
    pointwise = result.auc_intervals(values, concepts)
    assert pointwise["auc_low"].tolist() == result.to_frame()["auc_low"].tolist()
    together = result.auc_intervals(values, concepts, simultaneous=True)
    assert (together["auc_low"] <= pointwise["auc_low"]).all()
    assert (together["auc_low"] < pointwise["auc_low"]).any()
    in_sample = result.auc_intervals(values, concepts, in_sample=True)
    assert "in_sample_auc_low" in in_sample.columns
    assert "auc_low" not in in_sample.columns
    untested = label(problem, significance=None)
    with pytest.raises(ValueError, match="set in_sample=True"):
        untested.auc_intervals(values, concepts)
    with pytest.raises(ValueError, match="only an in-sample comparison"):
        untested.compare(values, concepts, 2, "c", "d")
    assert untested.compare(values, concepts, 2, "c", "d", in_sample=True).low > 0


def test_two_formulas_on_one_neuron(problem):
    result = label(problem)
    difference = result.compare(*problem, 2, "c", "d")
    assert difference.low > 0
    assert difference.auc > difference.other_auc
    same = result.compare(*problem, 2, "c | d", "d | c")
    assert (same.difference, same.low, same.high, same.log10_p) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"significance": "bootstrap"}, "'holdout', 'permutation', 'in_sample', None"),
        ({"correction": "fdr"}, "'westfall_young', 'westfall_young_raw'"),
        ({"correction": "lfdr"}, "expected one of 'holm'"),
        ({"correction": "westfall_young"}, "needs significance='permutation'; others: holm"),
        ({"n_permutations": 100}, "n_permutations is given, but significance='holdout'"),
        ({"n_folds": 1}, "n_folds is 1; expected an integer of at least 2"),
        ({"n_folds": 300}, "at most 256"),
        ({"n_folds": 2, "significance": "in_sample"}, "holds nothing out"),
        ({"fold_combination": "mean"}, "there are no folds: set n_folds"),
        ({"n_folds": 3, "fold_combination": "stouffer"}, "'forward_stouffer'"),
        ({"n_folds": 3, "fold_combination": "fisher"}, "'minimum', 'mean', 'median'"),
        ({"significance": "permutation", "n_permutations": 0}, "at least 1"),
        ({"significance": "permutation", "alternative": "two-sided"}, "direction from sign"),
        ({"significance": "permutation", "tied_neurons": "drop"}, "'random_tie_breaks'"),
        ({"tied_neurons": "random_tie_breaks"}, "tied_neurons is given"),
        ({"scores": ("auroc",)}, "'average_precision'"),
        ({"n_folds": 3, "holdout_fraction": 0.3}, "says what is held out"),
        (
            {
                "significance": "permutation",
                "correction": "westfall_young",
                "tied_neurons": "random_tie_breaks",
            },
            "compares every neuron with its own permuted searches",
        ),
        ({"groups": ["a"] * 3}, "groups has 3 labels for 240 samples"),
        ({"groups": ["a"] * 240, "significance": None}, "does not use it"),
        ({"null_cache": "s3://x"}, "local folder, no URL"),
        (
            {"significance": "permutation", "groups": [0] * 100 + [1] * 140},
            "no two groups of the same size",
        ),
        (
            {
                "significance": "permutation",
                "groups": [i // 2 for i in range(240)],
                "tied_neurons": "random_tie_breaks",
            },
            "does not apply to groups",
        ),
    ],
)
def test_what_is_refused(problem, arguments, message):
    with pytest.raises(ValueError, match=message):
        label(problem, **arguments)
    # Before any extraction, too.
    with pytest.raises(ValueError, match=message):
        check_arguments(problem[1], **{**SEARCH, **arguments})


def test_unknown_arguments_are_refused_before_an_extraction(problem):
    with pytest.raises(TypeError, match="no argument 'alhpa'; nearest: 'alpha'"):
        check_arguments(problem[1], alhpa=0.01)


def test_scores_must_be_a_sequence(problem):
    with pytest.raises(TypeError, match="expected a sequence of average_precision"):
        label(problem, scores="f1")


def test_too_few_samples_to_split():
    concepts = ic.ConceptSet(np.array([[True], [False], [True]]), ["a"])
    with pytest.raises(ValueError, match="fewer than"):
        ic.label_neurons(np.arange(3.0)[:, None], concepts, min_positives=1, n_folds=2)
    with pytest.raises(ValueError, match="too few"):
        ic.label_neurons(np.arange(3.0)[:, None], concepts, min_positives=1)

"""Permutations, folds and groups as `label_neurons` uses them, against doing it by hand."""

import json
import math
import warnings
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
import scipy.stats

import invert_captum as ic
from invert_captum.labeling import null_tables
from invert_captum.search import Permutations
from invert_captum.significance import (
    Separation,
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
    assert result.null.kind == "shared"
    null = np.array(result.null.scores)
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
    assert signal.p_extrapolated <= 0.02
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
    # Six neurons at .05: 1 / (1 + P) = .05 / 6.
    assert holm[2][0].n_permutations == 119
    assert holm[2][0].significant
    joint = label(problem, significance="permutation", correction="westfall_young")
    assert joint[2][0].n_permutations == 999
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


def test_groups_count_once(problem):
    """Copies of every sample change nothing but the number of samples."""
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


def test_permutations_exchange_whole_groups(problem):
    values, concepts = problem
    groups = np.repeat(np.arange(N_SAMPLES // 3), 3)
    constant = values[::3].repeat(3, axis=0)
    labels = concepts.labels.toarray()[::3].repeat(3, axis=0)
    grouped = ic.ConceptSet(labels, list("abcdef"))
    arguments = {"significance": "permutation", "n_permutations": 99}
    result = label((constant, grouped), groups=groups.tolist(), **arguments)
    assert result.null.kind == "sample"
    # One sample a group is the same problem, with as many ways to permute.
    single = label(
        (values[::3], ic.ConceptSet(labels[::3], list("abcdef"))),
        **{**SEARCH, "min_positives": 3},
        **arguments,
    )
    three = label((constant, grouped), groups=groups.tolist(), **{**arguments, "min_positives": 9})
    for neuron in range(6):
        assert three[neuron][0].auc == pytest.approx(single[neuron][0].auc, abs=1e-12)
        assert three[neuron][0].p_value == pytest.approx(single[neuron][0].p_value, abs=0.15)


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
        ic.label_neurons(values[:, :1], concepts, min_positives=2, max_length=1)


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
    with pytest.raises(ValueError, match="set in_sample=True"):
        label(problem, significance=None).auc_intervals(values, concepts)


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


def test_scores_must_be_a_sequence(problem):
    with pytest.raises(TypeError, match="expected a sequence of average_precision"):
        label(problem, scores="f1")


def test_too_few_samples_to_split():
    concepts = ic.ConceptSet(np.array([[True], [False], [True]]), ["a"])
    with pytest.raises(ValueError, match="fewer than"):
        ic.label_neurons(np.arange(3.0)[:, None], concepts, min_positives=1, n_folds=2)
    with pytest.raises(ValueError, match="too few"):
        ic.label_neurons(np.arange(3.0)[:, None], concepts, min_positives=1)

import logging

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu
from sklearn.metrics import roc_auc_score
from statsmodels.stats.multitest import multipletests

import invert_captum as ic
from invert_captum.significance import Separation, auc_interval, rank_sum_log10_p

FLOATS = {
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float32": torch.float32,
    "float64": torch.float64,
}


@pytest.mark.parametrize("dtype", FLOATS)
@settings(max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), levels=st.sampled_from([3, 20, 10_000]))
def test_concept_auc_equals_scikit_learn(dtype, seed, levels):
    """With heavy ties, on activations far outside [0, 1]."""
    rng = np.random.default_rng(seed)
    labels = rng.random((80, 5)) < [0.05, 0.2, 0.5, 0.8, 0.95]
    labels[0], labels[1] = True, False
    values = (rng.integers(0, levels, (80, 4)) - levels // 3) * 3.7
    values[:2] = [[-1e4], [1e4]]
    tensor = torch.tensor(values).to(FLOATS[dtype])
    concepts = ic.ConceptSet(labels, list("abcde"))
    stored = tensor.double().numpy()
    expected = [
        [roc_auc_score(labels[:, concept], stored[:, neuron]) for concept in range(5)]
        for neuron in range(4)
    ]
    assert np.abs(ic.concept_auc(tensor, concepts) - expected).max() <= 1e-12
    if dtype != "bfloat16":
        assert np.abs(ic.concept_auc(tensor.numpy(), concepts) - expected).max() <= 1e-12


def test_the_planted_formulas_are_found(activations, concepts):
    frame = ic.label_neurons(activations, concepts, max_length=1, max_fraction=0.6).to_frame()
    assert frame["formula"].tolist()[:4] == ["dog", "box", "~big", "rare"]
    assert frame["significant"].tolist() == [True, True, True, True, False, False]
    assert str(ic.label_neurons(activations, concepts, max_length=2)[1][0].formula) == "box & ~red"


def test_held_out_numbers_are_those_of_the_other_part(activations, concepts):
    result = ic.label_neurons(activations, concepts, top_k=3)
    heldout = result.heldout
    assert heldout.sum() == 300
    for explanation in result.explanations:
        mask = explanation.formula.evaluate(concepts)
        values = activations[:, explanation.neuron]
        assert explanation.auc == pytest.approx(
            roc_auc_score(mask[~heldout], values[~heldout]), abs=1e-12
        )
        assert explanation.heldout_auc == pytest.approx(
            roc_auc_score(mask[heldout], values[heldout]), abs=1e-12
        )
        separation = Separation.of(values[heldout], mask[heldout])
        assert explanation.log10_p == rank_sum_log10_p(separation, alternative="greater")
        interval = auc_interval(separation, level=0.95)
        assert (explanation.auc_low, explanation.auc_high) == (interval.low, interval.high)
        assert explanation.interval == interval.method
        assert 10**explanation.log10_p == pytest.approx(explanation.p_value)
        assert explanation.n_positive == mask.sum()
        assert explanation.fraction == mask.mean()


def test_the_search_does_not_see_the_held_out_samples(activations, concepts):
    """Other activations there change the test, but neither the formulas nor their AUC."""
    result = ic.label_neurons(activations, concepts, top_k=5)
    changed = activations.copy()
    changed[result.heldout] = -changed[result.heldout]
    again = ic.label_neurons(changed, concepts, top_k=5)
    columns = ["neuron", "rank", "formula", "length", "auc", "fraction", "n_positive"]
    assert result.to_frame()[columns].equals(again.to_frame()[columns])
    assert not np.allclose(result.to_frame()["heldout_auc"], again.to_frame()["heldout_auc"])


@pytest.mark.parametrize("sign", ["positive", "negative", "absolute_value"])
@pytest.mark.parametrize("significance", ["holdout", "in_sample"])
def test_the_test_looks_in_the_direction_of_the_sign(activations, concepts, sign, significance):
    result = ic.label_neurons(activations, concepts, sign=sign, significance=significance)
    for explanation in result.explanations:
        mask = explanation.formula.evaluate(concepts)
        part = result.heldout if significance == "holdout" else np.ones(600, bool)
        values = activations[:, explanation.neuron]
        direction = {"positive": "greater", "negative": "less"}.get(sign, "two-sided")
        if sign == "absolute_value" and significance == "holdout":
            direction = "greater" if explanation.auc > 0.5 else "less"
        if significance == "in_sample":
            inside, outside = values[part & mask], values[part & ~mask]
            expected = mannwhitneyu(inside, outside, alternative=direction).pvalue
        else:
            separation = Separation.of(values[part], mask[part])
            expected = 10 ** rank_sum_log10_p(separation, alternative=direction)
        assert explanation.p_value == pytest.approx(expected, rel=1e-9)


def test_two_sided_is_two_sided_everywhere(activations, concepts):
    one = ic.label_neurons(activations, concepts)
    two = ic.label_neurons(activations, concepts, alternative="two-sided")
    for first, second in zip(one.explanations, two.explanations, strict=True):
        if first.heldout_auc > 0.6:
            assert second.p_value == pytest.approx(2 * first.p_value, rel=1e-9)


@pytest.mark.parametrize("correction", ["holm", "fdr_bh", "bonferroni"])
def test_p_values_are_corrected_over_all_neurons(activations, concepts, correction):
    result = ic.label_neurons(activations, concepts, top_k=2, correction=correction, alpha=0.01)
    frame = result.to_frame()
    best, others = frame[frame["rank"] == 0], frame[frame["rank"] == 1]
    rejected, adjusted, _, _ = multipletests(best["p_value"], alpha=0.01, method=correction)
    assert np.array_equal(best["p_adjusted"], adjusted)
    assert best["significant"].tolist() == rejected.tolist()
    assert others["p_value"].notna().all()
    assert others["p_adjusted"].isna().all()
    assert others["significant"].isna().all()


def test_several_layers_are_one_family(activations, concepts):
    layers = {"early": activations[:, 4:], "late": torch.from_numpy(activations[:, :4])}
    result = ic.label_neurons(layers, concepts)
    alone = ic.label_neurons(np.concatenate(list(layers.values()), axis=1), concepts)
    assert result.keys() == [("early", 0), ("early", 1), *(("late", n) for n in range(4))]
    assert result["late", 0][0].formula == alone[2][0].formula
    columns = ["auc", "heldout_auc", "p_value", "p_adjusted", "significant"]
    assert result.to_frame()[columns].equals(alone.to_frame()[columns])
    with pytest.raises(KeyError, match="2 layers: use"):
        result[0]


def test_keys_have_layers_where_layers_were_named(activations, concepts):
    result = ic.label_neurons({"fc": activations}, concepts)
    assert result.keys() == [("fc", neuron) for neuron in range(6)]
    assert result[2] == result["fc", 2]
    assert result[2][0].layer == "fc"
    assert 2 in result
    assert ("fc", 2) in result
    assert 6 not in result
    assert ("conv", 2) not in result
    assert "fc" not in result
    assert np.int64(2) in result
    assert ("fc", np.int64(2)) in result
    assert result[np.int64(2)] == result[2]
    assert [2] not in result
    assert ("fc", [2]) not in result
    assert ("fc",) not in result


def test_numbers_of_numpy_can_be_saved(activations, concepts, tmp_path):
    result = ic.label_neurons(
        activations,
        concepts,
        neurons=np.array([0, 1]),
        max_length=np.int64(1),
        beam_width=np.int8(3),
        top_k=np.int64(1),
        min_positives=np.int64(15),
        min_fraction=np.float32(0.0),
        max_fraction=np.float64(0.5),
        alpha=np.float32(0.05),
        holdout_fraction=np.float16(0.5),
        seed=np.uint32(1),
    )
    result.save(tmp_path / "result.json")
    assert ic.LabelingResult.load(tmp_path / "result.json") == result


def test_neurons_and_groups_may_be_anything_that_can_be_listed(activations, concepts):
    groups = np.arange(600) // 4
    expected = ic.label_neurons(activations, concepts, neurons=[0, 1], groups=groups.tolist())
    for neurons, same in [
        (np.array([0, 1]), groups),
        (torch.tensor([0, 1]), torch.from_numpy(groups)),
        (range(2), pd.Series(groups, index=np.arange(600)[::-1])),
        (iter([0, 1]), list(torch.from_numpy(groups))),
        ((0, 1), (int(group) for group in groups)),
    ]:
        assert ic.label_neurons(activations, concepts, neurons=neurons, groups=same) == expected


def test_neurons_chooses_columns(activations, concepts):
    result = ic.label_neurons(activations, concepts, neurons=[3, 0])
    assert result.keys() == [3, 0]
    alone = ic.label_neurons(activations, concepts)
    assert result[3][0].auc == alone[3][0].auc
    assert result.settings["neurons"] == [3, 0]


def test_no_test_leaves_p_values_missing(activations, concepts):
    result = ic.label_neurons(activations, concepts, significance=None)
    frame = result.to_frame()
    for column in ["heldout_auc", "log10_p", "p_value", "p_adjusted", "significant"]:
        assert frame[column].isna().all()
    assert result.heldout is None
    assert "not tested" in repr(result)


def test_a_formula_without_held_out_positives_has_p_1_and_stays_in_the_family(rng):
    labels = np.zeros((100, 2), dtype=bool)
    labels[:30, 0] = True
    heldout = ic.label_neurons(
        rng.normal(size=(100, 1)),
        ic.ConceptSet(rng.random((100, 1)) < 0.5, ["x"]),
        min_positives=1,
    ).heldout
    labels[:, 1] = ~heldout & (np.arange(100) % 3 == 0)
    activations = np.stack([rng.random(100) + labels[:, 1], rng.random(100)], axis=1)
    result = ic.label_neurons(
        activations, ic.ConceptSet(labels, ["a", "b"]), max_length=1, min_positives=1
    )
    explanation = result[0][0]
    assert str(explanation.formula) == "b"
    assert np.isnan(explanation.heldout_auc)
    assert explanation.p_value == 1
    assert explanation.significant is False


def test_a_shortened_formula_moves_up_before_the_list_is_cut():
    labels = [[0, 0, 1], [1, 1, 0], [1, 1, 1], [0, 1, 0], [1, 0, 1], [1, 0, 0], [0, 0, 0]]
    result = ic.label_neurons(
        np.array([0, 0, 0, 2, 1, 2, 0])[:, np.newaxis],
        ic.ConceptSet(np.array(labels, dtype=bool), ["a", "b", "c"]),
        beam_width=3,
        min_positives=1,
        max_fraction=1.0,
        significance=None,
    )
    assert str(result[0][0].formula) == "b & ~a"


def test_limits_are_scaled_to_the_searched_part(rng):
    """Ten of the twenty positives demanded suffice on half of the samples, nine do not."""
    labels = rng.random((200, 2)) < 0.4
    heldout = ic.label_neurons(rng.random((200, 1)), ic.ConceptSet(labels, ["a", "b"])).heldout
    for count in (9, 10):
        few = np.zeros(200, dtype=bool)
        few[np.flatnonzero(~heldout)[:count]] = True
        few[np.flatnonzero(heldout)[:15]] = True
        concepts = ic.ConceptSet(np.column_stack([few, labels]), ["few", "a", "b"])
        activations = (rng.random(200) + 5 * few)[:, np.newaxis]
        result = ic.label_neurons(activations, concepts, max_length=1)
        assert (str(result[0][0].formula) == "few") == (count == 10)


def test_bad_neurons_are_set_aside_and_counted_once(rng, concepts):
    activations = rng.normal(size=(600, 1000)).astype(np.float32)
    activations[3, 5] = np.nan
    activations[4, 6] = np.inf
    activations[:, 7] = -0.0
    activations[::2, 7] = 0.0
    with pytest.warns(ic.InvertCaptumWarning, match="3 of 1,000 neurons are set aside") as caught:
        result = ic.label_neurons(activations, concepts, max_length=1, beam_width=1)
    assert len(caught) == 1
    assert len(result) == 1000
    assert caught[0].filename == __file__
    for neuron in (5, 6, 7):
        (explanation,) = result[neuron]
        assert explanation.formula is None
        assert np.isnan(explanation.auc)
        assert np.isnan(explanation.p_value)
        assert explanation.significant is None
    good = np.delete(activations, [5, 6, 7], axis=1)
    alone = ic.label_neurons(good, concepts, max_length=1, beam_width=1).to_frame()
    rest = result.to_frame().drop([5, 6, 7])
    columns = [column for column in rest if column != "neuron"]
    assert rest[columns].reset_index(drop=True).equals(alone[columns])


def test_concepts_that_never_vary_are_left_out_and_counted_once(activations, concepts):
    labels = np.column_stack([concepts.labels.toarray(), np.zeros(600, bool), np.ones(600, bool)])
    more = ic.ConceptSet(labels, [*concepts.names, "never", "always"])
    with pytest.warns(ic.InvertCaptumWarning, match="2 of 10 concepts have no") as caught:
        result = ic.label_neurons(activations, more)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    expected = ic.label_neurons(activations, concepts)
    assert result.to_frame().equals(expected.to_frame())
    assert result.find("never") == []
    with pytest.warns(ic.InvertCaptumWarning, match="'never', 'always'"):
        auc = ic.concept_auc(activations, more)
    assert np.isnan(auc[:, 8:]).all()
    assert np.array_equal(auc[:, :8], ic.concept_auc(activations, concepts))


def test_concept_auc_sets_neurons_aside(activations, concepts):
    bad = np.column_stack([activations[:, 0], np.full(600, np.nan), np.ones(600)])
    with pytest.warns(ic.InvertCaptumWarning, match="2 of 3 neurons.* are constant, or have NaN"):
        auc = ic.concept_auc(bad, concepts)
    assert np.isnan(auc[1:]).all()
    assert np.array_equal(auc[:1], ic.concept_auc(activations[:, :1], concepts))


def test_groups_stay_on_one_side(activations, concepts):
    groups = np.arange(600) // 4
    result = ic.label_neurons(activations, concepts, groups=groups)
    assert not set(groups[result.heldout]) & set(groups[~result.heldout])
    assert result.settings["groups_sha256"] is not None


def test_progress_goes_to_standard_error(activations, concepts, capsys, caplog):
    caplog.set_level(logging.INFO)
    result = ic.label_neurons(activations, concepts, show_progress=True)
    ic.concept_auc(activations, concepts, show_progress=True)
    result.validate(activations, concepts, show_progress=True)
    captured = capsys.readouterr()
    assert "neurons" in captured.err
    assert "checking" in captured.err
    assert captured.out == ""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

import invert_captum as ic
from invert_captum.report.neuron_view import BootstrapChoice, NeuronView

FEW = BootstrapChoice(n_bootstrap=50, level=0.9, seed=0, groups=None)


def view(result, activations, concepts, neuron=0, rank=0, bootstrap=FEW):
    return NeuronView.of(result, neuron, activations, concepts, rank, bootstrap)


@pytest.fixture
def result(activations, concepts):
    return ic.label_neurons(activations, concepts, min_positives=5, top_k=2)


def test_curve_is_that_of_the_held_out_samples(result, activations, concepts):
    for neuron in range(4):
        seen = view(result, activations, concepts, neuron)
        best = result[neuron][0]
        members = best.formula.evaluate(concepts)
        assert np.array_equal(seen.members, members)
        assert seen.curve.auc == pytest.approx(best.heldout_auc, abs=1e-12)
        part = result.heldout
        auc = roc_auc_score(members[part], activations[part, neuron])
        assert seen.curve.auc == pytest.approx(auc, abs=1e-12)
        assert seen.band.level == 0.9


def test_without_hold_out_the_curve_is_that_of_all_samples(activations, concepts):
    result = ic.label_neurons(activations, concepts, significance="in_sample")
    seen = view(result, activations, concepts)
    assert seen.heldout is None
    assert seen.curve.auc == pytest.approx(result[0][0].auc, abs=1e-12)
    assert "significant, in-sample" in seen.standing


def test_curves_of_low_activations_point_the_other_way(activations, concepts):
    result = ic.label_neurons(activations, concepts, sign="negative")
    seen = view(result, activations, concepts, 2)
    assert seen.is_low
    assert seen.curve.auc == pytest.approx(1 - result[2][0].heldout_auc, abs=1e-12)
    assert seen.band.auc_low > 0.5
    assert "about low activations" in seen.standing


def test_a_label_of_high_activations_that_shows_low_ones_is_not_turned_round(rng):
    labels = rng.random((400, 2)) < 0.25
    activations = rng.normal(size=(400, 1)) - 2 * labels.sum(1, keepdims=True)
    concepts = ic.ConceptSet(labels, ["dog", "cat"])
    result = ic.label_neurons(activations, concepts, max_length=1, min_positives=5)
    assert result[0][0].auc < 0.3
    seen = view(result, activations, concepts)
    assert not seen.is_low
    assert seen.curve.auc == pytest.approx(result[0][0].heldout_auc, abs=1e-12)
    assert "low activations" not in seen.standing


def test_labels_of_either_sign_are_turned_by_their_own_auc(activations, concepts):
    result = ic.label_neurons(activations, concepts, sign="absolute_value", max_length=1)
    seen = [view(result, activations, concepts, neuron) for neuron in (0, 2)]
    assert [one.is_low for one in seen] == [result[key][0].auc < 0.5 for key in (0, 2)]
    for key, one in zip((0, 2), seen, strict=True):
        auc = result[key][0].heldout_auc
        assert one.curve.auc == pytest.approx(1 - auc if one.is_low else auc, abs=1e-12)


@pytest.mark.parametrize("significance", ["holdout", "in_sample"])
def test_rows_in_another_order_are_refused(activations, concepts, rng, significance):
    result = ic.label_neurons(activations, concepts, significance=significance)
    with pytest.raises(ValueError, match="must be the same inputs in the same order"):
        view(result, rng.permutation(activations), concepts)
    half = activations.astype(np.float16)
    assert view(result, half, concepts).curve.auc != pytest.approx(0.5, abs=0.1)


def test_facts(result, activations, concepts):
    best, seen = result[0][0], view(result, activations, concepts)
    assert seen.facts == [
        f"AUC {best.auc:.3f}",
        f"held out {best.heldout_auc:.3f} (95% interval {best.auc_low:.3f} to {best.auc_high:.3f})",
        f"adjusted p {best.p_adjusted:.1e}",
        f"{best.n_positive:,} of 600 samples ({best.fraction:.1%})",
    ]
    assert seen.standing == "neuron 0  ·  significant"
    second = view(result, activations, concepts, rank=1)
    assert second.explanation == result[0][1]
    assert "label of rank 1" in second.standing
    assert "not corrected" in " ".join(second.facts)
    assert "not significant" in view(result, activations, concepts, 5).standing


def test_several_layers_are_named(activations, concepts):
    layers = {"conv": activations, "fc": activations[:, ::-1].copy()}
    result = ic.label_neurons(layers, concepts)
    seen = view(result, layers, concepts, ("fc", 5))
    assert seen.name == "neuron fc[5]"
    assert np.array_equal(seen.values, activations[:, 0])


def test_held_out_samples_without_positives_have_no_curve(activations, concepts):
    result = ic.label_neurons(activations, concepts)
    labels = concepts.labels.toarray()
    labels[result.heldout] = False
    emptied = ic.ConceptSet(labels, concepts.names)
    untried = replace(result, explanations=(replace(result[0][0], heldout_auc=math.nan),))
    seen = view(untried, activations, emptied)
    assert seen.curve is None
    assert seen.band is None


def test_groups_are_those_of_the_labelling(activations, concepts):
    groups = (np.arange(600) // 3).tolist()
    result = ic.label_neurons(activations, concepts, groups=groups)
    with_groups = BootstrapChoice(50, 0.9, 0, groups)
    assert view(result, activations, concepts, bootstrap=with_groups).band is not None
    with pytest.raises(ValueError, match="groups are missing; expected the groups"):
        view(result, activations, concepts)
    none = BootstrapChoice(0, 0.9, 0, None)
    assert view(result, activations, concepts, bootstrap=none).band is None
    with pytest.raises(ValueError, match="groups are not those of the result"):
        view(result, activations, concepts, bootstrap=BootstrapChoice(0, 0.9, 0, [1] * 600))


def test_refusals(result, activations, concepts):
    with pytest.raises(KeyError, match="99"):
        view(result, activations, concepts, 99)
    with pytest.raises(ValueError, match="rank is 7, but neuron 0 has 2 labels; expected 0 to 1"):
        view(result, activations, concepts, rank=7)
    with pytest.raises(ValueError, match="rank is -1"):
        view(result, activations, concepts, rank=-1)
    with pytest.raises(ValueError, match="activations has 599 samples; the result is of 600"):
        view(result, activations[1:], concepts)
    with pytest.raises(ValueError, match="n_bootstrap is -1"):
        BootstrapChoice(-1, 0.9, 0, None)
    with pytest.raises(ValueError, match="level is 0"):
        BootstrapChoice(10, 0.0, 0, None)
    with pytest.raises(ValueError, match="seed is -1"):
        BootstrapChoice(10, 0.9, -1, None)


def test_a_neuron_without_a_label_is_refused(activations, concepts):
    activations[:, 3] = 1
    with pytest.warns(ic.InvertCaptumWarning):
        result = ic.label_neurons(activations, concepts)
    with pytest.raises(ValueError, match="neuron 3 was set aside: it has no label"):
        view(result, activations, concepts, 3)


def test_tiny_p_values_are_bounded(result, activations, concepts):
    seen = view(result, activations, concepts)
    tiny = replace(seen, explanation=replace(seen.explanation, p_adjusted=0.0))
    assert "adjusted p < 1e-300" in tiny.facts
    plain = replace(seen, explanation=replace(seen.explanation, p_adjusted=0.25))
    assert "adjusted p 0.250" in plain.facts
    assert math.isnan(result[0][1].p_adjusted)

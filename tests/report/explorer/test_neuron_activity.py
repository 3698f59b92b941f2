from __future__ import annotations

import base64

import numpy as np
import pytest
import scipy.sparse
import torch
from sklearn.metrics import roc_auc_score
from sklearn.metrics import roc_curve as sklearn_roc_curve

import invert_captum as ic
from invert_captum.neuron_columns import columns_by_layer
from invert_captum.report.density import densities
from invert_captum.report.explorer.neuron_activity import (
    NeuronActivity,
    activity_by_neuron,
    activity_columns,
    roc_columns,
)


@pytest.fixture
def result(activations, concepts):
    return ic.label_neurons(activations, concepts, max_length=2)


def activity(result, activations, concepts, n_shown=8):
    return activity_by_neuron(result, columns_by_layer(activations), concepts, n_shown=n_shown)


def test_top_samples_are_the_highest_and_ties_go_to_the_first(result, activations, concepts):
    rounded = np.round(activations * 2) / 2
    labelled = ic.label_neurons(rounded, concepts, max_length=1)
    for neuron, one in activity(labelled, rounded, concepts, n_shown=50).items():
        expected = np.argsort(-rounded[:, neuron], kind="stable")[:50]
        assert one.top == expected.tolist()
        assert one.activations == rounded[expected, neuron].tolist()
        members = labelled[neuron][0].formula.evaluate(concepts)
        assert one.members == members[expected].astype(int).tolist()


@pytest.mark.parametrize("sign", ["negative", "absolute_value"])
def test_a_label_about_low_activation_has_the_lowest_samples(activations, concepts, sign):
    found = ic.label_neurons(-activations, concepts, max_length=1, sign=sign)
    one = activity(found, -activations, concepts)[0]
    assert str(found[0][0].formula) == "dog"
    assert one.top == np.argsort(-activations[:, 0], kind="stable")[:8].tolist()


def test_curves_are_of_the_samples_that_the_table_is_of(result, activations, concepts):
    found = activity(result, activations, concepts)
    columns = roc_columns(list(found.values()), heldout=True)
    curves = np.frombuffer(base64.b64decode(columns["curves"]), dtype=np.uint8)
    curves = curves.reshape(len(result), columns["points"]) / 255
    for row, key in enumerate(result):
        members = result[key][0].formula.evaluate(concepts)[result.heldout]
        values = activations[result.heldout, key]
        false_rates, true_rates, _ = sklearn_roc_curve(members, values, drop_intermediate=False)
        expected = np.interp(np.linspace(0, 1, columns["points"]), false_rates, true_rates)
        assert np.abs(curves[row] - expected).max() <= 1 / 255
        assert roc_auc_score(members, values) == pytest.approx(result[key][0].heldout_auc)


@pytest.mark.parametrize(
    "arguments",
    [
        {"significance": "in_sample"},
        {"significance": None},
        {"n_folds": 3},
        {"sign": "absolute_value"},
        {"sign": "negative"},
        {"significance": "permutation", "n_permutations": 199, "correction": "fdr_bh"},
    ],
)
def test_every_kind_of_labelling_is_recognised_as_its_own(activations, concepts, arguments):
    found = ic.label_neurons(activations, concepts, max_length=1, **arguments)
    assert len(activity(found, activations, concepts)) == 6


def test_densities_are_those_of_the_report(result, activations, concepts):
    columns = activity_columns(
        list(activity(result, activations, concepts).values()), has_members=True
    )
    density = columns["density"]
    curves = np.frombuffer(base64.b64decode(density["curves"]), dtype=np.uint8)
    curves = curves.reshape(len(result), 2, density["points"])
    for row, key in enumerate(result):
        members = result[key][0].formula.evaluate(concepts)
        expected = densities(activations[:, key], members)
        assert density["low"][row] == pytest.approx(expected.low, rel=1e-5)
        assert density["high"][row] == pytest.approx(expected.high, rel=1e-5)
        assert (density["atom"][row] is None) == (expected.atom is None)
        assert density["atom_outside"][row] == pytest.approx(expected.atom_outside, rel=1e-5)
        places = np.linspace(expected.low, expected.high, density["points"])
        inside = np.interp(places, expected.grid, expected.inside)
        assert np.abs(curves[row, 0] / 255 - inside / inside.max()).max() <= 1 / 255


def test_without_concepts_there_are_top_samples_only(result, activations):
    found = list(activity(result, activations, None).values())
    assert found[0].top
    assert not found[0].members
    columns = activity_columns(found, has_members=False)
    assert columns["top_member"] is None
    assert columns["density"] is None


@pytest.mark.parametrize(
    "stored",
    [
        scipy.sparse.csr_array,
        scipy.sparse.coo_array,
        torch.as_tensor,
        lambda matrix: torch.as_tensor(matrix).to_sparse(),
        np.asfortranarray,
    ],
)
def test_any_form_of_activations_gives_the_same(result, activations, concepts, stored):
    expected = activity(result, activations, concepts)
    assert activity(result, stored(activations), concepts) == expected


def test_a_neuron_that_was_set_aside_is_empty(activations, concepts):
    activations[:, 2] = np.nan
    with pytest.warns(ic.InvertCaptumWarning):
        found = ic.label_neurons(activations, concepts, max_length=1)
    assert activity(found, activations, concepts)[2] == NeuronActivity()


def test_rows_in_another_order_are_refused(result, activations, concepts):
    with pytest.raises(ValueError, match="the rows must be the same inputs in the same order"):
        activity(result, activations[::-1], concepts)


def test_concepts_under_which_a_label_holds_nowhere_are_refused(result, activations, concepts):
    nowhere = ic.ConceptSet(np.zeros((600, 8), dtype=bool), concepts.names)
    with pytest.raises(ValueError, match="the AUC nan on held-out samples, but result has"):
        activity(result, activations, nowhere)

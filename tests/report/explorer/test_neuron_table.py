from __future__ import annotations

import json
import math

import numpy as np
import pytest

import invert_captum as ic
from invert_captum.report.explorer.formula_tokens import token_text
from invert_captum.report.explorer.neuron_table import concept_columns, neuron_columns

NUMBERS = ["auc", "heldout_auc", "low", "high", "log10_p", "p_adjusted", "fraction", "evidence"]


@pytest.fixture
def result(activations, concepts):
    activations[:, 4] = 1
    with pytest.warns(ic.InvertCaptumWarning):
        return ic.label_neurons(activations, concepts, max_length=2, top_k=3)


def test_columns_are_those_of_the_result(result):
    columns = neuron_columns(result)
    assert {len(column) for column in columns.values()} == {len(result)}
    best = [result[key][0] for key in result]
    assert columns["key"] == [f"layer/{one.neuron}" for one in best]
    assert columns["text"] == [None if one.formula is None else str(one.formula) for one in best]
    names = {"low": "auc_low", "high": "auc_high"}
    for name in set(NUMBERS) - {"evidence"}:
        for shown, one in zip(columns[name], best, strict=True):
            exact = getattr(one, names.get(name, name))
            assert shown is None if math.isnan(exact) else math.isclose(shown, exact, rel_tol=1e-3)
    spelled = [
        None
        if tokens is None
        else "".join(token_text(one, list(concept_names(result))) for one in tokens)
        for tokens in columns["formula"]
    ]
    assert spelled == columns["text"]


def concept_names(result):
    return concept_columns(result, None)["name"]


def test_a_neuron_that_was_set_aside_has_nothing(result):
    columns = neuron_columns(result)
    assert [columns[name][4] for name in ("formula", "text", *NUMBERS)] == [None] * 10
    assert columns["runners_up"][4] == []
    json.dumps(columns, allow_nan=False)


def test_runners_up_are_the_further_ranks(result):
    shown = neuron_columns(result)["runners_up"][0]
    assert [one["text"] for one in shown] == [str(one.formula) for one in result[0][1:]]
    assert shown[0]["heldout_auc"] == pytest.approx(result[0][1].heldout_auc, abs=1e-5)


@pytest.mark.parametrize(
    ("sign", "expected"), [("positive", [0, 0]), ("negative", [1, 1]), ("absolute_value", [0, 1])]
)
def test_labels_about_low_activation_are_marked(activations, concepts, sign, expected):
    pair = np.stack([activations[:, 0], -activations[:, 0]], axis=1)
    found = ic.label_neurons(pair, concepts, max_length=1, sign=sign)
    assert neuron_columns(found)["low_label"] == expected


def test_keys_are_unique_over_layers(activations, concepts):
    layers = {"a": activations[:, :2], "b/1": activations[:, :2]}
    columns = neuron_columns(ic.label_neurons(layers, concepts, max_length=1))
    assert columns["key"] == ["a/0", "a/1", "b/1/0", "b/1/1"]
    assert columns["layer"] == [0, 0, 1, 1]


def test_concepts_are_in_the_order_of_the_search(activations, concepts):
    found = ic.label_neurons(activations, concepts, max_length=1)
    described = ic.ConceptSet(
        concepts.labels[:, ::-1],
        concepts.names[::-1],
        [f"a {name}" for name in concepts.names[::-1]],
    )
    columns = concept_columns(found, described)
    assert columns["name"] == list(concepts.names)
    assert columns["description"] == [f"a {name}" for name in concepts.names]
    assert columns["n_positive"] == concepts.counts.tolist()
    assert concept_columns(found, None)["n_positive"] is None

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from torch import nn

import invert_captum as ic
from invert_captum.attr.layer_neurons import NamedLayer, check_columns, extraction_of


@pytest.fixture
def model():
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
    net.add_module("again", net[1])
    return net


def test_a_layer_has_all_its_names(model):
    by_module, by_name = NamedLayer.of(model, model[1]), NamedLayer.of(model, "again")
    assert (by_module.name, by_name.name) == ("1", "again")
    assert by_module.names == by_name.names == {"1", "again"}
    assert by_module.module is model[1]


def test_activations_are_found_by_any_name(model):
    layer, rows = NamedLayer.of(model, "1"), np.ones((5, 4))
    other = np.ones((5, 3))
    for activations in (rows, {"again": rows}, {"0": other, "1": rows}):
        assert layer.activations_of(activations).n_neurons == 4
    with pytest.raises(ValueError, match=r"activations has the layers \['0'\]; expected '1'"):
        layer.activations_of({"0": other})


def test_only_the_best_explanations_of_the_layer_count(model, activations, concepts):
    result = ic.label_neurons({"0": activations, "again": activations}, concepts, top_k=2)
    found = NamedLayer.of(model, "1").explanations_of(result)
    assert {(one.layer, one.rank) for one in found} == {("again", 0)}
    assert len(found) == 6
    plain = ic.label_neurons(activations, concepts)
    assert len(NamedLayer.of(model, "0").explanations_of(plain)) == 6


def test_a_module_that_was_labelled_twice_is_refused(model, activations, concepts):
    result = ic.label_neurons({"1": activations, "again": activations}, concepts)
    with pytest.raises(ValueError, match=r"layers \['1', 'again'\], which are one module"):
        NamedLayer.of(model, "1").explanations_of(result)


def test_what_a_result_knows_of_its_extraction(activations, concepts):
    result = ic.label_neurons(activations, concepts, max_length=1)
    assert extraction_of(result) == ("mean", None, False)
    told = {"reduce": "last", "neuron_dim": 1, "attribute_to_layer_input": True}
    for extraction, expected in [(None, ("mean", None, False)), (told, ("last", 1, True))]:
        settings = {**result.settings, "extraction": extraction}
        assert extraction_of(dataclasses.replace(result, settings=settings)) == expected


def test_the_last_column_is_the_one_that_is_checked():
    check_columns((0, 3), 4, "x")
    with pytest.raises(ValueError, match="neurons has 4, but layer 'x' has 4 neurons; expected 0"):
        check_columns((0, 4), 4, "x")

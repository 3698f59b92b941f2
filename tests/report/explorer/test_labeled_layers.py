from __future__ import annotations

import pytest
import torch
from torch import nn

import invert_captum as ic
from invert_captum.report.explorer.labeled_layers import LabeledLayers, known_reduction


@pytest.fixture
def model():
    return nn.Sequential(nn.Linear(6, 6), nn.ReLU())


def labelled(activations, concepts):
    return ic.label_neurons(activations, concepts, max_length=1)


def test_a_single_layer_takes_the_neuron_alone(model, activations, concepts):
    result = labelled(activations, concepts)
    layers = LabeledLayers(ic.NeuronConceptLabeler(model, model[1]), result)
    assert layers.module(None) is model[1]
    assert layers.selector(result[3][0]) == 3


def test_a_list_of_layers_takes_the_name_too(model, activations, concepts):
    result = labelled({"0": activations, "1": activations}, concepts)
    layers = LabeledLayers(ic.NeuronConceptLabeler(model, ["1", "0"]), result)
    assert layers.module("0") is model[0]
    assert layers.selector(result["1", 2][0]) == ("1", 2)


def test_a_layer_that_the_labeler_lacks_is_refused(model, activations, concepts):
    result = labelled({"head": activations}, concepts)
    with pytest.raises(ValueError, match=r"labeler has the layers \['0'\]; expected 'head'"):
        LabeledLayers(ic.NeuronConceptLabeler(model, "0"), result)


def test_the_reduction_is_that_of_the_extraction(model, activations, concepts):
    assert known_reduction(labelled(activations, concepts)) == {}
    labeler = ic.NeuronConceptLabeler(model, "0")
    inputs = torch.as_tensor(activations, dtype=torch.float32)
    arguments = {"max_length": 1, "attribute_to_layer_input": True}
    assert known_reduction(labeler.interpret(inputs, concepts, reduce="max", **arguments)) == {
        "reduce": "max",
        "neuron_dim": None,
        "attribute_to_layer_input": True,
    }
    by_function = labeler.interpret(inputs, concepts, reduce=lambda rows: rows, **arguments)
    assert known_reduction(by_function) is None

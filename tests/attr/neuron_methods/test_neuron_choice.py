from __future__ import annotations

import pytest

from invert_captum.attr.neuron_methods.neuron_choice import as_extracted, choose_neuron


def test_a_column_means_the_only_layer():
    assert choose_neuron(3, {"conv": None}) == ("conv", 3)
    assert choose_neuron(("conv", 3), ["conv"]) == ("conv", 3)
    assert choose_neuron(("head", 3), ["conv", "head"]) == ("head", 3)


@pytest.mark.parametrize(
    ("selector", "layers", "error", "message"),
    [
        (3, ["conv", "head"], TypeError, r"such as \('conv', 0\), because there are 2 layers"),
        (("convv", 3), ["conv"], ValueError, r"names layer 'convv'; expected one of \['conv'\]"),
    ],
)
def test_refusals(selector, layers, error, message):
    with pytest.raises(error, match=message):
        choose_neuron(selector, layers)


def test_the_extraction_is_the_default():
    settings = {"reduce": "max", "neuron_dim": 2, "batch_size": 64}
    assert as_extracted(settings, None, None) == {"reduce": "max", "neuron_dim": 2}
    assert as_extracted(settings, "l2", 1) == {"reduce": "l2", "neuron_dim": 1}


def test_callable_reductions_get_no_axis():
    settings = {"reduce": "max", "neuron_dim": 2}
    assert as_extracted(settings, len, None) == {"reduce": len, "neuron_dim": None}


def test_an_extraction_at_the_input_is_followed():
    settings = {"reduce": "max", "neuron_dim": None, "attribute_to_layer_input": True}
    assert as_extracted(settings, None, None)["attribute_to_neuron_input"] is True

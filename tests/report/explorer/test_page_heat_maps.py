from __future__ import annotations

import base64

import numpy as np
import pytest
import torch
from captum.attr import LayerActivation, NeuronGradient, NeuronIntegratedGradients
from torch import nn

import invert_captum as ic
from invert_captum.report.explorer.heat_maps import HeatMapper, encode
from invert_captum.report.explorer.labeled_layers import LabeledLayers
from invert_captum.report.explorer.model_inputs import ModelInputs
from invert_captum.report.explorer.top_neurons import TopNeuron
from invert_captum.result import Explanation

PICTURE, TOKENS = {"image": "data:,"}, {"tokens": ["a", "b", "c"]}


def decoded(encoded: dict) -> np.ndarray:
    kind = np.int8 if encoded.get("signed") else np.uint8
    values = np.frombuffer(base64.b64decode(encoded["values"]), dtype=kind)
    return values.reshape(encoded["size"])


def mapper(model, layer, inputs, method=None, **arguments):
    labeler = ic.NeuronConceptLabeler(model, layer)
    names = [layer] if isinstance(layer, str) else layer
    explanations = tuple(
        Explanation(name, 0, 0, ic.Formula.concept("dog"), auc=0.9) for name in names
    )
    result = ic.LabelingResult(explanations, {})
    taken = ModelInputs.of(inputs, None, len(inputs))
    return HeatMapper(labeler, LabeledLayers(labeler, result), taken, result, method, arguments)


def neuron(layer, samples, row=0, column=0):
    return TopNeuron(row, Explanation(layer, column, 0, ic.Formula.concept("dog")), samples)


def convolutional():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 2),
    )


def test_a_pictures_map_is_its_positive_part_over_channels_by_area():
    field = torch.zeros(2, 56, 28)
    field[0, :2, :2] = 3.0
    field[1, :2, :2] = 1.0
    field[0, 2:4, 0] = 2.0
    field[1, 20:, :] = -5.0
    shown = encode(field, PICTURE)
    assert shown["size"] == [28, 14]
    expected = np.zeros((28, 14))
    expected[0, 0], expected[1, 0] = 255, np.rint(255 / 4)
    assert np.array_equal(decoded(shown), expected)


def test_a_small_map_keeps_its_size_and_a_silent_one_stays_silent():
    assert encode(torch.eye(5), PICTURE)["size"] == [5, 5]
    assert not decoded(encode(torch.zeros(1, 9, 9), PICTURE)).any()
    assert not decoded(encode(-torch.ones(1, 9, 9), PICTURE)).any()
    assert not decoded(encode(torch.zeros(3), TOKENS)).any()


def test_tokens_and_numbers_keep_their_signs():
    shown = encode(torch.tensor([[1.0, 1.0], [-2.0, -2.0], [0.0, 0.0], [9.0, 9.0]]), TOKENS)
    assert shown["signed"] is True
    assert decoded(shown).tolist() == [[64, -127, 0]]
    numbers = encode(torch.tensor([-1.0, 0.5]), {"numbers": [["x", 1], ["y", 2]]})
    assert decoded(numbers).tolist() == [[-127, 64]]


@pytest.mark.parametrize(
    ("shape", "entry"),
    [((5,), PICTURE), ((3, 2), {"numbers": [["x", 1]] * 3}), ((3,), {"text": "a"}), ((3,), {})],
)
def test_a_map_that_does_not_fit_what_is_shown_is_none(shape, entry):
    assert encode(torch.ones(shape), entry) is None


def test_the_map_of_a_layer_is_its_activation_up_sampled():
    inputs = torch.randn(6, 3, 12, 12)
    model = convolutional()
    maps = mapper(model, "1", inputs)
    found = maps.maps([neuron("1", [4, 1], row=7, column=2)], {4: PICTURE, 1: PICTURE})
    assert maps.method_text == "LayerActivation"
    assert set(found) == {"7"}
    assert list(found["7"]) == ["4", "1"]
    with torch.no_grad():
        expected = model[:2](inputs[4:5])[0, 2].numpy()
    assert np.abs(decoded(found["7"]["4"]) - 255 * expected / expected.max()).max() <= 1


def test_a_layer_without_positions_is_looked_at_from_below_or_by_gradients():
    inputs = torch.randn(4, 3, 12, 12)
    pooled = mapper(convolutional(), "2", inputs)
    assert pooled.maps([neuron("2", [0])], {0: PICTURE})["0"]["0"]["size"] == [12, 12]
    assert pooled.method_text == "LayerActivation of what the layer gets"
    head = mapper(convolutional(), "4", inputs)
    assert head.maps([neuron("4", [0])], {0: PICTURE})
    assert head.method_text == "NeuronIntegratedGradients"


def test_methods_of_several_layers_are_told_apart():
    both = mapper(convolutional(), ["1", "4"], torch.randn(2, 3, 12, 12))
    both.maps([neuron("1", [0]), neuron("4", [1], row=1)], {0: PICTURE, 1: PICTURE})
    assert both.method_text == "1: LayerActivation, 4: NeuronIntegratedGradients"


def test_tokens_get_the_activation_of_their_positions():
    words = torch.tensor([[1, 2, 3], [4, 5, 0]])
    model = nn.Sequential(nn.Embedding(10, 4), nn.Linear(4, 2))
    found = mapper(model, "0", words).maps(
        [neuron("0", [1], column=2)], {1: {"tokens": ["x", "y"]}}
    )
    activations = model[0].weight[[4, 5, 0], 2].detach().numpy()[:2]
    expected = 127 * activations / np.abs(activations).max()
    assert np.abs(decoded(found["0"]["1"])[0] - expected).max() <= 1


def test_inputs_without_gradients_and_a_layer_without_positions_have_no_maps():
    model = nn.Sequential(nn.EmbeddingBag(10, 4), nn.Linear(4, 2))
    words = mapper(model, "1", torch.randint(0, 10, (3, 5)))
    assert words.maps([neuron("1", [0])], {0: TOKENS}) == {}
    assert "no positions in the layer" in words.method_text


def test_a_given_method_takes_its_arguments_and_its_errors_are_raised():
    inputs = torch.randn(3, 4)
    model = nn.Sequential(nn.Linear(4, 2))
    entry = {"numbers": [["x", 0.0]] * 4}
    by_steps = mapper(
        model, "0", inputs, NeuronIntegratedGradients, baselines=torch.ones(1, 4), n_steps=4
    )
    shown = decoded(by_steps.maps([neuron("0", [2])], {2: entry})["0"]["2"])[0]
    expected = (model[0].weight[0] * (inputs[2] - 1)).detach().numpy()
    assert np.abs(shown - 127 * expected / np.abs(expected).max()).max() <= 1
    with pytest.raises(TypeError, match="n_stepps"):
        mapper(model, "0", inputs, NeuronGradient, n_stepps=4).maps([neuron("0", [0])], {0: entry})
    with pytest.raises(ValueError, match="position"):
        mapper(model, "0", inputs, LayerActivation).maps([neuron("0", [0])], {0: entry})


def test_batches_do_not_change_maps_and_texts_have_none():
    inputs = torch.randn(5, 3, 8, 8)
    entries = dict.fromkeys(range(4), PICTURE)
    one = [neuron("1", [0, 1, 2, 3, 4])]
    model = convolutional()
    whole = mapper(model, "1", inputs).maps(one, entries)
    assert mapper(model, "1", inputs).maps(one, entries, batch_size=3) == whole
    assert "4" not in whole["0"]
    assert mapper(model, "1", inputs).maps(one, {row: {"text": "a"} for row in range(5)}) == {}

"""Heat maps by Guided Feature Inversion."""

from __future__ import annotations

import base64
import re

import numpy as np
import pytest
import torch
from captum.attr import NeuronGradient
from page_elements import Page
from torch import nn

import invert_captum as ic
from invert_captum.attr import GuidedFeatureInversion, NeuronGuidedFeatureInversion
from invert_captum.report.explorer import write_explorer
from invert_captum.report.explorer.heat_maps import HeatMapper
from invert_captum.report.explorer.inversion_maps import (
    is_inversion,
    layers_text,
    settled_arguments,
)
from invert_captum.report.explorer.labeled_layers import LabeledLayers
from invert_captum.report.explorer.model_inputs import ModelInputs
from invert_captum.report.explorer.top_neurons import TopNeuron
from invert_captum.result import Explanation

METHOD = NeuronGuidedFeatureInversion
STEPS = {"n_inversion_steps": 1, "n_target_steps": 3, "gamma": 0.1, "delta": 0.1}
PICTURE = {"image": "data:,"}
IMAGES = torch.rand(6, 3, 12, 12, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 2),
    )


def settled(network, inputs=IMAGES, further=None, **arguments):
    labeler = ic.NeuronConceptLabeler(network, "2")
    taken = ModelInputs.of(inputs, further, len(IMAGES))
    return settled_arguments(labeler, taken, arguments)


def mapper(network, layer="2", **arguments):
    labeler = ic.NeuronConceptLabeler(network, layer)
    result = ic.LabelingResult((Explanation(layer, 0, 0, ic.Formula.concept("dog"), auc=0.9),), {})
    inputs = ModelInputs.of(IMAGES, None, len(IMAGES))
    return HeatMapper(
        labeler, LabeledLayers(labeler, result), inputs, result, METHOD, {**STEPS, **arguments}
    )


def neuron(samples, column=2, layer="2"):
    return TopNeuron(7, Explanation(layer, column, 0, ic.Formula.concept("dog")), samples)


def decoded(encoded):
    values = np.frombuffer(base64.b64decode(encoded["values"]), dtype=np.uint8)
    return values.reshape(encoded["size"])


def test_only_the_inversion_of_a_neuron_makes_masks():
    assert is_inversion(METHOD)
    assert is_inversion(type("Own", (METHOD,), {}))
    assert not any(
        map(is_inversion, (GuidedFeatureInversion, NeuronGradient, None, METHOD.__name__))
    )


def test_mask_is_made_of_what_has_positions(network):
    from_output = {"inversion_layer": "1", "attribute_to_layer_input": False}
    assert settled(network, inversion_layer="1") == from_output
    assert (
        settled(network, inversion_layer="0", mask_layer="1")["attribute_to_layer_input"] is False
    )
    pooled = settled(network, inversion_layer="1", mask_layer="2", delta=3)
    expected = {"inversion_layer": "1", "mask_layer": "2", "delta": 3}
    assert pooled == {**expected, "attribute_to_layer_input": True}
    alone = settled(network, inversion_layer=network[2])
    assert alone == {"inversion_layer": network[2], "attribute_to_layer_input": True}


@pytest.mark.parametrize("at_input", [False, True])
def test_place_that_is_given_is_kept(network, at_input):
    given = {"inversion_layer": "1", "mask_layer": "2", "attribute_to_layer_input": at_input}
    assert settled(network, **given) == given


def test_further_arguments_of_the_model_go_along():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, pictures, factor):
            return self.conv(pictures) * factor[:, None, None, None]

    labeler = ic.NeuronConceptLabeler(Scaled(), "conv")
    inputs = ModelInputs.of(IMAGES, torch.ones(len(IMAGES)), len(IMAGES))
    found = settled_arguments(labeler, inputs, {"inversion_layer": "conv"})
    assert found["attribute_to_layer_input"] is False


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({}, TypeError, "needs inversion_layer"),
        ({"mask_layer": "1"}, TypeError, "needs inversion_layer"),
        ({"inversion_layer": "7"}, ValueError, "inversion_layer is .*'7', which .*; nearest names"),
        ({"inversion_layer": 7}, TypeError, "inversion_layer is of type int"),
        (
            {"inversion_layer": "1", "mask_layer": "11"},
            ValueError,
            "mask_layer is .*nearest names: '1",
        ),
        ({"inversion_layer": "4"}, ValueError, "inversion_layer is '4', which has no positions"),
        (
            {"inversion_layer": "1", "mask_layer": "4"},
            ValueError,
            "mask_layer is '4', which has no positions to make a mask of, neither in what it gives",
        ),
    ],
)
def test_layers_that_cannot_be(network, arguments, error, message):
    with pytest.raises(error, match=message):
        settled(network, **arguments)


def test_layers_that_do_not_run_are_not_taken_for_some_without_positions(network):
    network.add_module("unused", nn.ReLU())
    network.forward = lambda pictures: network[:5](pictures)
    with pytest.raises(ValueError, match="layer 'unused' is not called in the forward pass"):
        settled(network, inversion_layer="1", mask_layer="unused")


def test_inputs_that_are_no_pictures_are_refused(network):
    with pytest.raises(ValueError, match=r"inputs has shape \(1, 5\); expected \(n, channels"):
        settled(network, torch.rand(6, 5), inversion_layer="1")
    with pytest.raises(ValueError, match="inputs has 2 tensors; expected one of pictures"):
        settled(network, (IMAGES, IMAGES), inversion_layer="1")
    with pytest.raises(TypeError, match=r"inputs is of torch.int64; expected floating point"):
        settled(network, IMAGES.long(), inversion_layer="1")


@pytest.mark.parametrize(
    ("arguments", "at_input", "text"),
    [
        ({}, False, "inversion layer 1"),
        ({"mask_layer": "2"}, True, "inversion layer 1, mask from what 2 gets"),
        ({"mask_layer": "0"}, False, "inversion layer 1, mask from 0"),
        ({}, True, "inversion layer 1, what it gets"),
    ],
)
def test_page_tells_the_layers(network, arguments, at_input, text):
    labeler = ic.NeuronConceptLabeler(network, "2")
    for layer in ("1", network[1]):
        place = {"attribute_to_layer_input": at_input}
        assert layers_text(labeler, {"inversion_layer": layer, **arguments, **place}) == text


def test_map_is_the_mask(network):
    arguments = {"inversion_layer": "1", "mask_layer": "2", "attribute_to_layer_input": True}
    made = mapper(network, **arguments)
    found = made.maps([neuron([4, 1])], {4: PICTURE, 1: PICTURE})
    assert list(found["7"]) == ["4", "1"]
    inversion = METHOD(network, "2", "1", "2")
    masks = inversion.attribute(IMAGES[[4, 1]], 2, attribute_to_layer_input=True, **STEPS)
    for mask, row in zip(masks[:, 0], ("4", "1"), strict=True):
        shown = decoded(found["7"][row])
        assert np.abs(shown - 255 * (mask / mask.max()).numpy()).max() <= 1
        assert shown.std() > 20
    assert made.makes_masks
    assert made.n_neutral == 0
    expected = "NeuronGuidedFeatureInversion (inversion layer 1, mask from what 2 gets)"
    assert made.method_text == expected


def test_neuron_of_what_a_layer_gets_is_told_apart_from_the_mask(network):
    made = mapper(network, "1", inversion_layer="1", attribute_to_neuron_input=True)
    assert made.maps([neuron([0], layer="1")], {0: PICTURE})
    expected = "NeuronGuidedFeatureInversion of what the layer gets (inversion layer 1)"
    assert made.method_text == expected


def test_samples_go_through_the_model_in_batches(network):
    sizes = []
    network[0].register_forward_pre_hook(lambda _, args: sizes.append(len(args[0])))
    entries = dict.fromkeys(range(5), PICTURE)
    whole = mapper(network, inversion_layer="1").maps([neuron([0, 1, 2, 3, 4])], entries)
    assert set(sizes) == {5}
    sizes.clear()
    parts = mapper(network, inversion_layer="1").maps(
        [neuron([0, 1, 2, 3, 4])], entries, batch_size=3
    )
    assert set(sizes) == {3, 2}
    for row, one in parts["7"].items():
        assert np.abs(decoded(one).astype(int) - decoded(whole["7"][row])).max() <= 1


def test_neutral_masks_are_no_maps_and_warned_of_once(network):
    with torch.no_grad():
        network[0].bias[1] = -100
    made = mapper(network, inversion_layer="1")
    entries = dict.fromkeys(range(6), PICTURE)
    with pytest.warns(ic.InvertCaptumWarning) as told:
        found = made.maps([neuron([0, 1, 2], column=1), neuron([3], column=1)], entries)
    assert found == {}
    assert made.n_neutral == 4
    (one,) = told
    assert re.match("heat maps: 2 warnings, .* pictures .*0, 1, 2.* nothing", str(one.message))


def written(network, images, concepts, path, layer="2", **arguments):
    labeler = ic.NeuronConceptLabeler(network, layer)
    result = labeler.interpret(images, concepts, max_length=1)
    options = {"inputs": images, "labeler": labeler, "top": 4, "n_shown": 2, "method": METHOD}
    write_explorer(result, path, **{**options, **STEPS, **arguments})
    return Page(path.read_text(encoding="utf-8"))


@pytest.fixture
def images(concepts):
    noise = torch.rand(600, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    noise[:, :, :4, :4] += 2 * torch.as_tensor(concepts["dog"]).float()[:, None, None, None]
    return noise


def test_page_says_how_its_maps_were_made(network, images, concepts, tmp_path):
    path = tmp_path / "page.html"
    page = written(network, images, concepts, path, inversion_layer="1", mask_layer="2")
    expected = "NeuronGuidedFeatureInversion (inversion layer 1, mask from what 2 gets)"
    heat_maps = page.block("heatmaps")
    assert heat_maps.pop("method") == expected
    assert len(heat_maps) == 4
    notes = page.block("report")["notes"]
    assert any(f"Heat maps of 4 neurons are made by {expected}." in one for one in notes)
    assert not any("Captum" in one or "silent" in one for one in notes)


def test_page_says_where_there_are_no_masks(network, images, concepts, tmp_path):
    """A neuron that is silent on all but one sample has one map among its two best samples."""
    with torch.no_grad():
        first = nn.functional.conv2d(images, network[0].weight[:1], padding=1).amax((1, 2, 3))
        highest = first.sort().values
        network[0].bias[0] = -(highest[-1] + highest[-2]) / 2
    path = tmp_path / "page.html"
    with pytest.warns(ic.InvertCaptumWarning, match=r"heat maps: pictures .*1.*2.* have nothing"):
        page = written(network, images, concepts, path, inversion_layer="1")
    heat_maps, report = page.block("heatmaps"), page.block("report")
    row = [str(key) for key in report["neurons"]["key"]].index("2/0")
    assert list(heat_maps[str(row)]) == [str(report["neurons"]["top"][row][0])]
    assert any(": 1 of all pairs of a neuron and a sample" in one for one in report["notes"])


def test_layers_are_checked_before_anything_else_is_done(network, images, concepts, tmp_path):
    def shown(index):
        raise AssertionError(index)

    path = tmp_path / "page.html"
    with pytest.raises(ValueError, match=r"inversion_layer is .*nearest names"):
        written(network, images, concepts, path, inversion_layer="one", shown=shown)
    assert not path.exists()

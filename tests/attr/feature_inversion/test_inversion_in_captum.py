"""What Captum's wrappers, other containers and a reader of the details expect."""

from __future__ import annotations

import inspect

import pytest
import torch
from captum.attr import NoiseTunnel
from hand_set_network import HandSetNetwork, squares
from torch import nn

import invert_captum as ic
from invert_captum.attr.feature_inversion.guided_feature_inversion import GuidedFeatureInversion
from invert_captum.attr.feature_inversion.neuron_guided_feature_inversion import (
    NeuronGuidedFeatureInversion,
)

PICTURE = squares(blue=(18, 21))[None]
SHORT = {"n_inversion_steps": 2, "n_target_steps": 3}


def test_noise_tunnel_without_noise_gives_the_mask():
    inversion = GuidedFeatureInversion(HandSetNetwork(), "colours")
    smooth = NoiseTunnel(inversion).attribute(PICTURE, nt_samples=2, stdevs=0.0, target=1, **SHORT)
    torch.testing.assert_close(smooth, inversion.attribute(PICTURE, 1, **SHORT))


def test_noise_tunnel_with_noise_takes_a_neuron_too():
    inversion = NeuronGuidedFeatureInversion(HandSetNetwork(), "classes", "colours")
    found = NoiseTunnel(inversion).attribute(PICTURE, nt_samples=2, neuron_selector=1, **SHORT)
    assert found.shape == PICTURE.shape
    assert found.isfinite().all()


@pytest.mark.parametrize("method", [GuidedFeatureInversion, NeuronGuidedFeatureInversion])
def test_arguments_are_seen_through_the_decorator(method):
    assert "background_weight" in inspect.signature(method.attribute).parameters


@pytest.mark.parametrize("name", ["colours", "module.colours"])
def test_layers_of_data_parallel_models_by_either_name(name):
    plain = GuidedFeatureInversion(HandSetNetwork(), "colours").attribute(PICTURE, 1, **SHORT)
    parallel = nn.DataParallel(HandSetNetwork())
    ours = GuidedFeatureInversion(parallel, name).attribute(PICTURE, 1, **SHORT)
    torch.testing.assert_close(ours, plain)


def test_details_print_as_one_line():
    inversion = GuidedFeatureInversion(HandSetNetwork(), "colours")
    text = repr(inversion.attribute_with_details(PICTURE, 1, **SHORT))
    assert text.startswith("InversionDetails(1 pictures; input_output [")
    assert text.endswith("0 neutral, 0 collapsed, 0 interrupted)")
    assert "\n" not in text


def test_a_neutral_mask_names_its_cause():
    silent = NeuronGuidedFeatureInversion(HandSetNetwork(), "colours", "colours")
    with pytest.warns(ic.InvertCaptumWarning, match=r"rows 0 \(of 1\).*: the neuron is silent"):
        silent.attribute(PICTURE, lambda maps: 0 * maps.sum((1, 2, 3)), **SHORT)
    grey = torch.full_like(PICTURE, 0.5)
    with pytest.warns(ic.InvertCaptumWarning, match="the background is the picture"):
        GuidedFeatureInversion(HandSetNetwork(), "colours").attribute(grey, 1, **SHORT)


def test_a_single_picture_needs_an_axis():
    with pytest.raises(ValueError, match=r"inputs\[None\]"):
        GuidedFeatureInversion(HandSetNetwork(), "colours").attribute(PICTURE[0], 1)


def test_the_method_for_classes_is_not_one_for_neurons():
    labeler = ic.NeuronConceptLabeler(HandSetNetwork(), "colours")
    with pytest.raises(TypeError, match="expected NeuronGuidedFeatureInversion"):
        labeler.attribute(PICTURE, 0, GuidedFeatureInversion, inversion_layer="colours")

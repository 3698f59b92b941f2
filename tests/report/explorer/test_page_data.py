from __future__ import annotations

import pytest
import torch
from torch import nn

import invert_captum as ic
from invert_captum.report.explorer.model_inputs import ModelInputs
from invert_captum.report.explorer.page_data import ModelView, gather
from invert_captum.report.explorer.page_options import PageOptions
from invert_captum.report.explorer.shown_samples import ShownSamples
from invert_captum.report.explorer.sources import Sources


@pytest.fixture
def made(activations, concepts):
    """A linear layer's activations with their labels, and the model."""
    inputs = torch.as_tensor(activations, dtype=torch.float32)
    model = nn.Sequential(nn.Linear(6, 3))
    labeler = ic.NeuronConceptLabeler(model, "0")
    result = labeler.interpret(inputs, concepts, max_length=1)
    sources = Sources.of(result, labeler.extract(inputs), concepts, None, None)
    view = ModelView(labeler, ModelInputs.of(inputs, None, 600), None, {}, None)
    return result, sources, view


def page(made, item, **options):
    result, sources, view = made
    shown = None if item is None else ShownSamples(lambda _: item)
    return gather(result, sources, shown, view, PageOptions(**options), title="t", credit=None)


def test_maps_are_of_the_top_neurons_and_the_page_says_how_they_are_made(made):
    data = page(made, [0.0] * 6, top=2)
    assert data.heat_maps.pop("method") == "NeuronIntegratedGradients"
    assert len(data.heat_maps) == len(data.report["neurons"]["classes"]) == 2
    told = "2 neurons are made by Captum: NeuronIntegratedGradients"
    assert any(told in one for one in data.report["notes"])


def test_maps_that_do_not_fit_what_is_shown_are_explained(made):
    data = page(made, torch.zeros(1, 4, 4))
    assert data.heat_maps == {}
    told = "NeuronIntegratedGradients gives nothing in the shape"
    assert any(told in one for one in data.report["notes"])
    assert data.report["neurons"]["classes"]


def test_without_anything_to_see_there_are_still_effects_on_classes(made):
    data = page(made, None)
    assert data.heat_maps == data.samples == {}
    assert data.report["neurons"]["classes"]


@pytest.mark.parametrize("sign", ["positive", "negative"])
def test_maps_of_labels_about_low_activation_are_explained(made, concepts, sign):
    _, sources, view = made
    inputs = view.inputs.source
    result = view.labeler.interpret(inputs, concepts, max_length=1, sign=sign)
    data = page((result, sources, view), [0.0] * 6)
    told = [one for one in data.report["notes"] if "not what lowers it" in one]
    assert len(told) == (sign == "negative")

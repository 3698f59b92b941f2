from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import invert_captum as ic
from invert_captum.report.explorer.class_effects import class_effects
from invert_captum.report.explorer.labeled_layers import LabeledLayers
from invert_captum.report.explorer.model_inputs import ModelInputs
from invert_captum.report.explorer.top_neurons import TopNeuron
from invert_captum.result import Explanation

ROWS = torch.tensor([[1.0, 2.0, 0.0], [3.0, -1.0, 1.0], [5.0, 0.0, 2.0]])
HEAD = torch.tensor(
    [[2.0, 0, 0], [-1, 0, 0], [0, 7, 0], [1, 0, 0], [3, 0, 0], [4, 0, 0], [-2, 0, 1]]
)


def linear():
    model = nn.Sequential(nn.Identity(), nn.Linear(3, 7, bias=False))
    with torch.no_grad():
        model[1].weight.copy_(HEAD)
    return model


def effects(model, samples, inputs=ROWS, column=0, extraction=None, further=None, **arguments):
    explanation = Explanation("0", column, 0, ic.Formula.concept("dog"), auc=0.9)
    settings = {} if extraction is None else {"extraction": extraction}
    result = ic.LabelingResult((explanation,), settings)
    layers = LabeledLayers(ic.NeuronConceptLabeler(model, "0"), result)
    n_samples = len(inputs[0]) if isinstance(inputs, tuple) else len(inputs)
    taken = ModelInputs.of(inputs, further, n_samples)
    one = TopNeuron(3, explanation, samples)
    return class_effects(model, layers, result, [one], taken, **arguments)


@pytest.mark.parametrize("batch_size", [1, 32])
def test_effects_of_a_linear_head_are_weight_times_mean_activation(batch_size):
    found = effects(linear(), [2, 0], batch_size=batch_size)
    # Neuron 0 is 3 on average over the samples 2 and 0: class k falls by 3 times its weight.
    assert found.by_row == {
        "3": [
            ["class 5", -12.0],
            ["class 4", -9.0],
            ["class 0", -6.0],
            ["class 3", -3.0],
            ["class 6", 6.0],
            ["class 1", 3.0],
        ]
    }
    assert "set to zero" in found.note


def test_classes_that_do_not_change_are_left_out_and_names_are_used():
    names = [f"</script>{index}" for index in range(7)]
    assert effects(linear(), [0], column=1, class_names=names).by_row == {
        "3": [["</script>2", -14.0]]
    }


def test_another_number_of_names_is_refused():
    with pytest.raises(ValueError, match="class_names has 2 names, but the model gives 7 scores"):
        effects(linear(), [0], class_names=["a", "b"])


class Gated(nn.Module):
    def __init__(self):
        super().__init__()
        self.add_module("0", nn.Identity())

    def forward(self, rows, gates, scale):
        return getattr(self, "0")(rows) * gates * scale


def test_models_of_several_inputs_work():
    gates = torch.tensor([[1.0, 1, 1], [2, 2, 2], [3, 3, 3]])
    found = effects(Gated(), [1], inputs=(ROWS, gates), further=torch.tensor([[5.0], [6], [7]]))
    assert found.by_row == {"3": [["class 0", -36.0]]}


@pytest.mark.parametrize(
    "head", [nn.Linear(3, 1), nn.Flatten(0), nn.Unflatten(1, (3, 1)), nn.LSTM(3, 2)]
)
def test_other_outputs_have_no_classes(head):
    found = effects(nn.Sequential(nn.Identity(), head), [0, 1])
    assert found.by_row == {}
    assert "No effects on classes" in found.note


def test_a_reduction_by_a_function_is_not_guessed():
    extraction = {"reduce": "<lambda>", "neuron_dim": None}
    found = effects(linear(), [0], extraction=extraction)
    assert found.by_row == {}
    assert "made by a function" in found.note


def test_the_model_is_as_before():
    model = linear().train()
    effects(model, [0, 1, 2])
    assert model.training
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    assert np.allclose(model(ROWS).detach(), ROWS @ HEAD.T)

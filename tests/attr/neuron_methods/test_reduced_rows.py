"""Neurons of layers that give more than tensors, against autograd by hand."""

from __future__ import annotations

import pytest
import torch
from captum import attr
from torch import nn

from invert_captum.attr.layer_shape import ReducedLayer
from invert_captum.attr.neuron_methods.neuron_attribution import attribute_neuron
from invert_captum.attr.neuron_methods.reduced_rows import rows_of

TOKENS = torch.rand(2, 5, 4, generator=torch.Generator().manual_seed(0))


class Attention(nn.Module):
    """Attention gives its values and None."""

    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.head = nn.Linear(4, 3)

    def forward(self, tokens):
        values, _ = self.attention(query=tokens, key=tokens, value=tokens, need_weights=False)
        return self.head(values.mean(1))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Attention().eval()


def by_hand(model):
    tokens = TOKENS.clone().requires_grad_()
    values, _ = model.attention(tokens, tokens, tokens, need_weights=False)
    (gradient,) = torch.autograd.grad(values[:, :, 2].mean(1).sum(), tokens)
    return gradient


def test_the_gradient_is_that_of_the_reduced_activation(model):
    ours = attribute_neuron(model, model.attention, TOKENS, 2, attr.NeuronGradient)
    torch.testing.assert_close(ours, by_hand(model))
    callables = {"reduce": lambda output: output[0].mean(1)}
    same = attribute_neuron(model, model.attention, TOKENS, 2, attr.NeuronGradient, **callables)
    torch.testing.assert_close(same, ours)
    assert not model.attention._forward_hooks


def test_several_passes_are_complete(model):
    ours = attribute_neuron(
        model, model.attention, TOKENS, 2, n_steps=64, internal_batch_size=4, baselines=0.5
    )
    with torch.no_grad():
        ends = [
            model.attention(x, x, x, need_weights=False)[0][:, :, 2].mean(1)
            for x in (TOKENS, torch.full_like(TOKENS, 0.5))
        ]
    torch.testing.assert_close(ours.flatten(1).sum(1), ends[0] - ends[1], rtol=1e-3, atol=1e-5)


def test_recurrent_layers_and_their_inputs():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 4), nn.LSTM(4, 3, batch_first=True)).eval()
    for reduce in (lambda output: output[0][:, -1], lambda output: output[1][0][-1]):
        ours = attribute_neuron(model, model[1], TOKENS, 1, attr.NeuronGradient, reduce=reduce)
        tokens = TOKENS.clone().requires_grad_()
        (expected,) = torch.autograd.grad(model(tokens)[0][:, -1, 1].sum(), tokens)
        torch.testing.assert_close(ours, expected)


@pytest.mark.parametrize("method", [attr.NeuronConductance, attr.LayerConductance])
def test_what_needs_the_way_behind_the_layer_is_refused(model, method):
    with pytest.raises(ValueError, match=r"gives tuple, which .*Conductance cannot take"):
        attribute_neuron(model, model.attention, TOKENS, 2, method, target=0, name="attention")


def test_the_hook_goes_also_after_an_error():
    model = nn.Sequential(nn.Linear(4, 3))
    for at_input in (False, True):
        with pytest.raises(KeyError), rows_of(ReducedLayer(model, model[0], at_input=at_input)):
            raise KeyError
    assert not model[0]._forward_hooks
    assert not model[0]._forward_pre_hooks

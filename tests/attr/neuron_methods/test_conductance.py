"""The conductance of a channel against its definition and against Captum, position by position."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from captum import attr
from torch import nn

from invert_captum.attr.layer_shape import ReducedLayer
from invert_captum.attr.neuron_methods.conductance import channel_conductance
from invert_captum.attr.neuron_methods.neuron_attribution import attribute_neuron


@pytest.fixture(params=[nn.ReLU, nn.ReLU6])
def model(request):
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 3, 3),
        request.param(),
        nn.Conv2d(3, 4, 2),
        request.param(),
        nn.Flatten(),
        nn.Linear(36, 5),
    )
    with torch.no_grad():
        net[0].weight.mul_(20)
    return net.eval()


X = torch.rand(2, 1, 6, 6, generator=torch.Generator().manual_seed(1))
BASELINES = torch.rand(2, 1, 6, 6, generator=torch.Generator().manual_seed(2))


def captum_sum(model, layer, inputs, neuron, shape, **options):
    """Captum's own conductance, summed over positions given as index tuples."""
    total = 0
    for place in itertools.product(*map(range, shape)):
        one = attr.NeuronConductance(model, layer).attribute(
            inputs, (neuron, *place), method="gausslegendre", **options
        )
        total = total + one
    return total


@pytest.mark.parametrize(
    "baselines", [None, 0.3, BASELINES, BASELINES[:1]], ids=["none", "number", "each", "one"]
)
def test_it_is_the_sum_of_captums_over_positions(model, baselines):
    options = {"baselines": baselines, "target": 3, "n_steps": 13}
    ours = attribute_neuron(model, model[2], X, 1, attr.NeuronConductance, **options)
    torch.testing.assert_close(
        ours, captum_sum(model, model[2], X, 1, (3, 3), **options), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize(
    "target", [2, torch.tensor(2), torch.tensor([1, 4]), [1, 4], (2,), [(1,), (4,)]]
)
@pytest.mark.parametrize("internal_batch_size", [None, 1, 7])
def test_targets_in_all_of_captums_forms(model, target, internal_batch_size):
    options = {"target": target, "n_steps": 5, "internal_batch_size": internal_batch_size}
    ours = attribute_neuron(model, model[2], X, 1, attr.NeuronConductance, **options)
    options.pop("internal_batch_size")
    torch.testing.assert_close(
        ours, captum_sum(model, model[2], X, 1, (3, 3), **options), rtol=1e-5, atol=1e-5
    )


def test_targets_of_outputs_with_positions(model):
    maps = model[:3]
    options = {"target": (2, 1, 0), "n_steps": 5}
    ours = attribute_neuron(maps, maps[0], X, 1, attr.NeuronConductance, **options)
    torch.testing.assert_close(
        ours, captum_sum(maps, maps[0], X, 1, (4, 4), **options), rtol=1e-5, atol=1e-5
    )


def test_it_is_the_definition_at_the_nodes_of_gauss_and_legendre(model):
    nodes, weights = np.polynomial.legendre.leggauss(4)
    x, start, expected = X[:1], BASELINES[:1], 0
    for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        point = (start + node * (x - start)).float()
        inner = torch.autograd.functional.jacobian(lambda z: model[:3](z)[0, 1], point)
        hidden = model[:3](point).detach()
        outer = torch.autograd.functional.jacobian(lambda h: model[3:](h)[0, 2], hidden)[0, 1]
        expected += weight * torch.tensordot(outer, inner, dims=2) * (x - start)
    ours = attribute_neuron(
        model, model[2], x, 1, attr.NeuronConductance, target=2, baselines=start, n_steps=4
    )
    torch.testing.assert_close(ours, expected.float(), rtol=1e-4, atol=1e-5)


def test_of_linear_models_it_is_the_closed_form():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.Flatten(), nn.Linear(48, 2)).eval()
    head = net[2].weight[1].reshape(3, 4, 4)[2]
    slope = nn.functional.conv_transpose2d(head[None, None], net[0].weight[2:3])
    ours = attribute_neuron(net, net[0], X, 2, attr.NeuronConductance, target=1, n_steps=1)
    torch.testing.assert_close(ours, (slope * X).detach())


def test_all_channels_together_are_the_change_of_the_prediction(model):
    options = {"target": 3, "baselines": BASELINES, "n_steps": 400}
    parts = [
        attribute_neuron(model, model[2], X, neuron, attr.NeuronConductance, **options)
        for neuron in range(4)
    ]
    change = (model(X) - model(BASELINES))[:, 3].detach()
    torch.testing.assert_close(sum(parts).flatten(1).sum(1), change, rtol=0.02, atol=0.01)


def test_what_the_layer_gets(model):
    options = {"target": 3, "n_steps": 6}
    ours = attribute_neuron(
        model, model[3], X, 1, attr.NeuronConductance, attribute_to_neuron_input=True, **options
    )
    before = attribute_neuron(model, model[2], X, 1, attr.NeuronConductance, **options)
    torch.testing.assert_close(ours, before)


def test_without_multiplying_by_the_inputs(model):
    options = {"target": 3, "n_steps": 6, "baselines": BASELINES}
    local = attribute_neuron(
        model, model[2], X, 1, attr.NeuronConductance, multiply_by_inputs=False, **options
    )
    whole = attribute_neuron(model, model[2], X, 1, attr.NeuronConductance, **options)
    torch.testing.assert_close(local * (X - BASELINES), whole)


class TokenPair(nn.Module):
    """Two inputs and a further argument; neurons on the last axis of tokens."""

    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(3, 4)
        self.head = nn.Linear(4, 2)

    def forward(self, one, other, scale):
        return self.head(self.hidden(one * other * scale[:, None, None]).tanh().sum(1))


def test_several_inputs_and_further_arguments_of_tokens():
    torch.manual_seed(0)
    pair, one, other = TokenPair().eval(), torch.rand(2, 5, 3), torch.rand(2, 5, 3)
    options = {
        "baselines": (0.5, torch.rand(2, 5, 3)),
        "target": [0, 1],
        "n_steps": 5,
        "additional_forward_args": torch.tensor([1.0, 3.0]),
    }
    ours = attribute_neuron(pair, pair.hidden, (one, other), 2, attr.NeuronConductance, **options)
    captum = [
        attr.NeuronConductance(pair, pair.hidden).attribute(
            (one, other), (token, 2), method="gausslegendre", **options
        )
        for token in range(5)
    ]
    for mine, theirs in zip(ours, zip(*captum, strict=True), strict=True):
        torch.testing.assert_close(mine, sum(theirs), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"baselines": (0, 0)}, ValueError, "baselines has 2 items, inputs has 1"),
        ({"baselines": X[..., :3]}, ValueError, r"baselines has shape \(2, 1, 6, 3\) for inputs"),
        ({"baselines": "black"}, TypeError, "baselines holds 'black'; expected numbers, tensors"),
        ({"n_steps": 0}, ValueError, "n_steps is 0; expected an integer of at least 1"),
        ({"internal_batch_size": 0.5}, TypeError, "internal_batch_size is 0.5"),
    ],
)
def test_refusals(model, options, error, message):
    with pytest.raises(error, match=message):
        channel_conductance(ReducedLayer(model, model[2]), X, 1, target=0, **options)

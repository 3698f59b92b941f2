"""Guided Feature Inversion of a labelled neuron: the same reduction, layers and containers."""

from __future__ import annotations

import copy
import re

import pytest
import torch
from captum.attr import LayerActivation, NeuronGradient
from torch import nn

import invert_captum as ic
from invert_captum.attr import NeuronGuidedFeatureInversion, attribute_neuron

METHOD = NeuronGuidedFeatureInversion
PICTURES = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1)).double()
STEPS = {"n_inversion_steps": 2, "n_target_steps": 4, "gamma": 0.1, "delta": 0.1}


class Network(nn.Module):
    """Eight channels of 8 x 8 in three orders of axes, their means, and an LSTM over positions."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 4, 4)
        self.relu = nn.ReLU()
        self.channels_last, self.tokens = nn.Identity(), nn.Identity()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.recurrent = nn.LSTM(8, 5, batch_first=True)
        self.named = Named()
        self.head = nn.Linear(13, 3)

    def forward(self, pictures):
        maps = self.relu(self.conv(pictures))
        maps = self.channels_last(maps.movedim(1, -1)).movedim(-1, 1)
        tokens = self.tokens(maps.flatten(2).mT)
        states, _ = self.recurrent(tokens)
        means = self.pool(maps).flatten(1)
        return self.head(torch.cat([self.named(states).last, means], 1))


class Answer(dict):
    """A mapping whose items are attributes, as language models give it."""

    @property
    def last(self):
        return self["states"][:, -1]


class Named(nn.Module):
    def forward(self, states):
        return Answer(states=states, lengths=None)


@pytest.fixture
def network():
    torch.manual_seed(0)
    return Network().double()


def attributed(network, layer, neuron=2, **options):
    options = {"inversion_layer": "relu", **STEPS, **options}
    module = network.get_submodule(layer)
    return attribute_neuron(network, module, PICTURES, neuron, METHOD, name=layer, **options)


def direct(network, layer, selector, *, inversion_layer="relu", mask_layer=None, **options):
    inversion = METHOD(network, layer, inversion_layer, mask_layer)
    return inversion.attribute(PICTURES, selector, **STEPS, **options)


@pytest.mark.parametrize(
    ("reduce", "by_hand"),
    [
        ("mean", lambda maps: maps[:, 2].mean((1, 2))),
        ("max", lambda maps: maps[:, 2].amax((1, 2))),
        ("min", lambda maps: maps[:, 2].amin((1, 2))),
        ("l2", lambda maps: maps[:, 2].square().sum((1, 2)).sqrt()),
        ("center", lambda maps: maps[:, 2, 4, 4]),
        ("first", lambda maps: maps[:, 2, 0, 0]),
        ("last", lambda maps: maps[:, 2, -1, -1]),
        (lambda maps: maps.amax((2, 3)) - maps.mean((2, 3)), None),
    ],
)
def test_neuron_is_the_reduced_one(network, reduce, by_hand):
    selector = by_hand or (lambda maps: reduce(maps)[:, 2])
    ours = attributed(network, "conv", reduce=reduce)
    torch.testing.assert_close(ours, direct(network, "conv", selector))
    assert ours.shape == PICTURES.shape
    assert ours.std() > 0.05
    assert not ours.requires_grad


def test_pooled_neuron_with_the_mask_from_what_the_pooling_gets(network):
    ours = attributed(network, "pool", mask_layer="pool", attribute_to_layer_input=True)
    expected = direct(network, "pool", lambda pooled: pooled[:, 2, 0, 0], mask_layer="relu")
    torch.testing.assert_close(ours, expected)


def test_places_of_the_neuron_and_of_the_mask_are_two_arguments(network):
    """What ``relu`` gets is below zero in part, so that all four are different."""
    found = {}
    for at_neuron in (False, True):
        for at_mask in (False, True):
            places = {"attribute_to_neuron_input": at_neuron, "attribute_to_layer_input": at_mask}
            ours = attributed(network, "relu", mask_layer="relu", **places)
            expected = direct(
                network, "conv" if at_neuron else "relu", 2, mask_layer="conv" if at_mask else None
            )
            torch.testing.assert_close(ours, expected)
            found[at_neuron, at_mask] = ours
    different = list(found.values())
    for place, one in enumerate(different):
        assert not any(torch.allclose(one, other) for other in different[:place])


@pytest.mark.parametrize(
    ("layer", "neuron_dim"), [("channels_last", 3), ("channels_last", -1), ("tokens", None)]
)
def test_layouts(network, layer, neuron_dim):
    """Eight channels of 8 x 8: nothing but the arguments tells which axis is which."""
    expected = attributed(network, "relu")
    options = {"neuron_dim": neuron_dim, "channel_dim": neuron_dim}
    as_layer = attributed(network, layer, inversion_layer=layer, **options)
    torch.testing.assert_close(as_layer, expected)
    as_mask = attributed(network, layer, mask_layer=layer, **options)
    torch.testing.assert_close(as_mask, expected)


def test_axis_of_the_neurons_is_not_taken_for_that_of_the_mask_layer(network):
    ours = attributed(network, "tokens", neuron_dim=2, mask_layer="relu")
    torch.testing.assert_close(ours, attributed(network, "relu"))


def test_layers_that_give_more_than_a_tensor(network):
    expected = direct(network, "recurrent", lambda given: given[0][:, -1, 2])
    ours = attributed(network, "recurrent", reduce=lambda given: given[0][:, -1])
    torch.testing.assert_close(ours, expected)
    torch.testing.assert_close(attributed(network, "recurrent", reduce=last_state), expected)
    by_attribute = attributed(network, "named", reduce=lambda answer: answer.last)
    torch.testing.assert_close(by_attribute, expected)
    inside = attributed(network, "named", reduce="last", neuron_dim=2)
    torch.testing.assert_close(inside, expected)
    at_input = attributed(network, "named", reduce="last", attribute_to_neuron_input=True)
    torch.testing.assert_close(at_input, expected)


def last_state(given):
    return given[1][0][-1]


@pytest.mark.parametrize("fail", [False, True])
def test_network_and_pictures_are_as_before_also_after_an_error(network, fail):
    network.train()
    network.conv.bias.requires_grad_(False)
    pictures, calls = PICTURES.clone(), []
    before = copy.deepcopy(network)
    names = [set(vars(module)) for module in network.modules()]

    def reduce(given):
        calls.append(given)
        if fail and len(calls) > 4:
            raise RuntimeError("broken")
        return given[0].mean(1)

    options = {"inversion_layer": "relu", "reduce": reduce, **STEPS}
    if fail:
        with pytest.raises(RuntimeError, match="broken"):
            attribute_neuron(network, network.recurrent, pictures, 2, METHOD, **options)
    else:
        attribute_neuron(network, network.recurrent, pictures, 2, METHOD, **options)
    pairs = list(zip(network.modules(), before.modules(), strict=True))
    assert all(one.training == other.training for one, other in pairs)
    assert not any(one._forward_hooks or one._forward_pre_hooks for one, _ in pairs)
    assert [set(vars(module)) for module in network.modules()] == names
    for one, other in zip(network.parameters(), before.parameters(), strict=True):
        assert one.grad is None
        assert one.requires_grad == other.requires_grad
        assert torch.equal(one, other)
    assert torch.equal(pictures, PICTURES)
    assert not pictures.requires_grad


def test_gradients_that_the_caller_switched_off_change_nothing(network):
    expected = attributed(network, "pool")
    for switched_off in (torch.no_grad, torch.inference_mode):
        with switched_off():
            ours = attribute_neuron(
                network, network.pool, PICTURES.clone(), 2, METHOD, inversion_layer="relu", **STEPS
            )
        torch.testing.assert_close(ours, expected)


def test_silent_neurons_have_a_neutral_mask_and_are_named(network):
    with torch.no_grad():
        network.conv.bias[2] = -1e3
    said = "pictures .*0, 1.*2.* have nothing to decide between"
    for reduce in ("mean", "max", "l2"):
        with pytest.warns(ic.InvertCaptumWarning, match=said):
            mask = attributed(network, "relu", reduce=reduce)
        assert (mask == 0.5).all()


def test_labeler_of_several_layers_attributes_as_it_extracted(network):
    labeler = ic.NeuronConceptLabeler(network, ["relu", "recurrent", network.pool])
    options = {"inversion_layer": network.relu, **STEPS}
    for layer in ("relu", "pool"):
        ours = labeler.attribute(PICTURES, (layer, 2), METHOD, **options)
        torch.testing.assert_close(ours, attributed(network, layer))
    (in_tuple,) = labeler.attribute(
        (PICTURES,), ("recurrent", 2), METHOD, reduce=last_state, **options
    )
    torch.testing.assert_close(in_tuple, attributed(network, "recurrent", reduce=last_state))

    at_input = ic.NeuronConceptLabeler(network, "relu")
    at_input.extract(PICTURES, reduce="max", attribute_to_layer_input=True)
    for at_mask in (False, True):
        ours = at_input.attribute(
            PICTURES, 2, METHOD, **options, mask_layer="relu", attribute_to_layer_input=at_mask
        )
        expected = direct(
            network,
            "conv",
            lambda maps: maps[:, 2].amax((1, 2)),
            mask_layer="conv" if at_mask else None,
        )
        torch.testing.assert_close(ours, expected)


def test_one_name_for_the_place_still_does_for_the_methods_of_captum(network):
    options = {"attribute_to_layer_input": True}
    for method in (NeuronGradient, LayerActivation):
        ours = attribute_neuron(network, network.relu, PICTURES, 2, method, **options)
        expected = attribute_neuron(network, network.conv, PICTURES, 2, method)
        torch.testing.assert_close(ours, expected)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"inversion_layer": None}, TypeError, "inversion_layer is of type NoneType"),
        ({"inversion_layer": "rely"}, ValueError, "'rely', which Network does not have; nearest"),
        ({"mask_layer": "poll"}, ValueError, "'poll', which Network does not have; nearest names"),
        ({"mask_layer": "poll", "neuron_dim": 1}, ValueError, "'poll', which Network does not"),
        ({"mask_layer": "pool"}, ValueError, "without positions to make a mask of"),
        ({"n_step": 3}, TypeError, "unexpected argument 'n_step'; nearest names: 'n_target_steps'"),
        ({"target": 3}, TypeError, "unexpected argument 'target'"),
        ({"neuron": 8}, ValueError, "neuron_selector is 8, but layer 'relu' has 8 neurons"),
    ],
)
def test_refusals(network, options, error, message):
    with pytest.raises(error, match=re.escape(message)):
        attributed(network, "relu", **options)


def test_inversion_layer_is_asked_for(network):
    labeler = ic.NeuronConceptLabeler(network, "relu")
    with pytest.raises(TypeError, match="Inversion, which needs inversion_layer; expected it"):
        labeler.attribute(PICTURES, 2, METHOD, mask_layer="relu")
    with pytest.raises(TypeError, match="unexpected argument 'inversion_layer'"):
        labeler.attribute(PICTURES, 2, NeuronGradient, inversion_layer="relu")


def test_models_of_something_else_than_one_picture_are_refused(network):
    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.network = network

        def forward(self, one, other):
            return self.network(one + other)

    labeler = ic.NeuronConceptLabeler(Pair(), "network.relu")
    with pytest.raises(ValueError, match="inputs has 2 tensors; expected one of pictures"):
        labeler.attribute((PICTURES, PICTURES), 2, METHOD, inversion_layer="network.relu")
    linear = ic.NeuronConceptLabeler(nn.Sequential(nn.Linear(4, 3)), "0")
    with pytest.raises(ValueError, match=r"inputs has shape \(2, 4\); expected \(n, channels"):
        linear.attribute(torch.rand(2, 4), 1, METHOD, inversion_layer="0")

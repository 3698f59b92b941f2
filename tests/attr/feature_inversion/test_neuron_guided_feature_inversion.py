"""The same with a neuron's activation in the place of a probability."""

from __future__ import annotations

import re

import pytest
import torch
from captum.attr import NeuronAttribution
from hand_set_network import HandSetNetwork, equations, noise, squares
from reference_inversion import Equations, invert
from torch import nn

from invert_captum import InvertCaptumWarning
from invert_captum.attr.feature_inversion.guided_feature_inversion import GuidedFeatureInversion
from invert_captum.attr.feature_inversion.neuron_guided_feature_inversion import (
    NeuronGuidedFeatureInversion,
)

# One channel alone makes the same mask whatever its weight, and the penalty takes it in the end.
pytestmark = pytest.mark.filterwarnings("ignore:.*kept their last weights")

NETWORK = HandSetNetwork().double()
PICTURES = noise(2, seed=5).double()
STEPS = {"n_inversion_steps": 4, "n_target_steps": 12}


def inversion(layer="colours", network=NETWORK, **options):
    return NeuronGuidedFeatureInversion(network, layer, "colours", **options)


def test_mask_lands_on_the_square_of_the_neuron():
    assert isinstance(inversion(), NeuronAttribution)
    picture = squares(blue=(18, 21))[None].double()
    red, blue = (inversion().attribute(picture, neuron) for neuron in (0, 1))
    assert on_red(red) > 0.5
    assert on_blue(blue) > 0.5
    assert max(on_blue(red), on_red(blue)) < 0.1


def on_red(mask):
    return mask[..., 4:12, 4:12].mean()


def on_blue(mask):
    return mask[..., 18:26, 21:29].mean()


@pytest.mark.parametrize("neuron", [0, 1])
@pytest.mark.parametrize("steps", [(1, 1), (4, 12)])
def test_losses_are_those_of_the_relative_activation(neuron, steps):
    details = inversion().attribute_with_details(
        PICTURES, neuron, n_inversion_steps=steps[0], n_target_steps=steps[1]
    )
    for row, picture in enumerate(PICTURES):
        plain = equations(NETWORK, picture)
        whole = plain.maps[neuron].mean()

        def score(one, plain=plain, whole=whole):
            return plain.representation(one)[neuron].mean() / whole

        expected = invert(Equations(**{**vars(plain), "score": score}), *steps)
        close(details.inversion_loss[row], expected.inversion_loss)
        close(details.target_loss[row], expected.target_loss)
        close(details.mask[row, 0], expected.mask)
        # The details have the activations as they are.
        weights = details.channel_weights[row]
        close(details.input_output[row], whole)
        close(details.masked_output[row], whole * score(plain.kept(weights)))
        close(details.background_output[row], whole * score(plain.removed(weights)))


def test_forms_of_the_selector():
    by_mean = inversion().attribute(PICTURES, 1, **STEPS)
    by_function = inversion().attribute(PICTURES, lambda maps: maps[:, 1].mean((1, 2)), **STEPS)
    torch.testing.assert_close(by_mean, by_function)
    row, column = divmod(NETWORK.cells(PICTURES[:1])[0, 1].argmax().item(), 8)
    one_place = inversion().attribute(PICTURES[:1], (1, row, column), **STEPS)
    picked = inversion().attribute(PICTURES[:1], lambda maps: maps[:, 1, row, column], **STEPS)
    assert torch.equal(one_place, picked)


def test_output_neuron_is_the_logit_divided_by_itself():
    logits = NETWORK(PICTURES)[:, 0].detach()
    for row in range(2):
        one = PICTURES[row : row + 1]
        neuron = inversion("classes").attribute_with_details(one, 0, delta=0.0, **STEPS)
        scaled = _Scaled(1 / logits[row])
        same = GuidedFeatureInversion(scaled, "network.colours").attribute_with_details(
            one, 0, output="logit", delta=0.0, **STEPS
        )
        close(neuron.mask, same.mask)
        close(neuron.target_loss, same.target_loss)


class _Scaled(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.network = NETWORK
        self.factor = factor

    def forward(self, pictures):
        return self.network(pictures) * self.factor


def test_input_of_the_neurons_layer():
    before = inversion("relu").attribute(PICTURES, 1, **STEPS)
    taken = inversion("colours").attribute(PICTURES, 1, attribute_to_neuron_input=True, **STEPS)
    assert torch.equal(before, taken)


@pytest.mark.parametrize("layout", ["channels_last", "tokens"])
def test_layouts_of_the_layer(layout):
    network = HandSetNetwork(layout).double()
    plain = inversion().attribute_with_details(PICTURES, 1, **STEPS)
    other = inversion(network=network).attribute_with_details(PICTURES, 1, **STEPS)
    close(other.mask, plain.mask)


@pytest.mark.filterwarnings("ignore::invert_captum.InvertCaptumWarning")
def test_pooled_neurons_of_pictures_that_are_high():
    """Two neurons at one position are no column of two positions in a picture twice as high."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 2, 4, 4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    pictures = torch.rand(2, 3, 64, 32)
    layer = NeuronGuidedFeatureInversion(model, "2", "1")
    for neuron in (0, 1):
        details = layer.attribute_with_details(pictures, neuron, **STEPS)
        torch.testing.assert_close(details.input_output, model(pictures)[:, neuron].detach())


def test_silent_neurons_are_neutral():
    pictures = PICTURES.clone()
    pictures[0, 2] = 0.0
    with pytest.warns(
        InvertCaptumWarning, match=r"pictures in rows 0 \(of 2\) have nothing to decide between"
    ):
        details = inversion().attribute_with_details(pictures, 1, **STEPS)
    assert details.neutral.tolist() == [True, False]
    assert (details.mask[0] == 0.5).all()
    assert (details.input_output == 0).tolist() == [True, False]
    alone = inversion().attribute_with_details(pictures[1:], 1, **STEPS)
    close(details.mask[1:], alone.mask)


def test_neurons_below_zero_are_explained_by_what_keeps_them_there():
    """Blue lowers the logit of red, so that it is what a negative logit of red rests on."""
    picture = squares(blue=(18, 21))[None].double()
    picture[:, :, 4:12, 4:12] *= 0.8
    assert NETWORK(picture)[0, 0] < 0
    mask = inversion("classes").attribute(picture, 0, background=torch.tensor(0.4), delta=0.1)
    assert on_blue(mask) > 0.5
    assert on_red(mask) < 0.1


@pytest.mark.parametrize(
    ("selector", "error", "message"),
    [
        (2, ValueError, "neuron_selector is 2, but layer 'colours' has 2 neurons; expected 0 to 1"),
        (-1, ValueError, "neuron_selector is -1, but layer 'colours' has 2 neurons"),
        ((0, 1), ValueError, "neuron_selector has 2 indices, but layer 'colours' has shape (2, 2"),
        ((0, 8, 0), ValueError, "neuron_selector is (0, 8, 0), but layer 'colours' has shape (2"),
        ((0, 8, 0), ValueError, "for axis 2 expected 0 to 7"),
        ((0, 0, -1), ValueError, "for axis 3 expected 0 to 7"),
        (True, TypeError, "neuron_selector is True"),
        ("red", TypeError, "neuron_selector is 'red'"),
        (1.0, TypeError, "neuron_selector is 1.0"),
        (None, TypeError, "neuron_selector is None"),
        (lambda maps: maps, ValueError, "neuron_selector returned (2, 2, 8, 8); expected a tensor"),
        (lambda maps: maps[:1, 0, 0, 0], ValueError, "(1,) for 2 pictures; expected one row per"),
        (lambda _: 3, ValueError, "neuron_selector returned int; expected a tensor of shape (n"),
    ],
)
def test_neurons_that_there_are_not(selector, error, message):
    with pytest.raises(error, match=re.escape(message)):
        inversion().attribute(PICTURES, selector, **STEPS)


def test_layer_that_there_is_not():
    with pytest.raises(ValueError, match="nearest names: 'colours'"):
        inversion("color")
    with pytest.raises(TypeError, match=r"^layer is of type int; expected a torch\.nn\.Module"):
        inversion(3)


def close(actual, expected):
    torch.testing.assert_close(actual, expected.detach(), atol=1e-8, rtol=1e-8)

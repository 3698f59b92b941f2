"""Losses, weights and masks against the equations of the paper, one picture at a time."""

from __future__ import annotations

import pytest
import torch
from hand_set_network import HandSetNetwork, equations, noise
from reference_inversion import invert

from invert_captum.attr.feature_inversion.guided_feature_inversion import GuidedFeatureInversion

NETWORK = HandSetNetwork(gain=3.0).double()
PICTURES = noise(2, seed=5).double()
GRID = (8, 8)
VARIANTS = [
    {},
    {"inversion_loss": "relative"},
    {"inversion_loss": "relative", "gamma": 0.1, "delta": 0.2},
    {"gamma": 2.0, "delta": 0.05, "background_weight": 0.3},
    {"gamma": 0.0, "delta": 0.0, "background_weight": 0.0},
    {"learning_rate": 0.003},
    {"gamma": 1e4, "delta": 50.0},
    {"background": "mean"},
    {"background": "noise"},
    {"background": torch.rand(3, 1, 1, generator=torch.Generator().manual_seed(0))},
    {"background": lambda pictures: pictures.flip(3)},
    {"mask": "free", "gamma": 10.0, "delta": 1.0},
    {"mask": "free", "gamma": 0.3, "delta": 0.2, "inversion_loss": "relative"},
]


def stated(picture, target, variant):
    """The equations for the arguments of `attribute`."""
    options = dict(variant)
    relative = options.pop("inversion_loss", "absolute") == "relative"
    own = 5.0 if relative else 10.0  # 10/K of two channels
    options["gamma"] = options.get("gamma", own)
    options["delta"] = options.get("delta", own if relative else 1.0)
    options["free"] = options.pop("mask", "channels") == "free"
    options.pop("learning_rate", None)
    background = background_by_hand(picture, options.pop("background", "blur"))
    return equations(NETWORK, picture, target, relative=relative, background=background, **options)


def background_by_hand(picture, background):
    if background == "blur":
        return None
    if background == "mean":
        return picture.mean((1, 2), keepdim=True).expand_as(picture)
    if isinstance(background, str):
        return noise_of(picture)
    if callable(background):
        return background(picture[None])[0]
    return background.double().expand_as(picture)


def noise_of(picture):
    """Its draw is the package's own; its mean and deviation have a test of their own."""
    from invert_captum.attr.feature_inversion.backgrounds import background_of

    return background_of(picture[None], "noise")[0]


@pytest.mark.filterwarnings("ignore::invert_captum.InvertCaptumWarning")
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: ",".join(variant) or "defaults")
@pytest.mark.parametrize("n_steps", [(1, 1), (10, 25)])
def test_losses_weights_and_masks_of_the_equations(variant, n_steps):
    n_inversion, n_target = n_steps
    details = GuidedFeatureInversion(NETWORK, "colours").attribute_with_details(
        PICTURES, [0, 1], n_inversion_steps=n_inversion, n_target_steps=n_target, **variant
    )
    for row, picture in enumerate(PICTURES):
        rate = variant.get("learning_rate", 1e-2)
        expected = invert(stated(picture, row, variant), n_inversion, n_target, rate, GRID)
        assert details.collapsed[row] == expected.collapsed
        close(details.inversion_loss[row], expected.inversion_loss)
        close(details.target_loss[row], expected.target_loss)
        close(details.mask[row, 0], expected.mask)
        if details.channel_weights is not None:
            close(details.channel_weights[row], expected.weights[-1])


@pytest.mark.parametrize("steps", [range(4), range(9, 13), [24]])
def test_weights_after_every_step_of_both_stages(steps):
    expected = [invert(stated(one, i, {}), 4, 25).weights for i, one in enumerate(PICTURES)]
    layer = GuidedFeatureInversion(NETWORK, "colours")
    for n_target in steps:
        details = layer.attribute_with_details(
            PICTURES, [0, 1], n_inversion_steps=4, n_target_steps=n_target
        )
        for row, weights in enumerate(expected):
            close(details.channel_weights[row], weights[4 + n_target])


def test_first_step_by_hand():
    """Adam's first step has the length of the rate in every weight; its signs are known here."""
    details = GuidedFeatureInversion(NETWORK, "colours").attribute_with_details(
        PICTURES, 0, gamma=1e6, n_inversion_steps=2, n_target_steps=0
    )
    # The penalty outweighs all else, so that both weights go down by 0.01 twice.
    close(details.channel_weights, torch.full((2, 2), 0.08))
    # The mask does not change when both weights shrink alike; the penalty does.
    change = details.inversion_loss[:, 1] - details.inversion_loss[:, 0]
    close(change, torch.full((2,), 1e6 * 2 * -0.01), atol=1e-3)


def test_probabilities_at_the_end_are_those_of_the_last_mask():
    details = GuidedFeatureInversion(NETWORK, "colours").attribute_with_details(
        PICTURES, [0, 1], n_target_steps=12
    )
    for row, picture in enumerate(PICTURES):
        expected = stated(picture, row, {})
        close(
            details.masked_output[row], expected.score(expected.kept(details.channel_weights[row]))
        )
        removed = expected.score(expected.removed(details.channel_weights[row]))
        close(details.background_output[row], removed)


def test_inversion_layer_of_its_own():
    """The logits are inverted, the channels make the mask."""
    details = GuidedFeatureInversion(NETWORK, "classes", "colours").attribute_with_details(
        PICTURES, gamma=0.01, n_inversion_steps=12
    )
    for row, picture in enumerate(PICTURES):
        plain = equations(NETWORK, picture, gamma=0.01)
        expected = invert(
            type(plain)(**{**vars(plain), "representation": lambda one: NETWORK(one[None])[0]}), 12
        )
        close(details.inversion_loss[row], expected.inversion_loss)
        close(details.channel_weights[row], expected.weights[-1])


@pytest.mark.filterwarnings("ignore::invert_captum.InvertCaptumWarning")
def test_defaults_of_the_losses_are_documented_constants():
    layer = GuidedFeatureInversion(NETWORK, "colours")
    for loss, gamma, delta in (("absolute", 10.0, 1.0), ("relative", 5.0, 5.0)):
        options = {"inversion_loss": loss, "n_target_steps": 5}
        assert torch.equal(
            layer.attribute(PICTURES, 0, **options),
            layer.attribute(PICTURES, 0, gamma=gamma, delta=delta, **options),
        )


def close(actual, expected, atol=1e-8):
    torch.testing.assert_close(actual.double(), expected.detach().double(), atol=atol, rtol=1e-8)

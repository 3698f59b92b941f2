"""A batch gives every picture what it gets alone, whatever happens to the others."""

from __future__ import annotations

import pytest
import torch
from hand_set_network import HandSetNetwork, noise, squares
from torch import nn

from invert_captum import InvertCaptumWarning
from invert_captum.attr.feature_inversion.guided_feature_inversion import GuidedFeatureInversion

FAINT, CONSTANT = 3, 5
TARGETS = [0, 1, 1, 0, 1, 0, 0, 1]
# The weights of the faint picture, which hardly change what the layer gives, all go to zero.
STEPS = {"n_inversion_steps": 14, "n_target_steps": 16}
PICTURE = squares(blue=(18, 21))


def pictures():
    """Eight pictures, one of hardly any contrast and one of none."""
    batch = noise(8, seed=3)
    batch[FAINT] = 0.4 + 0.01 * (batch[FAINT] - 0.4)
    batch[CONSTANT] = 0.4
    return batch


class Breaking(nn.Module):
    """Gives NaN for pictures with a white corner pixel that is mixed with the background."""

    def __init__(self, after=0):
        super().__init__()
        self.network = HandSetNetwork()
        self.after = after
        self.n_passes = 0

    def forward(self, inputs):
        self.n_passes += 1
        broken = (inputs[:, 0, 0, 0] > 1.5) & (self.n_passes > self.after)
        return self.network(torch.where(broken[:, None, None, None], torch.nan, inputs))


@pytest.mark.filterwarnings("ignore::invert_captum.InvertCaptumWarning")
@pytest.mark.parametrize(
    ("dtype", "tolerance", "variant"),
    [
        (torch.float64, 1e-8, {}),
        (torch.float64, 1e-8, {"inversion_loss": "relative", "background": "noise"}),
        (torch.float32, 1e-3, {}),
    ],
)
def test_batch_equals_single_runs(variant, dtype, tolerance):
    layer = GuidedFeatureInversion(HandSetNetwork().to(dtype), "colours")
    batch = pictures().to(dtype)
    together = layer.attribute_with_details(batch, TARGETS, **STEPS, **variant)
    assert together.mask.isfinite().all()
    for row, target in enumerate(TARGETS):
        alone = layer.attribute_with_details(batch[row : row + 1], target, **STEPS, **variant)
        assert vars(alone).keys() == vars(together).keys()
        for name, value in vars(alone).items():
            whole = getattr(together, name)[row : row + 1]
            torch.testing.assert_close(
                whole, value, atol=tolerance, rtol=tolerance, equal_nan=True, msg=f"{name} of {row}"
            )


@pytest.mark.filterwarnings("ignore::invert_captum.InvertCaptumWarning")
def test_free_masks_of_a_batch_equal_single_runs():
    layer = GuidedFeatureInversion(HandSetNetwork().double(), "colours")
    batch = pictures().double()
    options = {"mask": "free", "gamma": 3.0, "delta": 0.3, **STEPS}
    together = layer.attribute(batch, TARGETS, **options)
    for row, target in enumerate(TARGETS):
        alone = layer.attribute(batch[row : row + 1], target, **options)
        torch.testing.assert_close(together[row : row + 1], alone, atol=1e-8, rtol=0)


def test_flags_tell_the_rows_apart():
    with pytest.warns(InvertCaptumWarning):
        details = GuidedFeatureInversion(HandSetNetwork(), "colours").attribute_with_details(
            pictures(), TARGETS, **STEPS
        )
    rows = torch.arange(8)
    assert torch.equal(details.collapsed, rows == FAINT)
    assert torch.equal(details.neutral, rows == CONSTANT)
    assert not details.interrupted.any()
    assert (details.mask[CONSTANT] == 0.5).all()
    assert (details.channel_weights[FAINT] > 0).any()
    assert details.mask[FAINT].max() > details.mask[FAINT].min()


def many_channels():
    """A network of random weights in which each of 64 channels matters little."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 64, 4, 4), nn.ReLU(), nn.Flatten(), nn.Linear(4096, 2))


def test_relative_loss_needs_penalties_of_its_own():
    layer = GuidedFeatureInversion(many_channels(), "1")
    options = {"inversion_loss": "relative"}
    with pytest.warns(
        InvertCaptumWarning, match=r"pictures in rows 0, 1 \(of 2\) kept their last weights"
    ):
        papers = layer.attribute_with_details(noise(2), gamma=10.0, delta=1.0, **options)
    assert papers.collapsed.all()
    assert (papers.channel_weights > 0).any(1).all()
    assert (papers.mask.amax((1, 2, 3)) > 0.5).all()
    own = layer.attribute_with_details(noise(2), 0, **options)
    assert not own.collapsed.any()


def test_all_weights_at_zero_are_not_taken():
    """The background hardly differs, so that γ = 10 is all that the relative loss feels."""
    options = {"inversion_loss": "relative", "background": lambda x: 0.999 * x + 0.0005}
    layer = GuidedFeatureInversion(many_channels(), "1")
    with pytest.warns(
        InvertCaptumWarning, match=r"pictures in rows 0, 1, 2 \(of 3\) kept their last weights"
    ):
        details = layer.attribute_with_details(
            noise(3), 0, gamma=10.0, delta=1.0, n_inversion_steps=12, **options
        )
    assert details.collapsed.all()
    assert not (details.neutral | details.interrupted).any()
    assert (details.channel_weights > 0).any(1).all()
    assert (details.mask.amax((1, 2, 3)) > 0.5).all()
    for curve in (details.inversion_loss, details.target_loss, details.mask):
        assert curve.isfinite().all()


@pytest.mark.parametrize("background", ["blur", "mean", "noise"])
def test_constant_pictures_are_neutral(background):
    layer = GuidedFeatureInversion(HandSetNetwork(), "colours")
    with pytest.warns(
        InvertCaptumWarning, match=r"pictures in rows 1 \(of 2\) have nothing to decide"
    ):
        details = layer.attribute_with_details(
            torch.stack([PICTURE, torch.full((3, 32, 32), 0.7)]), 0, background=background
        )
    assert details.neutral.tolist() == [False, True]
    assert (details.attributions[1] == 0.5).all()


def test_pictures_that_are_their_own_background_are_neutral():
    layer = GuidedFeatureInversion(HandSetNetwork(), "colours")
    with pytest.warns(InvertCaptumWarning):
        details = layer.attribute_with_details(noise(2), 0, background=noise(2))
    assert details.neutral.all()
    assert (details.mask == 0.5).all()


def test_pictures_without_a_mask_to_make_are_neutral():
    """Grey noise, to which neither channel answers anywhere, not even by rounding."""
    grey = torch.randint(256, (1, 1, 32, 32)).expand(1, 3, 32, 32) / 256
    layer = GuidedFeatureInversion(HandSetNetwork(), "colours")
    batch = torch.cat([grey, PICTURE[None]])
    with pytest.warns(
        InvertCaptumWarning, match=r"pictures in rows 0 \(of 2\) have nothing to decide"
    ):
        details = layer.attribute_with_details(batch, [1, 0])
    assert details.neutral.tolist() == [True, False]
    assert (details.mask[0] == 0.5).all()
    alone = layer.attribute(batch[1:], 0)
    torch.testing.assert_close(details.attributions[1:], alone, atol=1e-3, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_channels_that_cancel_are_neutral(dtype):
    """A LayerNorm's channels sum to zero but for rounding, of which a mask would be noise."""
    torch.manual_seed(0)
    embed = [nn.Conv2d(3, 16, 4, 4), nn.Flatten(2), Transposed(), nn.LayerNorm(16)]
    model = nn.Sequential(*embed, nn.ReLU(), nn.Flatten(), nn.Linear(1024, 2)).to(dtype)
    layer = GuidedFeatureInversion(model, "3")
    with pytest.warns(
        InvertCaptumWarning, match=r"pictures in rows 0, 1 \(of 2\) have nothing to decide"
    ):
        details = layer.attribute_with_details(noise(2).to(dtype), 0, gamma=0.1, delta=0.1)
    assert details.neutral.all()
    assert (details.mask == 0.5).all()


class Transposed(nn.Module):
    def forward(self, maps):
        return maps.mT


def test_features_of_zero_have_no_relative_loss():
    """Green noise, of which nothing comes through the ReLU."""
    green = 0.2 * noise(2)
    green[:, 1] += 1.0
    layer = GuidedFeatureInversion(HandSetNetwork(), "relu", "cells")
    with pytest.warns(
        InvertCaptumWarning, match=r"pictures in rows 0, 1 \(of 2\) have nothing to decide"
    ):
        details = layer.attribute_with_details(green, 0, inversion_loss="relative")
    assert details.neutral.all()
    assert (details.mask == 0.5).all()


def test_row_whose_loss_breaks_stops_at_its_last_finite_state():
    batch = noise(3).double()
    background = noise(3, seed=9).double()
    batch[1, :, 0, 0] = background[1, :, 0, 0] = 2.0
    options = {"n_inversion_steps": 6, "n_target_steps": 6, "background": background}
    whole = GuidedFeatureInversion(HandSetNetwork().double(), "colours")
    expected = whole.attribute_with_details(batch, 0, **options)
    short = whole.attribute_with_details(batch, n_inversion_steps=3, background=background)

    # The undisturbed pictures and four steps go well; the fifth gives NaN.
    model = Breaking(after=5).double()
    layer = GuidedFeatureInversion(model, "network.colours")
    with pytest.warns(InvertCaptumWarning):
        details = layer.attribute_with_details(batch, 0, **options)
    assert details.interrupted.tolist() == [False, True, False]
    assert not (details.collapsed | details.neutral).any()
    assert details.mask.isfinite().all()
    torch.testing.assert_close(details.mask[[0, 2]], expected.mask[[0, 2]], atol=1e-8, rtol=0)
    torch.testing.assert_close(details.mask[1], short.mask[1], atol=1e-8, rtol=0)
    assert details.inversion_loss[1, :4].isfinite().all()


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_pictures_to_which_the_network_answers_nan_are_refused_before_anything_is_computed(bad):
    batch = noise(4)
    batch[2, 0, 0, 0] = 2.0

    class Answers(nn.Module):
        def __init__(self):
            super().__init__()
            self.network = HandSetNetwork()
            self.n_passes = 0

        def forward(self, inputs):
            self.n_passes += 1
            answer = self.network(inputs)
            return torch.where(inputs[:, :1, 0, 0] > 1.5, bad * torch.ones(()), answer)

    model = Answers()
    layer = GuidedFeatureInversion(model, "network.colours")
    with pytest.raises(ValueError, match="2"):
        layer.attribute(batch, 0)
    assert model.n_passes == 1
    with pytest.raises(ValueError, match=r"the pictures in rows 2 \(of 4\)"):
        layer.attribute(batch.index_fill(0, torch.tensor([2]), torch.nan), 0)

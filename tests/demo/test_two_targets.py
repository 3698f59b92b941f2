from __future__ import annotations

import numpy as np
import pytest
import torch
import typer
from PIL import Image
from typer.testing import CliRunner

from invert_captum.attr.feature_inversion.guided_feature_inversion import GuidedFeatureInversion
from invert_captum.demo import two_targets
from invert_captum.demo.emoji import CREDIT, PictureDataset
from invert_captum.demo.network import load_network
from invert_captum.demo.two_targets import (
    INVERSION_LAYER,
    MASK_LAYER,
    SCENE,
    Drawing,
    Pasted,
    compose,
    view_through_masks,
)

TARGETS = [thing.target for thing in SCENE]
FEW = {"n_inversion_steps": 1, "n_target_steps": 2}


@pytest.fixture(scope="module")
def network():
    return load_network()


@pytest.fixture(scope="module")
def views(network):
    return view_through_masks(network, compose(), TARGETS, **FEW)


@pytest.fixture
def app(monkeypatch, network):
    monkeypatch.setattr(two_targets, "load_network", lambda: network)
    app = typer.Typer()
    app.command()(two_targets.main)
    return lambda *arguments: CliRunner().invoke(app, [*map(str, arguments), "--no-progress"])


def test_both_classes_lead_the_networks_guesses_on_the_picture(views):
    assert set(views.on_picture.topk(2).indices.tolist()) == set(TARGETS)


def test_emoji_lie_at_their_corners_on_the_ground():
    pixels = np.asarray(compose(ground="#c9cdd2"))
    assert pixels.shape == (224, 224, 3)
    changed = (pixels != (0xC9, 0xCD, 0xD2)).any(2)
    inside = np.zeros_like(changed)
    for thing in SCENE:
        left, top = thing.corner
        window = np.s_[top : top + thing.side, left : left + thing.side]
        inside[window] = True
        assert changed[window].mean() > 0.4
    assert not changed[~inside].any()


def test_an_emoji_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="scene has 'UNICORN PENGUIN'; expected the name of an"):
        compose([Pasted("UNICORN PENGUIN", 145, (0, 0), 10)])


def test_masks_are_those_of_each_target_and_the_last_that_of_none(network, views):
    inputs = PictureDataset([Drawing(compose())])[0][None]
    inversion = GuidedFeatureInversion(network, INVERSION_LAYER, MASK_LAYER)
    assert views.masks.shape == (3, 1, 224, 224)
    both = inputs.expand(2, -1, -1, -1)
    of_targets = inversion.attribute(both, TARGETS, attribute_to_layer_input=True, **FEW)
    of_none = inversion.attribute(inputs, attribute_to_layer_input=True, **FEW)
    expected = torch.cat([of_targets, of_none])[:, :1]
    torch.testing.assert_close(views.masks, expected, atol=1e-5, rtol=0)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert (views.masks[one] - views.masks[other]).abs().max() > 1e-4


def test_probabilities_are_those_that_the_inversion_gives(network, views):
    inputs = PictureDataset([Drawing(compose())])[0].expand(2, -1, -1, -1)
    inversion = GuidedFeatureInversion(network, INVERSION_LAYER, MASK_LAYER)
    details = inversion.attribute_with_details(
        inputs, TARGETS, attribute_to_layer_input=True, **FEW
    )
    rows = torch.arange(2), torch.tensor(TARGETS)
    torch.testing.assert_close(views.on_kept[rows], details.masked_output, atol=1e-3, rtol=0)
    torch.testing.assert_close(views.on_rest[rows], details.background_output, atol=1e-3, rtol=0)
    torch.testing.assert_close(views.on_picture[TARGETS], details.input_output, atol=1e-4, rtol=0)


def test_what_is_kept_is_the_picture_where_the_mask_is_one(views):
    kept, whole = views.kept.permute(0, 2, 3, 1), (views.masks[:, 0] > 0.999)
    picture = views.picture.permute(1, 2, 0).expand_as(kept)
    assert whole.any()
    torch.testing.assert_close(kept[whole], picture[whole], atol=2e-3, rtol=0)
    assert views.kept.min() >= 0
    assert views.kept.max() <= 1


def test_the_network_is_as_it_was(network, views):
    assert not any(module.training for module in network.modules())
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_command_writes_a_figure_and_prints_the_probabilities(app, tmp_path):
    out = tmp_path / "figure.png"
    run = app("--out", out, "--inversion-steps", 1, "--target-steps", 1)
    assert run.exit_code == 0, run.output
    with Image.open(out) as figure:
        assert figure.format == "PNG"
        assert figure.convert("RGB").getpixel((2, 2)) == (255, 255, 255)
    assert out.stat().st_size < 400_000
    assert "king penguin: 0." in run.output
    assert "soccer ball: 0." in run.output
    assert CREDIT in run.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--out", "figure.gif"), "figure.gif does not end in .png"),
        (("--out", "no/such/folder/figure.png"), "does not exist"),
        (("--target-steps", -1), "target-steps"),
        (("--inversion-steps", -1), "inversion-steps"),
    ],
)
def test_command_refuses_before_it_starts(app, monkeypatch, tmp_path, arguments, message):
    monkeypatch.chdir(tmp_path)
    run = app(*arguments)
    assert run.exit_code == 2
    assert message in run.output
    assert not list(tmp_path.iterdir())

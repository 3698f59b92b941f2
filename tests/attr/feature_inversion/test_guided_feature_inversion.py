"""What the mask shows: the place of the class, in the shape that Captum takes."""

from __future__ import annotations

import pytest
import torch
from captum.attr import Attribution
from captum.attr import visualization as viz
from captum.metrics import infidelity
from hand_set_network import HandSetNetwork, noise, squares
from torch import nn

from invert_captum import InvertCaptumWarning
from invert_captum.attr.feature_inversion.guided_feature_inversion import GuidedFeatureInversion

# Not the same shape for both on the grid of cells: equal weights are then no stationary point.
PICTURE = squares(blue=(18, 21))[None]
RED, BLUE = (slice(4, 12), slice(4, 12)), (slice(18, 26), slice(21, 29))
SHORT = {"n_inversion_steps": 3, "n_target_steps": 8}


def inversion(network=None, layer="colours", **options):
    return GuidedFeatureInversion(network or HandSetNetwork(), layer, **options)


def share(mask, place):
    """Part of the mask's mass on both squares that lies on this one."""
    return (mask[(..., *place)].sum() / (mask[(..., *RED)] + mask[(..., *BLUE)]).sum()).item()


def rest(mask):
    """The mask's mean far from both squares."""
    return mask[..., :16, 20:].mean()


class Stacked(nn.Module):
    """Logits of shape (n, 2, 3): what the network says is in the middle of the last axis."""

    def __init__(self):
        super().__init__()
        self.network = HandSetNetwork()

    def forward(self, pictures):
        logits = self.network(pictures)
        return torch.stack([0 * logits, logits, -logits], 2)


@pytest.mark.parametrize("background", ["blur", "mean", "noise", torch.tensor(0.3)])
@pytest.mark.parametrize("loss", ["absolute", "relative"])
def test_mask_lands_on_the_square_of_the_class_and_goes_with_the_target(background, loss):
    options = {"background": background, "inversion_loss": loss}
    red = inversion().attribute(PICTURE, 0, **options)
    blue = inversion().attribute(PICTURE, 1, **options)
    for mask, place in ((red, RED), (blue, BLUE)):
        assert share(mask, place) > 0.95
        assert mask[(..., *place)].mean() > 0.5
        assert rest(mask) < 0.01


@pytest.mark.parametrize("output", ["logit", "identity"])
def test_models_that_end_otherwise(output):
    model = nn.Sequential(HandSetNetwork(), nn.Softmax(1)) if output == "identity" else None
    layer = "0.colours" if model else "colours"
    for target, place in ((0, RED), (1, BLUE)):
        mask = inversion(model, layer).attribute(PICTURE, target, output=output)
        assert share(mask, place) > 0.95


def test_probabilities_of_a_model_that_ends_in_them_are_taken_by_identity():
    ends = nn.Sequential(HandSetNetwork(), nn.Softmax(1))
    torch.testing.assert_close(
        inversion(ends, "0.colours").attribute(PICTURE, 1, output="identity", **SHORT),
        inversion().attribute(PICTURE, 1, output="probability", **SHORT),
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_softmax_of_probabilities_is_told(dtype):
    ends = nn.Sequential(HandSetNetwork(), nn.Softmax(1)).to(dtype)
    with pytest.warns(InvertCaptumWarning, match='output="identity" takes them as they are'):
        inversion(ends, "0.colours").attribute(noise(2).to(dtype), [0, 1], **SHORT)


def test_free_mask_lands_on_the_square_of_the_class():
    options = {"mask": "free", "gamma": 1.0, "delta": 0.1}
    for target, here, there in ((0, RED, BLUE), (1, BLUE, RED)):
        mask = inversion().attribute(PICTURE, target, **options)
        assert mask[(..., *here)].mean() > mask[(..., *there)].mean() + 0.2


def test_batch_with_a_target_for_each_picture():
    mask = inversion().attribute(PICTURE.expand(2, -1, -1, -1), [0, 1])
    assert share(mask[0], RED) > 0.95
    assert share(mask[1], BLUE) > 0.95


@pytest.mark.parametrize("target", [1, [1, 1, 1], torch.tensor(1), torch.tensor([1, 1, 1])])
def test_targets_in_the_forms_of_captum(target):
    pictures = noise(3)
    expected = inversion().attribute(pictures, (1,), **SHORT)
    assert torch.equal(inversion().attribute(pictures, target, **SHORT), expected)


@pytest.mark.parametrize("target", [(1, 1), [(1, 1), (1, 1), (1, 1)]])
def test_targets_of_outputs_with_more_axes(target):
    pictures = noise(3)
    mask = inversion(Stacked(), "network.colours").attribute(pictures, target, **SHORT)
    torch.testing.assert_close(mask, inversion().attribute(pictures, 1, **SHORT))


def test_several_targets_at_once_are_each_rows_own():
    pictures = noise(3)
    mixed = [(0, 1), (1, 1), (0, 2)]
    together = inversion(Stacked(), "network.colours").attribute(pictures, mixed, **SHORT)
    for row, target in enumerate(mixed):
        alone = inversion(Stacked(), "network.colours")
        one = alone.attribute(pictures[row : row + 1], target, **SHORT)
        torch.testing.assert_close(together[row : row + 1], one, atol=1e-3, rtol=0)


def test_no_target_stops_after_the_first_stage():
    details = inversion().attribute_with_details(noise(2), n_inversion_steps=4)
    assert details.inversion_loss.shape == (2, 4)
    assert details.target_loss.shape == (2, 0)
    assert details.masked_output is None
    assert details.background_output is None
    with_target = inversion().attribute_with_details(
        noise(2), 0, n_inversion_steps=4, n_target_steps=0
    )
    assert torch.equal(details.mask, with_target.mask)
    assert torch.equal(details.inversion_loss, with_target.inversion_loss)


def test_shapes_types_and_ranges():
    details = inversion().attribute_with_details(noise(2), 0, **SHORT)
    assert isinstance(inversion(), Attribution)
    assert details.attributions.shape == (2, 3, 32, 32)
    assert details.mask.shape == (2, 1, 32, 32)
    assert torch.equal(details.attributions, details.mask.expand(2, 3, 32, 32))
    assert details.channel_weights.shape == (2, 2)
    assert details.inversion_loss.shape == (2, 3)
    assert details.target_loss.shape == (2, 8)
    assert not (details.collapsed | details.neutral | details.interrupted).any()
    assert ((details.mask >= 0) & (details.mask <= 1)).all()
    assert torch.equal(inversion().attribute(noise(2), 0, **SHORT), details.attributions)
    free = inversion().attribute_with_details(noise(2), 0, mask="free", **SHORT)
    assert free.channel_weights is None
    for value in vars(details).values():
        assert not value.requires_grad
        assert value.grad_fn is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_mask_has_the_type_of_the_inputs(dtype):
    mask = inversion(HandSetNetwork().to(dtype)).attribute(noise(1).to(dtype), 0, **SHORT)
    assert mask.dtype == dtype


def test_tuple_of_one_input_gives_a_tuple_of_one_mask():
    (mask,) = inversion().attribute((noise(2),), 0, **SHORT)
    assert torch.equal(mask, inversion().attribute(noise(2), 0, **SHORT))


def test_outputs_are_those_of_the_pictures_that_the_mask_makes():
    network, pictures, targets = HandSetNetwork(), noise(3), torch.tensor([0, 1, 1])
    background = torch.tensor([0.2, 0.3, 0.4])[:, None, None]
    details = inversion(network).attribute_with_details(pictures, targets, background=background)
    mask = details.mask
    for one, output in (
        (pictures * mask + background * (1 - mask), details.masked_output),
        (pictures * (1 - mask) + background * mask, details.background_output),
    ):
        chosen = network(one).softmax(1)[torch.arange(3), targets]
        torch.testing.assert_close(output, chosen.detach())


def test_layers_are_modules_or_names_and_the_mask_layer_may_be_another():
    network, pictures = HandSetNetwork(), noise(2)
    by_name = inversion(network).attribute(pictures, 0, **SHORT)
    by_module = inversion(network, network.colours).attribute(pictures, 0, **SHORT)
    named_twice = inversion(network, mask_layer="relu").attribute(pictures, 0, **SHORT)
    assert torch.equal(by_name, by_module)
    assert torch.equal(by_name, named_twice)
    # The last layer has no positions, which the layer that is inverted does not need.
    other = inversion(network, "classes", mask_layer="colours")
    assert other.attribute(pictures, 0, **SHORT).isfinite().all()


def test_input_of_a_layer_is_the_output_of_the_one_before():
    network, pictures = HandSetNetwork(), noise(2)
    before = inversion(network, "cells").attribute(pictures, 0, **SHORT)
    taken = inversion(network, "relu").attribute(
        pictures, 0, attribute_to_layer_input=True, **SHORT
    )
    assert torch.equal(before, taken)
    # With a mask layer of its own, only that one is looked at from the other side.
    mixed = inversion(network, "classes", mask_layer="colours")
    taken = mixed.attribute(pictures, 0, attribute_to_layer_input=True, **SHORT)
    assert torch.equal(mixed.attribute(pictures, 0, **SHORT), taken)


def test_captums_visualization_and_metrics_take_the_mask_as_it_is():
    network = HandSetNetwork()
    pictures = noise(2)
    mask = inversion(network).attribute(pictures, 0, **SHORT)
    figure, _ = viz.visualize_image_attr(
        mask[0].permute(1, 2, 0).numpy(),
        pictures[0].permute(1, 2, 0).numpy(),
        method="blended_heat_map",
        sign="positive",
        use_pyplot=False,
    )
    assert figure.axes

    def nudge(inputs, *_):
        change = 0.01 * torch.ones_like(inputs)
        return change, inputs - change

    score = infidelity(network, nudge, pictures, mask, target=0)
    assert score.shape == (2,)
    assert score.isfinite().all()


def test_further_arguments_reach_the_model_row_by_row():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.network = HandSetNetwork()

        def forward(self, pictures, scale, *, sign=1.0):
            return self.network(pictures) * scale[:, None] * sign

    pictures, scale = noise(2), torch.tensor([1.0, -1.0])
    mask = inversion(Scaled(), "network.colours").attribute(pictures, 0, scale)
    for row in range(2):
        one = slice(row, row + 1)
        alone = inversion(Scaled(), "network.colours").attribute(pictures[one], 0, scale[one])
        torch.testing.assert_close(mask[one], alone, atol=1e-3, rtol=0)
    flipped = inversion(Scaled(), "network.colours").attribute(pictures, 0, -scale)
    swapped = inversion(Scaled(), "network.colours").attribute(pictures, 1, scale)
    torch.testing.assert_close(flipped, swapped, atol=1e-3, rtol=0)


def test_function_as_model_with_a_layer_as_module():
    network, pictures = HandSetNetwork(), noise(2)
    function = GuidedFeatureInversion(lambda x: network(x), network.colours)
    assert torch.equal(
        function.attribute(pictures, 0, **SHORT),
        inversion(network).attribute(pictures, 0, **SHORT),
    )

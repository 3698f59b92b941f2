"""Models that do unusual things on their way give the same masks, or say why not."""

from __future__ import annotations

import warnings

import pytest
import torch
from hand_set_network import HandSetNetwork, noise
from torch import nn
from torch.utils.checkpoint import checkpoint

from invert_captum import InvertCaptumWarning
from invert_captum.attr.feature_inversion.guided_feature_inversion import GuidedFeatureInversion

STEPS = {"n_inversion_steps": 4, "n_target_steps": 6}
PICTURES = noise(2, seed=1)
NETWORK = HandSetNetwork()


def mask_of(model, layer="colours", target=0, pictures=PICTURES, **options):
    return GuidedFeatureInversion(model, layer).attribute(pictures, target, **STEPS, **options)


class Around(nn.Module):
    """Runs the network inside of a function."""

    def __init__(self, run):
        super().__init__()
        self.network = HandSetNetwork()
        self.run = run

    def forward(self, pictures):
        return self.run(self.network, pictures)


def swallowing(network, pictures):
    try:
        return network(pictures)
    except Exception:
        return torch.zeros(len(pictures), 2)


def without_gradients(network, pictures):
    with torch.no_grad():
        return network(pictures)


@pytest.mark.parametrize(
    "run",
    [
        swallowing,
        lambda network, pictures: checkpoint(network, pictures, use_reentrant=False),
    ],
    ids=["swallows exceptions", "checkpoints"],
)
def test_what_happens_around_the_layers_does_not_matter(run):
    assert torch.equal(mask_of(Around(run), "network.colours"), mask_of(NETWORK))


@pytest.mark.parametrize(
    "run", [without_gradients, lambda network, pictures: network(pictures).detach()]
)
def test_models_without_gradients_are_refused(run):
    with pytest.raises(ValueError, match="gradient"):
        mask_of(Around(run), "network.colours")


class InPlace(nn.Module):
    def __init__(self, inplace):
        super().__init__()
        self.network = HandSetNetwork()
        self.network.cells.weight.data.neg_()
        self.relu = nn.ReLU(inplace=inplace)

    def forward(self, pictures):
        return self.network.classes(self.relu(self.network.cells(pictures)).mean((2, 3)))


@pytest.mark.parametrize("layer", ["network.cells", "relu"])
@pytest.mark.parametrize("at_input", [False, True])
def test_operations_in_place_after_a_layer_do_not_change_what_it_gave(layer, at_input):
    options = {"attribute_to_layer_input": at_input, "gamma": 0.1}
    masks = [mask_of(InPlace(inplace), layer, **options) for inplace in (False, True)]
    assert torch.equal(*masks)


class WorksInPlace(nn.Module):
    """Normalises its inputs, and halves a further argument, in place or not."""

    def __init__(self, inplace):
        super().__init__()
        self.network = HandSetNetwork()
        self.inplace = inplace

    def forward(self, pictures, scale, options=None):
        if not self.inplace:
            pictures, scale = pictures.clone(), scale.clone()
        logits = self.network(pictures.sub_(0.3).mul_(2)) * scale.mul_(0.5)
        return logits if options is None else logits * options["gain"]


def test_models_that_work_in_place_on_their_arguments():
    scale, before = torch.tensor([2.0]), PICTURES.clone()
    masks = [
        mask_of(WorksInPlace(inplace), "network.colours", additional_forward_args=(scale,))
        for inplace in (False, True)
    ]
    assert torch.equal(*masks)
    assert torch.equal(scale, torch.tensor([2.0]))
    assert torch.equal(PICTURES, before)


def test_further_arguments_made_in_inference_mode():
    made = torch.tensor([2.0]), {"gain": torch.ones(1)}
    with torch.inference_mode():
        inference = made[0].clone(), {"gain": made[1]["gain"].clone()}
    masks = [
        mask_of(WorksInPlace(inplace=False), "network.colours", additional_forward_args=given)
        for given in (made, inference)
    ]
    assert torch.equal(*masks)


def test_parts_that_are_compiled():
    network = HandSetNetwork()
    around = nn.Sequential(torch.compile(network, backend="eager"))
    around(PICTURES)
    expected = mask_of(NETWORK)
    assert torch.equal(mask_of(around, "0._orig_mod.colours"), expected)
    assert torch.equal(mask_of(around, network.colours), expected)
    in_place = HandSetNetwork()
    in_place.compile(backend="eager")
    in_place(PICTURES)
    assert torch.equal(mask_of(in_place), expected)
    function = torch.compile(lambda pictures: network(pictures), backend="eager")
    function(PICTURES)
    assert torch.equal(mask_of(function, network.colours), expected)
    torch.compiler.reset()


def test_function_leaves_the_parameters_as_they_are():
    network = HandSetNetwork()
    mask_of(lambda pictures: network(pictures), network.colours)
    assert all(one.requires_grad and one.grad is None for one in network.parameters())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype):
    mask = mask_of(HandSetNetwork().to(dtype), pictures=PICTURES.to(dtype))
    assert mask.dtype == dtype
    assert (mask - mask_of(NETWORK)).abs().mean() < 0.02


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_faint_pictures_are_not_neutral_in_half_precision(dtype):
    faint = 0.7 + 0.1 * (PICTURES - 0.4)
    details = GuidedFeatureInversion(HandSetNetwork().to(dtype), "colours").attribute_with_details(
        faint.to(dtype), 0, gamma=0.0, delta=0.0, **STEPS
    )
    assert not details.neutral.any()
    mean = faint.to(dtype).mean((2, 3), keepdim=True).expand_as(faint)
    assert not background_is_the_picture(faint.to(dtype))
    assert background_is_the_picture(mean)


def background_is_the_picture(pictures):
    network = HandSetNetwork().to(pictures.dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InvertCaptumWarning)
        return (
            GuidedFeatureInversion(network, "classes", "colours")
            .attribute_with_details(
                pictures, mask="free", gamma=0.0, n_inversion_steps=0, n_target_steps=0
            )
            .neutral.all()
        )


@pytest.mark.parametrize(
    "pictures",
    [
        PICTURES.to(memory_format=torch.channels_last),
        PICTURES.transpose(2, 3).contiguous().transpose(2, 3),
        torch.stack([PICTURES, PICTURES], 1)[:, 0],
    ],
)
def test_memory_layout_of_the_inputs_does_not_matter(pictures):
    assert not pictures.is_contiguous()
    torch.testing.assert_close(mask_of(NETWORK, pictures=pictures), mask_of(NETWORK))


def test_expanded_pictures_are_written_nowhere():
    twice = PICTURES[:1].expand(2, -1, -1, -1)
    before = twice.clone()
    mask = mask_of(NETWORK, pictures=twice)
    assert torch.equal(twice, before)
    torch.testing.assert_close(mask[0], mask[1], atol=1e-3, rtol=0)


def test_predicted_class_as_target():
    predicted = NETWORK(PICTURES).argmax(1)
    assert torch.equal(
        mask_of(NETWORK, target="predicted"), mask_of(NETWORK, target=predicted.tolist())
    )


def test_no_steps_give_the_mask_of_equal_weights():
    details = GuidedFeatureInversion(NETWORK, "colours").attribute_with_details(
        PICTURES, 0, n_inversion_steps=0, n_target_steps=0
    )
    assert (details.channel_weights == 0.1).all()
    assert details.inversion_loss.shape == details.target_loss.shape == (2, 0)
    assert (details.mask.amax((1, 2, 3)) > 0.5).all()


def test_inversion_layer_of_one_number_per_picture():
    class Wrapped(nn.Module):
        def __init__(self, shape):
            super().__init__()
            self.network = HandSetNetwork()
            self.first = nn.Unflatten(0, shape)

        def forward(self, pictures):
            logits = self.network(pictures)
            self.first(logits[:, 0])
            return logits

    for loss in ("absolute", "relative"):
        options = {"inversion_loss": loss, "gamma": 0.01, "delta": 0.01}
        masks = [
            GuidedFeatureInversion(Wrapped(shape), "first", "network.colours").attribute(
                PICTURES, 0, **STEPS, **options
            )
            for shape in ((-1,), (-1, 1))
        ]
        assert torch.equal(*masks)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_free_masks_at_their_bound_do_not_leave_it(dtype):
    """Up-sampling ones from 7 to 37 positions rounds to more than 1."""
    model = nn.Sequential(nn.AdaptiveAvgPool2d(7), nn.Flatten())
    pictures = torch.rand(2, 3, 37, 37, dtype=dtype)
    mask = GuidedFeatureInversion(model, "0").attribute(
        pictures, mask="free", gamma=0.0, learning_rate=1.0, background="mean"
    )
    assert (mask > 0.9).any()
    assert mask.min() >= 0
    assert mask.max() <= 1

"""Bad input to Guided Feature Inversion: the message names the argument."""

from __future__ import annotations

import re

import pytest
import torch
from hand_set_network import HandSetNetwork, noise
from torch import nn

from invert_captum.attr.feature_inversion.guided_feature_inversion import GuidedFeatureInversion

PICTURES = noise(3)


class Twice(nn.Module):
    """Runs one layer twice, another never."""

    def __init__(self):
        super().__init__()
        self.network = HandSetNetwork()
        self.never = nn.Identity()
        self.twice = nn.Identity()

    def forward(self, pictures):
        return self.twice(self.network(self.twice(pictures)))


class Gives(nn.Module):
    """A layer and a model that give something else than maps and logits."""

    def __init__(self, layer=lambda maps: maps, output=lambda logits: logits):
        super().__init__()
        self.network = HandSetNetwork()
        self.layer = Function(layer)
        self.output = output

    def forward(self, pictures):
        self.layer(self.network.relu(self.network.cells(pictures)))
        return self.output(self.network(pictures))


class Function(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, value):
        return self.function(value)


def refused(
    error, message, *arguments, model=None, layers=("colours",), inputs=PICTURES, **options
):
    with pytest.raises(error, match=re.escape(message)):
        GuidedFeatureInversion(model or HandSetNetwork(), *layers).attribute(
            inputs, *arguments, **options
        )


@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        (PICTURES.numpy(), TypeError, "inputs is of type ndarray; expected a tensor"),
        ([PICTURES], TypeError, "inputs is of type list; expected a tensor"),
        ((255 * PICTURES).byte(), TypeError, "inputs is of torch.uint8; expected floating point"),
        (PICTURES.long(), TypeError, "inputs is of torch.int64; expected floating point"),
        (PICTURES.cfloat(), TypeError, "inputs is of torch.complex64; expected floating point"),
        ((PICTURES, PICTURES), ValueError, "inputs has 2 tensors; expected one of pictures"),
        ((), ValueError, "inputs has 0 tensors; expected one of pictures"),
        (PICTURES[0], ValueError, "inputs has shape (3, 32, 32); expected (n, channels, height"),
        (PICTURES[None], ValueError, "inputs has shape (1, 3, 3, 32, 32); expected (n, channels"),
        (PICTURES[:0], ValueError, "inputs has shape (0, 3, 32, 32); expected (n, channels"),
        (
            PICTURES / 0,
            ValueError,
            "inputs has NaN or infinity for the pictures in rows 0, 1, 2 (of 3)",
        ),
    ],
)
def test_what_are_no_pictures(inputs, error, message):
    refused(error, message, 0, inputs=inputs)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_inversion_steps": -1}, ValueError, "n_inversion_steps is -1; expected an integer of"),
        ({"n_inversion_steps": 2.0}, TypeError, "n_inversion_steps is 2.0; expected an integer"),
        ({"n_target_steps": True}, TypeError, "n_target_steps is True; expected an integer of at"),
        (
            {"learning_rate": 0.0},
            ValueError,
            "learning_rate is 0.0; expected a finite number above",
        ),
        ({"learning_rate": "1"}, TypeError, "learning_rate is '1' (str); expected a finite number"),
        ({"gamma": -0.1}, ValueError, "gamma is -0.1; expected a finite number of at least 0"),
        ({"gamma": torch.nan}, ValueError, "gamma is nan; expected a finite number of at least 0"),
        ({"delta": torch.inf}, ValueError, "delta is inf; expected a finite number of at least 0"),
        (
            {"background_weight": -1},
            ValueError,
            "background_weight is -1; expected a finite number",
        ),
        (
            {"background_weight": None},
            TypeError,
            "background_weight is None (NoneType); expected a",
        ),
        ({"learning_rate": None}, TypeError, "learning_rate is None (NoneType); expected a finite"),
        (
            {"inversion_loss": "l2"},
            ValueError,
            "inversion_loss is 'l2'; expected one of 'absolute'",
        ),
        ({"mask": "pixels"}, ValueError, "mask is 'pixels'; expected one of 'channels', 'free'"),
        ({"output": "softmax"}, ValueError, "output is 'softmax'; expected one of 'probability'"),
        ({"background": "white"}, ValueError, "background is 'white'; expected \"blur\""),
        ({"background": 0.5}, TypeError, "background is of type float; expected"),
        (
            {"background": PICTURES[:2]},
            ValueError,
            "background has shape (2, 3, 32, 32), but inputs",
        ),
    ],
)
@pytest.mark.parametrize("method", ["attribute", "attribute_with_details"])
def test_constants_out_of_range(options, error, message, method):
    layer = GuidedFeatureInversion(HandSetNetwork(), "colours")
    with pytest.raises(error, match=re.escape(message)):
        getattr(layer, method)(PICTURES, 0, **options)


def test_unknown_argument():
    layer = GuidedFeatureInversion(HandSetNetwork(), "colours")
    for method in (layer.attribute, layer.attribute_with_details):
        with pytest.raises(TypeError, match="n_steps"):
            method(PICTURES, 0, n_steps=3)


@pytest.mark.parametrize(
    ("target", "error", "message"),
    [
        (2, ValueError, "target is 2, but forward_func gives shape (3, 2); expected 0 to 1"),
        (-1, ValueError, "target is -1, but forward_func gives shape (3, 2); expected 0 to 1"),
        ([0, 1, 2], ValueError, "target is 2, but forward_func gives shape (3, 2)"),
        (torch.tensor([0, 5, 0]), ValueError, "target is 5, but forward_func gives shape (3, 2)"),
        ([0, 1], ValueError, "target has 2 entries for 3 samples"),
        ((0, 1), ValueError, "target has 2 indices, but forward_func gives shape (3, 2)"),
        (1.0, TypeError, "target is 1.0; expected None, an integer"),
        (torch.tensor([0.0, 1.0, 0.0]), TypeError, "target is a tensor of torch.float32"),
        ("red", ValueError, "target is 'red'; expected None, an integer"),
    ],
)
def test_targets_that_there_are_not(target, error, message):
    refused(error, message, target)


def test_bad_targets_cost_at_most_one_pass():
    n_passes = []
    network = HandSetNetwork()
    network.cells.register_forward_hook(lambda *_: n_passes.append(1))
    refused(ValueError, "target is 2", 2, model=network)
    assert len(n_passes) <= 1


@pytest.mark.parametrize(
    ("layers", "error", "message"),
    [
        (("colors",), ValueError, "which HandSetNetwork does not have; nearest names: 'colours'"),
        (
            ("colours", "clases"),
            ValueError,
            "which HandSetNetwork does not have; nearest names: 'c",
        ),
        (("",), ValueError, "which HandSetNetwork does not have"),
        ((3,), TypeError, "inversion_layer is of type int; expected a torch.nn.Module or a dotted"),
        (("colours", 3), TypeError, "mask_layer is of type int; expected a torch.nn.Module or a"),
        ((None,), TypeError, "inversion_layer is of type NoneType; expected a torch.nn.Module"),
        (
            ("classes",),
            ValueError,
            "layer 'classes' has shape (3, 2), without positions to make a mask of",
        ),
        (("colours", "classes"), ValueError, "layer 'classes' has shape (3, 2), without positions"),
        ((nn.ReLU(),), ValueError, "is not called in the forward pass"),
    ],
)
def test_layers_that_cannot_be_used(layers, error, message):
    refused(error, message, 0, layers=layers)


@pytest.mark.parametrize("target", [None, 0])
@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize(
    ("name", "message"), [("never", "is not called in the"), ("twice", "is called 2 times in one")]
)
def test_layers_that_do_not_run_once(target, place, name, message):
    layers = ("network.colours", name) if place else (name, "network.colours")
    refused(ValueError, message, target, model=Twice(), layers=layers)


@pytest.mark.parametrize(
    ("channel_dim", "error", "message"),
    [
        (
            0,
            ValueError,
            "channel_dim is 0, but layer 'colours' has shape (3, 2, 8, 8); expected an",
        ),
        (
            4,
            ValueError,
            "channel_dim is 4, but layer 'colours' has shape (3, 2, 8, 8); expected an",
        ),
        ("1", TypeError, "channel_dim is '1' (str); expected an integer or None"),
        (True, TypeError, "channel_dim is True (bool); expected an integer or None"),
    ],
)
def test_axes_that_are_no_channels(channel_dim, error, message):
    with pytest.raises(error, match=re.escape(message)):
        GuidedFeatureInversion(HandSetNetwork(), "colours", channel_dim=channel_dim).attribute(
            PICTURES, 0
        )


def test_pooled_maps_have_no_positions():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    message = "layer '1' has shape (3, 4, 1, 1), without positions to make a mask of"
    refused(ValueError, message, 0, model=network, layers=("1",))
    taken = GuidedFeatureInversion(network, "0", "1").attribute(
        PICTURES, 0, attribute_to_layer_input=True, n_inversion_steps=1, n_target_steps=1
    )
    assert taken.isfinite().all()


@pytest.mark.parametrize(
    ("gives", "error", "message"),
    [
        (
            lambda maps: (maps, maps),
            TypeError,
            "layer 'layer' has a tuple with 2 tensors; expected",
        ),
        (lambda _: 3, TypeError, "layer 'layer' has int; expected a tensor"),
        (
            lambda maps: maps.cfloat(),
            TypeError,
            "one of its layers gives torch.complex64; expected",
        ),
        (lambda maps: maps[:1], ValueError, "layer 'layer' has shape (1, 2, 8, 8) for 3 pictures"),
        (
            lambda maps: maps / 0,
            ValueError,
            "layer 'layer' gives NaN or infinity for the pictures in rows 0",
        ),
        (
            lambda maps: maps.flatten(2).mT[:, :40],
            ValueError,
            "layer 'layer' has 40 tokens, which with or without a class token fill no grid",
        ),
    ],
)
def test_layers_that_give_no_maps(gives, error, message):
    model = Gives(layer=gives)
    refused(error, message, 0, model=model, layers=("network.classes", "layer"))


def test_one_tensor_in_a_tuple_is_taken():
    options = {"n_inversion_steps": 2, "n_target_steps": 2}
    plain, wrapped = Gives(), Gives(layer=lambda maps: (maps, None))
    masks = [
        GuidedFeatureInversion(model, "network.classes", "layer").attribute(PICTURES, 0, **options)
        for model in (plain, wrapped)
    ]
    assert torch.equal(*masks)


@pytest.mark.parametrize(
    ("gives", "error", "message"),
    [
        (lambda logits: logits.tolist(), TypeError, "forward_func gives list; expected a tensor"),
        (lambda logits: logits[:, 0], ValueError, "forward_func gives shape (3,)"),
        (lambda logits: logits[:, :1], ValueError, "forward_func gives shape (3, 1), of which the"),
        (lambda logits: logits.sum(), ValueError, "forward_func gives"),
        (lambda logits: logits[:2], ValueError, "shape (2,) for 3 pictures; expected one row per"),
    ],
)
def test_models_that_give_no_classes(gives, error, message):
    model = Gives(output=gives)
    refused(error, message, 0, model=model, layers=("layer",))


def test_models_that_are_none():
    for model, message in ((3, "forward_func is of type int"), (None, "is of type NoneType")):
        with pytest.raises(TypeError, match=message):
            GuidedFeatureInversion(model, "colours")
    network = HandSetNetwork()
    with pytest.raises(TypeError, match="forward_func is a function, of which no names are known"):
        GuidedFeatureInversion(lambda x: network(x), "colours")

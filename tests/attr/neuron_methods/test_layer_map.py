"""Maps of a neuron over the inputs, before and after they are up-sampled."""

from __future__ import annotations

import pytest
import torch
from captum import attr
from torch import nn

from invert_captum.attr.layer_shape import ReducedLayer
from invert_captum.attr.neuron_methods.layer_map import neuron_shares
from invert_captum.attr.neuron_methods.neuron_attribution import attribute_neuron

pytestmark = [pytest.mark.filterwarnings("ignore:Setting")]

MAPS = torch.randn(3, 2, 4, 5, generator=torch.Generator().manual_seed(0))
LAYER = nn.Identity()
REDUCTIONS = {
    "mean": lambda a: a / 20,
    "l2": lambda a: a.square() / a.square().sum((1, 2), keepdim=True).sqrt().clamp(min=1e-30),
    "max": lambda a: a * (a == a.amax((1, 2), keepdim=True)),
    "min": lambda a: a * (a == a.amin((1, 2), keepdim=True)),
    "center": lambda a: only(a, 2, 2),
    "first": lambda a: only(a, 0, 0),
    "last": lambda a: only(a, 3, 4),
}


def only(maps, row, column):
    kept = torch.zeros_like(maps)
    kept[:, row, column] = maps[:, row, column]
    return kept


def at(reduce, **options):
    return ReducedLayer(LAYER, LAYER, reduce=reduce, **options)


@pytest.mark.parametrize("reduce", REDUCTIONS)
def test_shares_by_hand_add_up_to_the_activation(reduce):
    shares = neuron_shares(MAPS, at(reduce), 1)
    torch.testing.assert_close(shares, REDUCTIONS[reduce](MAPS[:, 1]))
    torch.testing.assert_close(shares.sum((1, 2)), at(reduce).rows(MAPS)[:, 1])


def test_shares_of_any_neuron_axis():
    ours = neuron_shares(MAPS.movedim(1, -1), at("l2", neuron_dim=-1), 1)
    torch.testing.assert_close(ours, REDUCTIONS["l2"](MAPS[:, 1]))


def test_shares_of_a_callable_come_from_all_channels_that_it_takes():
    mixed = at(lambda maps: torch.stack([maps.sum(1).mean((1, 2)), maps[:, 0, 0, 0]], 1))
    torch.testing.assert_close(neuron_shares(MAPS, mixed, 0), MAPS.sum(1) / 20)
    torch.testing.assert_close(neuron_shares(MAPS, mixed, 1), only(MAPS[:, 0], 0, 0))


@pytest.mark.parametrize("output", [(MAPS, None), {"maps": MAPS}, [MAPS]])
def test_shares_of_a_tensor_inside_of_something(output):
    torch.testing.assert_close(neuron_shares(output, at("mean"), 1), MAPS[:, 1] / 20)


def test_callables_may_pick_one_of_several_tensors():
    picks = at(lambda output: output["b"][0].mean((2, 3)))
    shares = neuron_shares({"a": MAPS, "b": (2 * MAPS, None)}, picks, 1)
    torch.testing.assert_close(shares, MAPS[:, 1] / 10)
    both = at(lambda output: (output[0] + output[1]).mean((2, 3)))
    with pytest.raises(ValueError, match="draws neuron 1 of layer 'layer' from 2 tensors"):
        neuron_shares((MAPS, MAPS), both, 1)
    none = at(lambda output: torch.ones(3, 2))  # noqa: ARG005
    with pytest.raises(ValueError, match="from 0 tensors"):
        neuron_shares(MAPS, none, 1)


def test_a_silent_neuron_has_silent_shares():
    for reduce in REDUCTIONS:
        assert torch.equal(neuron_shares(0 * MAPS, at(reduce), 1), torch.zeros(3, 4, 5))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Sequential(
        *(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU6(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3)),
        *(nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3)),
    ).eval()


X = torch.rand(2, 1, 12, 16, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("reduce", REDUCTIONS)
def test_activation_maps_are_up_sampled_shares(model, reduce):
    ours = attribute_neuron(model, model[4], X, 2, attr.LayerActivation, reduce=reduce)
    shares = REDUCTIONS[reduce](model[:5](X)[:, 2].detach())
    expected = attr.LayerAttribution.interpolate(shares.unsqueeze(1), (12, 16), "bilinear")
    torch.testing.assert_close(ours, expected)
    assert not ours.requires_grad


def test_a_pooling_layer_shows_what_it_gets(model):
    pooled = {"name": "pool", "reduce": "mean"}
    told = r"'pool' gives one number a neuron.*attribute_to_neuron_input=T"
    with pytest.raises(ValueError, match=told):
        attribute_neuron(model, model[5], X, 2, attr.LayerActivation, **pooled)
    ours = attribute_neuron(
        model, model[5], X, 2, attr.LayerActivation, attribute_to_neuron_input=True, **pooled
    )
    before = attribute_neuron(model, model[4], X, 2, attr.LayerActivation)
    torch.testing.assert_close(ours, before)
    other_name = attribute_neuron(
        model, model[5], X, 2, attr.LayerActivation, attribute_to_layer_input=True
    )
    torch.testing.assert_close(other_name, before)


LAYER_METHODS = {
    attr.LayerGradientXActivation: {},
    attr.LayerConductance: {"n_steps": 9},
    attr.LayerIntegratedGradients: {"n_steps": 9},
    attr.LayerDeepLift: {},
    attr.LayerDeepLiftShap: {"baselines": torch.rand(3, 1, 12, 16)},
    attr.LayerFeatureAblation: {},
    attr.InternalInfluence: {"n_steps": 9},
}


@pytest.mark.parametrize("method", LAYER_METHODS)
@pytest.mark.parametrize("place", [3, 4])
def test_other_layer_methods_give_the_neurons_channel(model, method, place):
    options = {"target": 1, **LAYER_METHODS[method]}
    ours = attribute_neuron(model, model[place], X, 2, method, **options)
    assert model[4].inplace
    model[4].inplace = False
    captum = method(model, model[place]).attribute(X, **options)
    expected = attr.LayerAttribution.interpolate(captum[:, 2:3], (12, 16), "bilinear")
    torch.testing.assert_close(ours, expected)
    assert not ours.requires_grad


def test_all_layer_methods_of_captum_are_known():
    known = {value for name, value in vars(attr).items() if name.startswith("Layer")}
    others = {
        *(attr.LayerAttribution, attr.LayerActivation, attr.LayerGradCam),
        *(attr.LayerLRP, attr.LayerFeaturePermutation),
    }
    assert known - others == set(LAYER_METHODS) - {attr.InternalInfluence} | (
        known & {attr.LayerGradientShap}
    )


def test_layer_attributions_of_one_position_are_that_position(model):
    options = {"target": 1, "reduce": "center"}
    ours = attribute_neuron(model, model[4], X, 2, attr.LayerGradientXActivation, **options)
    captum = attr.LayerGradientXActivation(model, model[4]).attribute(X, target=1)
    kept = only(captum[:, 2], 2, 3).unsqueeze(1)
    torch.testing.assert_close(
        ours, attr.LayerAttribution.interpolate(kept, (12, 16), "bilinear").detach()
    )


@pytest.mark.parametrize(
    ("method", "options", "error", "message"),
    [
        (attr.LayerGradCam, {}, ValueError, "LayerGradCam, which sums over the channels"),
        (
            attr.LayerGradientXActivation,
            {"reduce": lambda maps: maps.mean((2, 3))},
            ValueError,
            "of whose columns no channel is known",
        ),
        (
            attr.LayerFeaturePermutation,
            {"attribute_to_neuron_input": True},
            TypeError,
            "LayerFeaturePermutation looks only at what a layer gives",
        ),
        (
            attr.LayerGradientXActivation,
            {"neuron": 6},
            ValueError,
            "has 6 neurons; expected 0 to 5",
        ),
        (attr.LayerActivation, {"neuron": 6}, ValueError, "has 6 neurons; expected 0 to 5"),
        (attr.LayerActivation, {"neuron": 1.5}, TypeError, "neuron_selector is 1.5"),
    ],
)
def test_refusals(model, method, options, error, message):
    target = {} if method is attr.LayerActivation else {"target": 1}
    arguments = {"neuron": 2, **target, **options}
    with pytest.raises(error, match=message):
        attribute_neuron(model, model[4], X, method=method, **arguments)


def test_layers_without_positions_have_no_map(model):
    for method in (attr.LayerActivation, attr.LayerGradientXActivation):
        target = {} if method is attr.LayerActivation else {"target": 1}
        with pytest.raises(ValueError, match=r"without positions to make a map of; expected"):
            attribute_neuron(model, model[7], X, 2, method, **target)


def test_methods_of_another_shape_are_refused(model):
    class Summed(attr.LayerGradientXActivation):
        def attribute(self, inputs, target=None):
            return super().attribute(inputs, target).sum(1, keepdim=True)

    with pytest.raises(ValueError, match=r"Summed, which gives shape \(2, 1, 4, 6\) where layer"):
        attribute_neuron(model, model[4], X, 2, Summed, target=1)


class Patches(nn.Module):
    """A small vision transformer with a class token."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Conv2d(1, 8, 4, 4)
        self.token = nn.Parameter(torch.randn(1, 1, 8))
        self.block = nn.TransformerEncoderLayer(8, nhead=2, dim_feedforward=16, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, images):
        patches = self.embed(images).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(len(images), -1, -1), patches], 1)
        return self.head(self.block(tokens).mean(1))


def test_patches_of_a_transformer_are_laid_over_the_picture():
    torch.manual_seed(0)
    model = Patches().eval()
    seen = []
    model.block.register_forward_hook(lambda _, __, output: seen.append(output.detach()))
    model(X)
    ours = attribute_neuron(model, model.block, X, 5, attr.LayerActivation)
    patches = seen[0][:, 1:, 5].reshape(2, 1, 3, 4) / 13
    torch.testing.assert_close(
        ours, attr.LayerAttribution.interpolate(patches, (12, 16), "bilinear")
    )
    with pytest.raises(ValueError, match="of layer 'layer' lies in its class token alone"):
        attribute_neuron(model, model.block, X, 5, attr.LayerActivation, reduce="first")
    gradient = attribute_neuron(
        model, model.block.linear2, X, 5, attr.LayerConductance, target=0, n_steps=5
    )
    assert gradient.shape == (2, 1, 12, 16)


def test_tokens_of_a_text_are_as_they_are():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 3)).eval()
    tokens = torch.randint(9, (2, 5))
    ours = attribute_neuron(model, model[1], tokens, 2, attr.LayerActivation, reduce="l2")
    values = model(tokens)[:, :, 2].detach()
    torch.testing.assert_close(ours, values.square() / values.norm(dim=1, keepdim=True))


def test_layers_that_give_mappings():
    class Named(nn.Module):
        def forward(self, maps):
            return {"maps": 2 * maps}

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.named = Named()

        def forward(self, images):
            return self.named(images)["maps"].mean((2, 3))

    model = Model().eval()
    ours = attribute_neuron(model, model.named, X, 0, attr.LayerActivation)
    torch.testing.assert_close(ours, 2 * X / (12 * 16))
    with pytest.raises(ValueError, match="gives dict, which LayerGradientXActivation cannot take"):
        attribute_neuron(model, model.named, X, 0, attr.LayerGradientXActivation, target=0)


def test_layers_changed_in_place_by_a_function_are_named():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 3)

        def forward(self, images):
            maps = self.conv(images)
            maps += 1
            return maps.mean((2, 3))

    model = Model().eval()
    with pytest.raises(ValueError, match="what layer 'conv' gives is changed in place"):
        attribute_neuron(
            model, model.conv, X, 0, attr.LayerIntegratedGradients, target=0, name="conv"
        )


def test_the_inputs_of_the_caller_are_left_alone(model):
    inputs = X.clone()
    attribute_neuron(model, model[4], inputs, 2, attr.LayerDeepLift, target=1)
    assert not inputs.requires_grad
    assert torch.equal(inputs, X)

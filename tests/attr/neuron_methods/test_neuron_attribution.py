from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from captum import attr
from torch import nn

from invert_captum.activations import extract_activations
from invert_captum.attr import attribute_neuron

pytestmark = [
    pytest.mark.filterwarnings("ignore:Setting"),
    pytest.mark.filterwarnings("ignore:Input Tensor"),
    pytest.mark.filterwarnings("ignore:The neuron_selector provided is a callable"),
]

METHODS = [
    attr.NeuronConductance,
    attr.NeuronDeconvolution,
    attr.NeuronDeepLift,
    attr.NeuronDeepLiftShap,
    attr.NeuronFeatureAblation,
    attr.NeuronGradient,
    attr.NeuronGradientShap,
    attr.NeuronGuidedBackprop,
    attr.NeuronIntegratedGradients,
]
IMAGES = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(1))
BASELINES = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(2))


@pytest.fixture
def model():
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.ReLU(),
        nn.Conv2d(4, 5, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(80, 6),
        nn.ReLU(),
        nn.Linear(6, 3),
    )
    return net.eval()


def seed():
    """GradientShap draws from both generators."""
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002


def options_of(method):
    """What Captum itself asks for beyond inputs and neuron."""
    if method in (attr.NeuronGradientShap, attr.NeuronDeepLiftShap):
        return {"baselines": BASELINES}
    return {"target": 0} if method is attr.NeuronConductance else {}


def rule_of_integration(method):
    """Captum's default for conductance has weights that sum to 1 - 1/n_steps."""
    return {"method": "gausslegendre"} if method is attr.NeuronConductance else {}


def activation(model, layer, x, neuron, reduce="mean"):
    rows = extract_activations(model, {"layer": layer}, x, reduce=reduce).activations["layer"]
    return rows[:, neuron]


def test_all_neuron_methods_of_captum_are_covered():
    known = {value for name, value in vars(attr).items() if name.startswith("Neuron")}
    assert known - {attr.NeuronAttribution} == set(METHODS)


@pytest.mark.parametrize("method", METHODS)
def test_neurons_without_positions_are_captums_plain_integer(model, method):
    seed()
    ours = attribute_neuron(model, model[5], IMAGES, 4, method, reduce="max", **options_of(method))
    seed()
    captum = method(model, model[5]).attribute(
        IMAGES, 4, **options_of(method), **rule_of_integration(method)
    )
    torch.testing.assert_close(ours, captum)
    assert not ours.requires_grad


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("reduce", "position"), [("center", 2), ("first", 0), ("last", 3)])
def test_one_position_is_captums_index(model, method, reduce, position):
    seed()
    ours = attribute_neuron(model, model[2], IMAGES, 1, method, reduce=reduce, **options_of(method))
    seed()
    captum = method(model, model[2]).attribute(
        IMAGES, (1, position, position), **options_of(method), **rule_of_integration(method)
    )
    torch.testing.assert_close(ours, captum)


@pytest.mark.parametrize(("neuron_dim", "index"), [(1, (1, 3, 3)), (2, (2, 1, 3)), (-1, (2, 3, 1))])
def test_conductance_of_any_neuron_axis(model, neuron_dim, index):
    options = {"reduce": "center", "neuron_dim": neuron_dim, "target": 0}
    ours = attribute_neuron(model, model[0], IMAGES, 1, attr.NeuronConductance, **options)
    captum = attr.NeuronConductance(model, model[0]).attribute(
        IMAGES, index, target=0, method="gausslegendre"
    )
    torch.testing.assert_close(ours, captum)


@pytest.mark.parametrize("reduce", ["mean", "max", "min", "l2"])
def test_gradients_are_those_of_the_reduced_activation(model, reduce):
    x = IMAGES.clone().requires_grad_()
    maps = model[:3](x)[:, 1].flatten(1)
    value = {
        "mean": lambda: maps.mean(1),
        "max": lambda: maps.max(1).values,
        "min": lambda: maps.min(1).values,
        "l2": lambda: maps.square().sum(1).sqrt(),
    }[reduce]()
    (expected,) = torch.autograd.grad(value.sum(), x)
    ours = attribute_neuron(model, model[2], IMAGES, 1, attr.NeuronGradient, reduce=reduce)
    torch.testing.assert_close(ours, expected)


@pytest.mark.parametrize("reduce", ["mean", "max", "min", "l2"])
def test_integrated_gradients_are_complete(model, reduce):
    ours = attribute_neuron(
        model, model[2], IMAGES, 1, reduce=reduce, baselines=BASELINES[:2], n_steps=500
    )
    change = activation(model, model[2], IMAGES, 1, reduce) - activation(
        model, model[2], BASELINES[:2], 1, reduce
    )
    torch.testing.assert_close(ours.flatten(1).sum(1), change, rtol=0.01, atol=1e-3)


def test_deep_lift_is_complete_for_the_mean_and_refused_where_it_is_not(model):
    change = activation(model, model[2], IMAGES, 1) - activation(model, model[2], BASELINES[:2], 1)
    ours = attribute_neuron(
        model, model[2], IMAGES, 1, attr.NeuronDeepLift, baselines=BASELINES[:2]
    )
    torch.testing.assert_close(ours.flatten(1).sum(1), change)
    captum = attr.NeuronDeepLift(model, model[2]).attribute(
        IMAGES, lambda maps: maps[:, 1].amax((1, 2)), BASELINES[:2]
    )
    change = activation(model, model[2], IMAGES, 1, "max") - activation(
        model, model[2], BASELINES[:2], 1, "max"
    )
    assert not torch.allclose(captum.flatten(1).sum(1), change, rtol=0.05)
    for reduce in ("max", "min", "l2"):
        with pytest.raises(ValueError, match=r"NeuronDeepLift, whose rules.*not linear"):
            attribute_neuron(model, model[2], IMAGES, 1, attr.NeuronDeepLift, reduce=reduce)


@pytest.mark.parametrize("reduce", ["max", "min", "l2", lambda maps: maps.mean((2, 3))])
def test_conductance_of_other_reductions_is_refused(model, reduce):
    with pytest.raises(ValueError, match=r"NeuronConductance.*NeuronIntegratedGradients or Neuron"):
        attribute_neuron(
            model, model[2], IMAGES, 1, attr.NeuronConductance, reduce=reduce, target=0
        )


def test_conductance_of_a_mean_is_that_of_the_channel_where_captum_is_wrong(model):
    ours = attribute_neuron(model, model[2], IMAGES, 1, attr.NeuronConductance, target=0)
    conductance = attr.NeuronConductance(model, model[2])
    options = {"target": 0, "method": "gausslegendre"}
    positions = sum(
        conductance.attribute(IMAGES, (1, row, column), **options)
        for row in range(4)
        for column in range(4)
    )
    torch.testing.assert_close(ours, positions, rtol=1e-5, atol=1e-6)
    captum = conductance.attribute(IMAGES, lambda maps: maps[:, 1].mean((1, 2)), **options)
    assert not torch.allclose(captum.sum(), positions.sum(), rtol=0.5)


def test_conductance_of_maps_with_one_position(model):
    net = nn.Sequential(*model[:3], nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 2)).eval()
    method = attr.NeuronConductance
    ours = attribute_neuron(net, net[3], IMAGES, 1, method, reduce="max", target=0)
    captum = method(net, net[3]).attribute(IMAGES, (1, 0, 0), target=0, method="gausslegendre")
    torch.testing.assert_close(ours, captum)
    with pytest.raises(ValueError, match="NeuronConductance"):
        attribute_neuron(net, net[3], IMAGES, 1, method, reduce="l2", target=0)


def test_input_of_the_layer(model):
    ours = attribute_neuron(model, model[3], IMAGES, 1, attribute_to_neuron_input=True)
    torch.testing.assert_close(ours, attribute_neuron(model, model[2], IMAGES, 1))


def test_several_inputs_and_further_arguments():
    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden = nn.Linear(3, 4)

        def forward(self, one, other, scale):
            return {"hidden": self.hidden(one * other * scale)}

    pair, one, other = Pair(), torch.rand(2, 3), torch.rand(2, 3)
    first, second = attribute_neuron(
        pair,
        pair.hidden,
        (one, other),
        2,
        attr.NeuronGradient,
        additional_forward_args=torch.tensor(2.0),
    )
    torch.testing.assert_close(first, 2 * other * pair.hidden.weight[2].detach())
    torch.testing.assert_close(second, 2 * one * pair.hidden.weight[2].detach())


def test_arguments_of_constructor_and_call_find_their_place(model):
    local = attribute_neuron(
        model, model[5], IMAGES, 1, multiply_by_inputs=False, n_steps=7, method=METHODS[-1]
    )
    captum = METHODS[-1](model, model[5], multiply_by_inputs=False)
    torch.testing.assert_close(local, captum.attribute(IMAGES, 1, n_steps=7))
    with pytest.raises(TypeError, match="unexpected argument 'n_step'; nearest names: 'n_steps'"):
        attribute_neuron(model, model[5], IMAGES, 1, n_step=7)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("fail", [False, True])
def test_model_and_inputs_are_as_before_also_after_an_error(model, method, fail):
    model.train()
    model[3].eval()
    model[2].bias.requires_grad_(False)
    before = copy.deepcopy(model)
    before_attributes = [set(vars(module)) for module in model.modules()]
    inputs, calls = IMAGES.clone(), []

    def reduce(output):
        calls.append(output)
        if fail and len(calls) > 1:
            raise RuntimeError("broken")
        return output

    if fail and method is not attr.NeuronConductance:
        with pytest.raises(RuntimeError, match="broken"):
            attribute_neuron(
                model, model[5], inputs, 1, method, reduce=reduce, **options_of(method)
            )
    elif not fail:
        attribute_neuron(model, model[5], inputs, 1, method, **options_of(method))
    assert [m.training for m in model.modules()] == [m.training for m in before.modules()]
    assert not any(
        getattr(module, kind)
        for module in model.modules()
        for kind in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks")
    )
    assert [set(vars(module)) for module in model.modules()] == before_attributes
    assert all(weight.grad is None for weight in model.parameters())
    assert [w.requires_grad for w in model.parameters()] == [
        w.requires_grad for w in before.parameters()
    ]
    assert not inputs.requires_grad
    assert torch.equal(inputs, IMAGES)


def test_layers_that_run_twice_are_refused():
    class Reused(nn.Module):
        def __init__(self):
            super().__init__()
            self.relu = nn.ReLU()

        def forward(self, x):
            return self.relu(self.relu(x) - 0.5)

    model = Reused()
    with pytest.raises(ValueError, match="'relu' is called 2 times"):
        attribute_neuron(model, model.relu, torch.rand(2, 3), 1, name="relu")


@pytest.mark.parametrize(
    ("neuron", "error", "message"),
    [
        (5, ValueError, "neuron_selector is 5, but layer 'conv' has 5 neurons; expected 0 to 4"),
        (-1, ValueError, "neuron_selector is -1"),
        (1.0, TypeError, "neuron_selector is 1.0; expected an integer"),
        (True, TypeError, "neuron_selector is True"),
    ],
)
def test_neurons_that_do_not_exist(model, neuron, error, message):
    with pytest.raises(error, match=message):
        attribute_neuron(model, model[2], IMAGES, neuron, name="conv")


@pytest.mark.parametrize(
    "method", [attr.IntegratedGradients, attr.DeepLift, "NeuronGradient", None]
)
def test_other_methods_are_refused(model, method):
    with pytest.raises(TypeError, match=r"expected a subclass of captum.attr.NeuronAttribution"):
        attribute_neuron(model, model[2], IMAGES, 1, method)


def test_neurons_may_come_from_a_table(model):
    for method in (attr.NeuronIntegratedGradients, attr.NeuronConductance):
        ours, same = (
            attribute_neuron(model, model[5], IMAGES, neuron, method, **options_of(method))
            for neuron in (np.int64(1), 1)
        )
        torch.testing.assert_close(ours, same)


def test_loaders_are_refused(model):
    with pytest.raises(TypeError, match="inputs is a DataLoader; expected a tensor or a tuple"):
        attribute_neuron(model, model[2], torch.utils.data.DataLoader(IMAGES), 1)


class Block(nn.Module):
    """Pixels as tokens through a transformer block, whose rectifier is no module."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(1, 8)
        self.block = nn.TransformerEncoderLayer(8, nhead=2, dim_feedforward=16, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, images):
        return self.head(self.block(self.embed(images.flatten(2).transpose(1, 2))).mean(1))


UNREACHED = (
    *(attr.NeuronGuidedBackprop, attr.NeuronDeconvolution),
    *(attr.NeuronDeepLift, attr.NeuronDeepLiftShap),
)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("layer", ["block.linear2", "block"])
def test_transformer_blocks_are_attributed_or_refused(method, layer):
    torch.manual_seed(0)
    model = Block().eval()
    module = model.get_submodule(layer)
    images = IMAGES[:, :, :4, :4]
    options = {"name": layer, **options_of(method)}
    if "baselines" in options:
        options["baselines"] = BASELINES[:, :, :4, :4]
    if method in UNREACHED:
        named = "LayerNorm" if "DeepLift" in method.__name__ else "Relu inside of 'block'"
        with pytest.raises(ValueError, match=rf"no rule for these operations.*{named}"):
            attribute_neuron(model, module, images, 2, method, **options)
        return
    attribution = attribute_neuron(model, module, images, 2, method, **options)
    assert attribution.shape == images.shape
    assert attribution.isfinite().all()
    assert attribution.any()


@pytest.mark.parametrize("method", [*METHODS, attr.LayerActivation, attr.LayerConductance])
def test_switching_gradients_off_around_the_call_changes_nothing(model, method):
    needs_target = method in (attr.NeuronConductance, attr.LayerConductance)
    options = {"target": 0} if needs_target else options_of(method)
    seed()
    expected = attribute_neuron(model, model[2], IMAGES, 1, method, **options)
    for switched_off in (torch.no_grad, torch.inference_mode):
        seed()
        with switched_off():
            inputs = IMAGES.clone()
            ours = attribute_neuron(model, model[2], inputs, 1, method, **options)
        torch.testing.assert_close(ours, expected)


def test_ablated_features_are_grid_cells_unless_a_mask_is_given():
    net = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(3, 2, 3), nn.ReLU()).eval()
    images = torch.rand(2, 3, 28, 56, generator=torch.Generator().manual_seed(4))
    method = attr.NeuronFeatureAblation
    ours = attribute_neuron(net, net[1], images, 1, method)
    cells = ours.reshape(2, 3, 14, 2, 14, 4)
    torch.testing.assert_close(cells, cells[:, :1, :, :1, :, :1].expand_as(cells))
    assert len(ours[0].unique()) > 150
    mask = torch.zeros(1, 1, 28, 56, dtype=torch.long)
    whole = attribute_neuron(net, net[1], images, 1, method, feature_mask=mask)
    change = activation(net, net[1], images, 1) - activation(net, net[1], 0 * images, 1)
    torch.testing.assert_close(whole, change.reshape(2, 1, 1, 1).expand_as(whole))


def test_inputs_without_gradients_are_refused():
    model = nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 3)).eval()
    tokens = torch.randint(9, (2, 5))
    with pytest.raises(TypeError, match=r"torch.int64, by which NeuronGradient has no gradient"):
        attribute_neuron(model, model[1], tokens, 1, attr.NeuronGradient)
    ablated = attribute_neuron(model, model[1], tokens, 1, attr.NeuronFeatureAblation)
    assert ablated.shape == tokens.shape


@pytest.mark.parametrize(
    ("method", "options"),
    [
        (attr.LayerGradientXActivation, {"return_convergence_delta": True}),
        (attr.LayerActivation, {"target": 1}),
    ],
)
def test_arguments_that_a_method_does_not_take_here(model, method, options):
    with pytest.raises(TypeError, match="unexpected argument"):
        attribute_neuron(model, model[2], IMAGES, 1, method, **options)


def test_captums_own_complaints_name_the_method(model):
    with pytest.raises(ValueError, match="LayerGradientXActivation refuses its arguments"):
        attribute_neuron(model, model[2], IMAGES, 1, attr.LayerGradientXActivation)


@pytest.mark.parametrize("method", [attr.NeuronAttribution, attr.LayerAttribution])
def test_the_abstract_methods_are_refused(model, method):
    with pytest.raises(TypeError, match="which is abstract"):
        attribute_neuron(model, model[2], IMAGES, 1, method)


@pytest.mark.parametrize("target", [1, 77])
def test_layer_lrp_leaves_nothing_in_the_model_also_after_an_error(target):
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 6), nn.AvgPool2d(1))
    before = [set(vars(module)) for module in model.eval().modules()]
    options = {"target": (target, 0, 0)}
    if target == 77:
        with pytest.raises(IndexError):
            attribute_neuron(model, model[0], IMAGES, 1, attr.LayerLRP, **options)
    else:
        assert attribute_neuron(model, model[0], IMAGES, 1, attr.LayerLRP, **options).any()
    assert [set(vars(module)) for module in model.modules()] == before


@pytest.mark.parametrize("method", [attr.NeuronGradient, attr.NeuronConductance, METHODS[2]])
def test_models_without_a_gradient_are_told_so(method):
    class Frozen(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.relu, self.last = nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)

        def forward(self, x):
            with torch.no_grad():
                hidden = self.relu(self.first(x))
            return self.last(hidden)

    model, x = Frozen().eval(), torch.rand(2, 3)
    with pytest.raises(ValueError, match=f"{method.__name__}, but autograd finds no way through"):
        attribute_neuron(model, model.last, x, 1, method, **options_of(method))
    assert attribute_neuron(model, model.last, x, 1, attr.NeuronFeatureAblation).any()

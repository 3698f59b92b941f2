"""Guided backpropagation, deconvolution and DeepLIFT against backward passes by hand."""

from __future__ import annotations

import copy
import math
import re

import pytest
import torch
from captum import attr
from torch import nn
from torch.nn import functional

from invert_captum.activations import extract_activations
from invert_captum.attr.activation_functions.activation_rules import (
    rule_of,
    with_activation_modules,
)
from invert_captum.attr.layer_shape import ReducedLayer
from invert_captum.attr.neuron_methods.neuron_attribution import attribute_neuron

pytestmark = [
    pytest.mark.filterwarnings("ignore:Setting"),
    pytest.mark.filterwarnings("ignore:Input Tensor"),
    pytest.mark.filterwarnings("ignore:The neuron_selector provided is a callable"),
]

GUIDED = [attr.NeuronGuidedBackprop, attr.NeuronDeconvolution]
CEILINGS = {nn.ReLU: float("inf"), nn.ReLU6: 6.0}


@pytest.fixture(params=CEILINGS)
def rectifier(request):
    return request.param


def dense(rectifier):
    """Two rectified layers of which some units are beyond six, some below zero."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Linear(4, 7), rectifier(inplace=True), nn.Linear(7, 6), rectifier(), nn.Linear(6, 3)
    )
    with torch.no_grad():
        net[0].weight.mul_(12)
        net[2].weight.mul_(4)
    return net.eval()


def forward(net, x):
    ceiling = CEILINGS[type(net[1])]
    first = x @ net[0].weight.T + net[0].bias
    second = first.clamp(0, ceiling) @ net[2].weight.T + net[2].bias
    return first.detach(), second.detach(), ceiling


X = torch.randn(16, 4, generator=torch.Generator().manual_seed(1))
BASELINES = torch.randn(16, 4, generator=torch.Generator().manual_seed(2))


def test_guided_backpropagation_by_hand(rectifier):
    net = dense(rectifier)
    first, second, ceiling = forward(net, X)
    if rectifier is nn.ReLU6:
        assert (first > 6).any()
        assert (second > 6).any()
    gradient = net[4].weight[1].detach().expand(16, 6)
    gradient = gradient.clamp(min=0) * (second > 0) * (second < ceiling)
    gradient = (gradient @ net[2].weight.detach()).clamp(min=0) * (first > 0) * (first < ceiling)
    expected = gradient @ net[0].weight.detach()
    ours = attribute_neuron(net, net[4], X, 1, attr.NeuronGuidedBackprop)
    torch.testing.assert_close(ours, expected)
    plain = attribute_neuron(net, net[4], X, 1, attr.NeuronGradient)
    assert not torch.allclose(ours, plain)


def test_deconvolution_by_hand(rectifier):
    net = dense(rectifier)
    first, second, ceiling = forward(net, X)
    gradient = net[4].weight[1].detach().expand(16, 6).clamp(min=0) * (second < ceiling)
    gradient = (gradient @ net[2].weight.detach()).clamp(min=0) * (first < ceiling)
    expected = gradient @ net[0].weight.detach()
    ours = attribute_neuron(net, net[4], X, 1, attr.NeuronDeconvolution)
    torch.testing.assert_close(ours, expected)


def test_deep_lift_by_hand(rectifier):
    net = dense(rectifier)
    first, second, ceiling = forward(net, X)
    first_0, second_0, _ = forward(net, BASELINES)

    def multiplier(z, z_0):
        return (z.clamp(0, ceiling) - z_0.clamp(0, ceiling)) / (z - z_0)

    slope = net[4].weight[1].detach() * multiplier(second, second_0)
    slope = (slope @ net[2].weight.detach()) * multiplier(first, first_0)
    expected = (slope @ net[0].weight.detach()) * (X - BASELINES)
    ours = attribute_neuron(net, net[4], X, 1, attr.NeuronDeepLift, baselines=BASELINES)
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-4)
    change = net(X)[:, 1] - net(BASELINES)[:, 1]
    torch.testing.assert_close(ours.sum(1), change.detach(), rtol=1e-4, atol=1e-4)


def test_deep_lift_shap_is_the_mean_over_baselines(rectifier):
    net = dense(rectifier)
    ours = attribute_neuron(net, net[4], X[:3], 1, attr.NeuronDeepLiftShap, baselines=BASELINES[:2])
    each = [
        attribute_neuron(net, net[4], X[:3], 1, attr.NeuronDeepLift, baselines=one.expand(3, 4))
        for one in BASELINES[:2]
    ]
    torch.testing.assert_close(ours, (each[0] + each[1]) / 2, rtol=1e-4, atol=1e-4)


class Reused(nn.Module):
    """One rectifier for everything, and a shortcut, as in a residual network."""

    def __init__(self, rectifier, *, inplace=False):
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1)
        self.act = rectifier(inplace=inplace)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.inner = nn.Conv2d(4, 4, 3, padding=1)
        self.outer = nn.Conv2d(4, 4, 3, padding=1)
        self.last = nn.Conv2d(4, 5, 3)
        self.head = nn.Linear(5, 3)

    def forward(self, x):
        x = self.pool(self.act(self.stem(x)))
        x = self.act(self.outer(self.act(self.inner(x))) + x)
        return self.head(self.act(self.last(x)).mean((2, 3)))


@pytest.mark.parametrize("inplace", [False, True])
def test_modules_that_run_several_times_and_overlapping_pools(rectifier, inplace):
    torch.manual_seed(0)
    net = Reused(rectifier, inplace=inplace).eval()
    with torch.no_grad():
        net.stem.weight.mul_(10)
    x, baselines = torch.randn(3, 1, 10, 10), torch.randn(3, 1, 10, 10)

    def change(layer):
        rows = [
            extract_activations(net, {"": layer}, one).activations[""] for one in (x, baselines)
        ]
        return (rows[0] - rows[1])[:, 2]

    for layer in (net.last, net.inner, net.pool, net.stem):
        ours = attribute_neuron(net, layer, x, 2, attr.NeuronDeepLift, baselines=baselines)
        torch.testing.assert_close(
            ours.flatten(1).sum(1), change(layer), rtol=1e-4, atol=1e-4 * change(layer).abs().max()
        )


def test_guided_backpropagation_through_a_reused_rectifier(rectifier):
    torch.manual_seed(0)
    net = Reused(rectifier).eval()
    with torch.no_grad():
        net.stem.weight.mul_(10)
    x = torch.randn(3, 1, 10, 10, requires_grad=True)

    class Guide(torch.autograd.Function):
        @staticmethod
        def forward(ctx, z):
            ctx.save_for_backward(z)
            return z.clamp(0, CEILINGS[rectifier])

        @staticmethod
        def backward(ctx, gradient):
            (z,) = ctx.saved_tensors
            return gradient.clamp(min=0) * (z > 0) * (z < CEILINGS[rectifier])

    by_hand = copy.deepcopy(net)
    by_hand.act.forward = Guide.apply
    layer_output = []
    by_hand.last.register_forward_hook(lambda _, __, output: layer_output.append(output))
    by_hand(x)
    (expected,) = torch.autograd.grad(layer_output[0][:, 2].mean((1, 2)).sum(), x)
    ours = attribute_neuron(net, net.last, x, 2, attr.NeuronGuidedBackprop)
    torch.testing.assert_close(ours, expected)


@pytest.mark.parametrize("method", [*GUIDED, attr.NeuronDeepLift])
@pytest.mark.parametrize("at_input", [False, True])
def test_the_layer_may_be_the_rectifier_itself(rectifier, method, at_input):
    net = dense(rectifier)
    options = {"attribute_to_neuron_input": at_input}
    if method is attr.NeuronDeepLift:
        options["baselines"] = BASELINES
    ours = attribute_neuron(net, net[3], X, 1, method, **options)
    first, second, ceiling = forward(net, X)
    if method is not attr.NeuronDeepLift:
        gradient = torch.zeros(16, 6)
        inside = (second > 0) & (second < ceiling)
        if method is attr.NeuronDeconvolution:
            inside = second < ceiling
        gradient[:, 1] = 1.0 if at_input else inside[:, 1].float()
        alive = first < ceiling
        alive = alive if method is attr.NeuronDeconvolution else alive & (first > 0)
        gradient = (gradient @ net[2].weight.detach()).clamp(min=0) * alive
        torch.testing.assert_close(ours, gradient @ net[0].weight.detach())
        return
    outputs = [forward(net, one)[1] for one in (X, BASELINES)]
    outputs = outputs if at_input else [one.clamp(0, ceiling) for one in outputs]
    change = (outputs[0] - outputs[1])[:, 1]
    torch.testing.assert_close(ours.sum(1), change, rtol=1e-4, atol=1e-4)


def test_layer_deep_lift_reaches_what_lies_behind_the_layer(rectifier):
    torch.manual_seed(0)
    net = Reused(rectifier).eval()
    with torch.no_grad():
        net.inner.weight.mul_(30)
    x, baselines = torch.randn(3, 1, 10, 10), torch.randn(3, 1, 10, 10)
    options = {"baselines": baselines, "target": 1, "name": "pool"}
    maps = [
        attribute_neuron(net, net.pool, x, neuron, attr.LayerDeepLift, **options)
        for neuron in range(4)
    ]
    # Pooled to 5 x 5 and laid over 10 x 10, each value of the layer counts four times.
    total = sum(one.flatten(1).sum(1) for one in maps) / 4
    change = (net(x) - net(baselines))[:, 1].detach()
    torch.testing.assert_close(total, change, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "activation",
    [nn.ReLU(), nn.ReLU6(), nn.Tanh(), nn.LeakyReLU(), nn.MaxPool2d(2), nn.MaxPool2d(2, 1)],
    ids=str,
)
def test_layer_deep_lift_has_the_rule_of_the_very_layer_whose_input_it_looks_at(activation):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), activation, nn.Flatten(), nn.LazyLinear(2))
    x, baselines = torch.randn(3, 1, 6, 6), torch.randn(3, 1, 6, 6)
    change = (net.eval()(x) - net(baselines))[:, 1].detach()
    options = {"attribute_to_layer_input": True, "baselines": baselines, "target": 1}
    maps = [attribute_neuron(net, net[1], x, k, attr.LayerDeepLift, **options) for k in range(4)]
    torch.testing.assert_close(sum(maps).flatten(1).sum(1), change, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("between", [[], [nn.Identity()], [nn.Tanh()], [nn.LeakyReLU()]], ids=str)
@pytest.mark.parametrize("pooling", [nn.MaxPool2d(2), nn.MaxPool2d(3, 1), nn.Sigmoid()], ids=str)
def test_deep_lift_is_complete_where_one_activation_module_follows_another(between, pooling):
    torch.manual_seed(0)
    first = nn.Conv2d(1, 4, 3, padding=1)
    net = nn.Sequential(first, nn.ReLU(), *between, pooling, nn.Conv2d(4, 3, 1)).eval()
    x, baselines = torch.randn(3, 1, 8, 8), torch.randn(3, 1, 8, 8)
    change = (net(x) - net(baselines))[:, 2].detach()
    method, layer = attr.NeuronDeepLift, net[-1]
    ours = attribute_neuron(net, layer, x, 2, method, baselines=baselines)
    torch.testing.assert_close(ours.flatten(1).sum(1), change.mean((1, 2)), rtol=1e-4, atol=1e-5)
    behind = {"baselines": baselines, "target": (2, 1, 1)}
    maps = [attribute_neuron(net, first, x, k, attr.LayerDeepLift, **behind) for k in range(4)]
    total = sum(maps).flatten(1).sum(1)
    torch.testing.assert_close(total, change[:, 1, 1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("method", [*GUIDED, attr.NeuronDeepLift])
@pytest.mark.parametrize("hooked", [1, 2, 3])
def test_backward_hooks_of_the_model_change_nothing(rectifier, method, hooked):
    net = dense(rectifier)
    options = {"baselines": BASELINES} if method is attr.NeuronDeepLift else {}
    expected = attribute_neuron(net, net[4], X, 1, method, **options)
    # Torch itself forbids backward hooks around what is changed in place.
    for module in (net[1], net[3]):
        module.inplace = False
    net[hooked].register_full_backward_hook(lambda *_: None)
    torch.testing.assert_close(attribute_neuron(net, net[4], X, 1, method, **options), expected)


@pytest.mark.parametrize("method", [*GUIDED, attr.NeuronDeepLift])
def test_inputs_that_are_not_finite_go_through_the_copy(method):
    net = dense(nn.ReLU6)
    for strange in (math.nan, math.inf):
        x = X.clone()
        x[0] = strange
        ours = attribute_neuron(net, net[4], x, 1, method)
        torch.testing.assert_close(ours[1:], attribute_neuron(net, net[4], X[1:], 1, method))


class Flagged(nn.Module):
    """Gives a mask of booleans and its rank beside the prediction."""

    def __init__(self):
        super().__init__()
        self.first, self.relu, self.last = nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2)

    def forward(self, x):
        hidden = self.relu(self.first(x))
        return {"flags": hidden > 0, "output": self.last(hidden)}


def test_copies_are_compared_whatever_the_type_of_the_output():
    model = Flagged().eval()
    rule = rule_of(attr.LayerDeepLift)
    prepared = with_activation_modules(rule, ReducedLayer(model, model.first), X)
    assert torch.equal(prepared.model(X)["flags"], model(X)["flags"])


def test_recurrent_layers_have_no_rule_of_deep_lift():
    model = nn.Sequential(nn.LSTM(4, 3, batch_first=True)).eval()
    options = {"reduce": lambda output: output[0].mean(1)}
    with pytest.raises(ValueError, match=r"no rule for these operations.*\(LSTM\)"):
        attribute_neuron(model, model[0], torch.rand(2, 5, 4), 1, attr.NeuronDeepLift, **options)


class Functional(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.relu = nn.ReLU()
        self.second = nn.Linear(4, 3)
        self.function = function

    def forward(self, x):
        return self.second(self.function(self.relu(self.first(x))))


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):  # noqa: ARG004
        return 2 * x

    @staticmethod
    def backward(ctx, gradient):  # noqa: ARG004
        return 2 * gradient


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (functional.relu, "Relu inside of '' (Functional)"),
        (functional.relu6, "Hardtanh inside of"),
        (functional.gelu, "Gelu inside of"),
        (lambda x: x.clamp(min=0), "Clamp inside of"),
        (lambda x: torch.maximum(x, torch.zeros(())), "Maximum inside of"),
        (Doubled.apply, "Doubled inside of"),
    ],
)
def test_functional_activations_beside_modules_are_refused(function, named):
    net = Functional(function).eval()
    for method in (*GUIDED, attr.NeuronDeepLift):
        message = re.escape(f"no rule for these operations before layer 'second': {named}")
        with pytest.raises(ValueError, match=message):
            attribute_neuron(net, net.second, X, 1, method, name="second")


@pytest.mark.parametrize(
    "function",
    [
        torch.tanh,
        torch.sigmoid,
        lambda x: x.softmax(1),
        lambda x: x * x,
        lambda x: x / (1 + x.square()),
        lambda x: x.pow(2),
        lambda x: functional.layer_norm(x, (4,)),
        lambda x: functional.max_pool1d(x.unsqueeze(1), 2, 1, 1)[:, 0, :4],
    ],
)
def test_other_functions_are_refused_by_deep_lift_and_plain_for_guided_backpropagation(function):
    net = Functional(function).eval()
    with pytest.raises(ValueError, match=r"NeuronDeepLift, which has no rule.*inside of ''"):
        attribute_neuron(net, net.second, X, 1, attr.NeuronDeepLift)
    assert attribute_neuron(net, net.second, X, 1, attr.NeuronGuidedBackprop).shape == X.shape


def test_what_is_linear_is_left_alone():
    def linear(x):
        y = torch.cat([x / 3, 2 * x], 1)[:, ::2]
        return torch.stack([y, 1 - y], 1).mean(1) + y @ torch.ones(4, 4) - y.flip(1)

    net = Functional(linear).eval()
    ours = attribute_neuron(net, net.second, X, 1, attr.NeuronDeepLift, baselines=BASELINES)
    change = (net(X) - net(BASELINES))[:, 1].detach()
    torch.testing.assert_close(ours.sum(1), change, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "module",
    [
        *(nn.GELU(), nn.SiLU(), nn.LeakyReLU(), nn.ELU(), nn.SELU(), nn.CELU(), nn.Hardswish()),
        *(nn.Mish(), nn.Softplus(), nn.PReLU(), nn.RReLU(), nn.Threshold(0.1, 0), nn.LogSigmoid()),
        *(nn.Softshrink(), nn.Hardshrink()),
    ],
    ids=lambda module: type(module).__name__,
)
def test_rectifiers_without_a_rule_are_refused_by_guided_backpropagation(module):
    net = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4), module, nn.Linear(4, 2)).eval()
    kind = type(module).__name__
    for method in GUIDED:
        with pytest.raises(ValueError, match=rf"before layer '4': '3' \({kind}\); expected Neuron"):
            attribute_neuron(net, net[4], X, 1, method, name="4")
        # What runs after the layer does not matter.
        assert attribute_neuron(net, net[2], X, 1, method).shape == X.shape


@pytest.mark.parametrize(
    "module",
    [nn.Sigmoid(), nn.Tanh(), nn.Softmax(1), nn.Hardtanh(), nn.Hardsigmoid(), nn.Softsign()],
    ids=lambda module: type(module).__name__,
)
def test_gates_keep_their_gradient_in_guided_backpropagation(module):
    net = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 4), module, nn.Linear(4, 2)).eval()
    ours = attribute_neuron(net, net[4], X, 1, attr.NeuronGuidedBackprop)
    first = (X @ net[0].weight.T + net[0].bias).detach()
    hidden = first.clamp(min=0).requires_grad_()
    (gradient,) = torch.autograd.grad(net[2:](hidden)[:, 1].sum(), hidden)
    expected = (gradient.clamp(min=0) * (first > 0)) @ net[0].weight.detach()
    torch.testing.assert_close(ours, expected)


@pytest.mark.parametrize(
    "module",
    [nn.ELU(), nn.LeakyReLU(), nn.Sigmoid(), nn.Tanh(), nn.Softplus(), nn.Hardtanh(-0.1, 0.2)],
    ids=lambda module: type(module).__name__,
)
def test_deep_lift_is_complete_for_functions_of_one_variable(module):
    net = nn.Sequential(nn.Linear(4, 4), module, nn.Linear(4, 4), module, nn.Linear(4, 2)).eval()
    ours = attribute_neuron(net, net[4], X, 1, attr.NeuronDeepLift, baselines=BASELINES)
    change = (net(X) - net(BASELINES))[:, 1].detach()
    torch.testing.assert_close(ours.sum(1), change, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "module",
    [
        *(nn.GELU(), nn.SiLU(), nn.SELU(), nn.Hardswish(), nn.PReLU(), nn.Softsign()),
        *(nn.Softmax(1), nn.LayerNorm(4), nn.Threshold(0.1, 0)),
    ],
    ids=lambda module: type(module).__name__,
)
def test_modules_without_a_rule_are_refused_by_deep_lift(module):
    net = nn.Sequential(nn.Linear(4, 4), module, nn.Linear(4, 2), nn.GELU()).eval()
    named = rf"'1' \({type(module).__name__}\)"
    with pytest.raises(ValueError, match=rf"before layer 'out': .*{named}; expected Neuron"):
        attribute_neuron(net, net[2], X, 1, attr.NeuronDeepLift, name="out")
    conv = nn.Sequential(nn.Conv1d(1, 2, 1), module, nn.Flatten(), nn.Linear(8, 3)).eval()
    options = {"target": 0, "neuron_dim": 1, "name": "conv"}
    with pytest.raises(ValueError, match=rf"after layer 'conv': .*{named}; expected LayerCond"):
        attribute_neuron(conv, conv[0], X.unsqueeze(1), 1, attr.LayerDeepLift, **options)


def test_attention_is_refused_by_deep_lift():
    class Attending(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
            self.out = nn.Linear(4, 3)

        def forward(self, x):
            return self.out(self.attention(x, x, x)[0])

    net = Attending().eval()
    with pytest.raises(ValueError, match=r"'attention' \(MultiheadAttention\)"):
        attribute_neuron(net, net.out, X.reshape(4, 4, 4), 1, attr.NeuronDeepLift)


@pytest.mark.parametrize("kind", [nn.MaxPool1d, nn.MaxPool3d])
def test_overlapping_pools_of_other_dimensions_are_refused(kind):
    n_axes = int(kind.__name__[-2])
    conv = getattr(nn, f"Conv{n_axes}d")
    x = torch.randn(2, 1, *(6,) * n_axes)
    for stride in (1, 2):
        net = nn.Sequential(conv(1, 2, 1), kind(2, stride), conv(2, 3, 1)).eval()
        options = {"neuron_dim": 1, "baselines": torch.randn_like(x)}
        if stride == 1:
            with pytest.raises(ValueError, match=r"MaxPool2?3?DWithIndices inside of '1'"):
                attribute_neuron(net, net[2], x, 1, attr.NeuronDeepLift, **options)
            continue
        ours = attribute_neuron(net, net[2], x, 1, attr.NeuronDeepLift, **options)
        change = (net(x) - net(options["baselines"]))[:, 1].flatten(1).mean(1)
        torch.testing.assert_close(ours.flatten(1).sum(1), change.detach())


@pytest.mark.parametrize("method", GUIDED)
def test_without_a_rectifier_before_the_layer_guided_backpropagation_is_refused(method):
    net = dense(nn.ReLU)
    with pytest.raises(ValueError, match="finds no ReLU module before layer 'first' and so is the"):
        attribute_neuron(net, net[0], X, 1, method, name="first")


def test_a_linear_layer_needs_no_rule_for_deep_lift():
    net = dense(nn.ReLU6)
    ours = attribute_neuron(net, net[0], X, 1, attr.NeuronDeepLift, baselines=BASELINES)
    torch.testing.assert_close(ours, net[0].weight[1].detach() * (X - BASELINES))


def test_the_model_is_as_before_and_keeps_its_own_hooks():
    net = dense(nn.ReLU6)
    doubled = net[1].register_forward_hook(lambda _, __, output: 2 * output)
    expected = (net(X) - net(BASELINES))[:, 1].detach()
    before = str(net)
    ours = attribute_neuron(net, net[4], X, 1, attr.NeuronDeepLift, baselines=BASELINES)
    torch.testing.assert_close(ours.sum(1), expected, rtol=1e-4, atol=1e-4)
    assert str(net) == before
    doubled.remove()
    assert not any(module._forward_hooks for module in net.modules())
    assert all(weight.requires_grad and weight.grad is None for weight in net.parameters())


def test_models_that_need_their_activations_in_place_are_refused():
    class Careless(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(4, 5)
            self.relu = nn.ReLU6(inplace=True)
            self.second = nn.Linear(5, 3)

        def forward(self, x):
            x = self.first(x)
            self.relu(x)
            return self.second(x)

    net = Careless().eval()
    for method in (attr.NeuronGuidedBackprop, attr.NeuronDeepLift):
        with pytest.raises(ValueError, match=r"gives other values where its activation modules"):
            attribute_neuron(net, net.second, X, 1, method)


def test_models_that_cannot_be_copied_are_refused():
    net = dense(nn.ReLU)
    net.generator = (i for i in range(3))
    with pytest.raises(TypeError, match=r"model is a Sequential that cannot be copied \(cannot pi"):
        attribute_neuron(net, net[4], X, 1, attr.NeuronGuidedBackprop)


def test_methods_have_the_rules_that_they_need():
    assert rule_of(attr.NeuronGuidedBackprop).guided
    assert not rule_of(attr.NeuronDeepLiftShap).guided
    assert rule_of(attr.LayerDeepLiftShap).after_layer
    assert rule_of(attr.NeuronGradient) is None
    assert rule_of(attr.LayerConductance) is None

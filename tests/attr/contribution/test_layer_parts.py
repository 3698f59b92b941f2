"""Parts against closed forms, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from captum import attr
from torch import nn

from invert_captum.attr.contribution.layer_methods import Steps, layer_method
from invert_captum.attr.contribution.layer_parts import LayerParts, split_prediction
from invert_captum.attr.layer_shape import ReducedLayer

pytestmark = [
    pytest.mark.filterwarnings("ignore:Setting"),
    pytest.mark.filterwarnings("ignore:Input Tensor"),
]

METHODS = [
    attr.LayerConductance,
    attr.LayerIntegratedGradients,
    attr.LayerDeepLift,
    attr.LayerGradientXActivation,
]


def linear(weight, bias=None):
    weight = torch.tensor(weight)
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.weight.data = weight
    layer.bias.data = torch.zeros(len(weight)) if bias is None else torch.tensor(bias)
    return layer


def split(model, name, method, inputs, baselines=0.0, *, n_steps=400, **options):
    site = {one: options.pop(one) for one in ("reduce", "neuron_dim", "at_input") if one in options}
    return split_prediction(
        ReducedLayer(model, model.get_submodule(name), name, **site),
        layer_method(method),
        Steps(n_steps),
        (inputs,),
        (torch.full_like(inputs, baselines),),
        **options,
    )


def delta(parts: LayerParts):
    return parts.total - (parts.prediction - parts.baseline_prediction)


@pytest.mark.parametrize("method", METHODS)
def test_a_linear_layer_is_weight_times_difference(method):
    """v_i (z_i - z'_i) for z = W x + b; conductance leaves out the ends beyond its nodes."""
    first = linear([[1.0, 2.0], [-1.0, 0.5], [0.0, 3.0]], [0.1, 0.2, 0.3])
    last = linear([[2.0, -1.0, 0.5], [1.0, 1.0, 1.0]], [4.0, 5.0])
    inputs = torch.tensor([[1.0, 2.0], [-0.5, 0.25]])
    parts = split(nn.Sequential(first, last), "0", method, inputs, 0.5, n_steps=50, target=0)

    at_zero = method is attr.LayerGradientXActivation
    start = torch.zeros(2, 3) if at_zero else first(torch.full_like(inputs, 0.5)).detach()
    expected = (first(inputs).detach() - start).double() * torch.tensor([2.0, -1.0, 0.5])
    nodes = np.polynomial.legendre.leggauss(51)[0]
    covered = (nodes[-1] - nodes[0]) / 2 if method is attr.LayerConductance else 1.0
    assert parts.neurons.numpy() == pytest.approx(covered * expected.numpy(), abs=1e-5)
    assert parts.prediction.numpy() == pytest.approx(
        last(first(inputs))[:, 0].detach().numpy(), abs=1e-6
    )
    assert delta(parts).numpy() == pytest.approx((covered - 1) * expected.sum(1).numpy(), abs=1e-5)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("activation", [nn.ReLU, nn.ReLU6])
def test_separate_activations_give_their_own_difference(activation, method):
    """v_i (f(z_i) - f(z'_i)): z crosses 0 and 6, one way or the other, or stays between them."""
    first = linear([[1.0], [-1.0], [8.0], [0.25]], [-0.25, 0.75, 1.0, 1.0])
    last = linear([[2.0, -1.0, 0.5, 3.0]])
    model = nn.Sequential(first, activation(), last)
    f = torch.relu if activation is nn.ReLU else torch.nn.functional.relu6
    inputs = torch.tensor([[1.0], [0.5], [-0.5]])
    before, start = first(inputs).detach(), first(torch.zeros(3, 1)).detach()
    if method is attr.LayerGradientXActivation:
        inside = (before > 0) & ((before < 6) | (activation is nn.ReLU))
        expected = before * inside
        change = f(before)
    else:
        expected = change = f(before) - f(start)
    parts = split(model, "0", method, inputs, target=0)
    v = last.weight.detach()
    tolerance = 1e-5 if method in METHODS[2:] else 0.05
    assert parts.neurons.numpy() == pytest.approx((v * expected).numpy(), abs=tolerance)
    gap = (v * (expected - change)).sum(1)
    assert delta(parts).numpy() == pytest.approx(gap.numpy(), abs=tolerance)


def gated(activation, slope):
    """Return f(slope (h0 + h1 - 1)) with h = relu(2 x0 - 1), relu(x1)."""
    first = linear([[2.0, 0.0], [0.0, 1.0]], [-1.0, 0.0])
    return nn.Sequential(first, nn.ReLU(), linear([[slope, slope]], [-slope]), activation())


# From x' = 0 to x = (1, 2), h is (max(0, 2a - 1), 2a), which is (1, 2) at the end.
CROSSING = [
    # The gate opens at a = 1/2, and in the layer's own straight line at 1/3.
    (nn.ReLU, 1.0, attr.LayerConductance, [1.0, 1.0], 0.0),
    (nn.ReLU, 1.0, attr.LayerIntegratedGradients, [2 / 3, 4 / 3], 0.0),
    (nn.ReLU, 1.0, attr.LayerDeepLift, [2 / 3, 4 / 3], 0.0),
    (nn.ReLU, 1.0, attr.LayerGradientXActivation, [1.0, 2.0], 1.0),
    # With slope 4 it closes again at a = 7/8, and in that line at 5/6.
    (nn.ReLU6, 4.0, attr.LayerConductance, [3.0, 3.0], 0.0),
    (nn.ReLU6, 4.0, attr.LayerIntegratedGradients, [2.0, 4.0], 0.0),
    (nn.ReLU6, 4.0, attr.LayerDeepLift, [2.0, 4.0], 0.0),
    (nn.ReLU6, 4.0, attr.LayerGradientXActivation, [0.0, 0.0], -6.0),
]


@pytest.mark.parametrize(("activation", "slope", "method", "expected", "gap"), CROSSING)
def test_a_gate_that_opens_on_the_way(activation, slope, method, expected, gap):
    parts = split(gated(activation, slope), "1", method, torch.tensor([[1.0, 2.0]]))
    tolerance = 1e-5 if method in METHODS[2:] else 0.02 * slope
    assert parts.neurons[0].tolist() == pytest.approx(expected, abs=tolerance)
    assert delta(parts).tolist() == pytest.approx([gap], abs=tolerance)


@pytest.mark.parametrize("method", METHODS[:3])
@pytest.mark.parametrize(("activation", "slope"), [(nn.ReLU, 1.0), (nn.ReLU6, 0.5)])
def test_inside_one_linear_region_all_agree(activation, slope, method):
    """From x' = (0.9, 1.5) to (1, 2): slope (h - h'), h' = (0.8, 1.5)."""
    site = ReducedLayer(model := gated(activation, slope), model[1], "1")
    inputs, baselines = (torch.tensor([[1.0, 2.0]]),), (torch.tensor([[0.9, 1.5]]),)
    parts = split_prediction(site, layer_method(method), Steps(), inputs, baselines)
    expected = [slope * 0.2, slope * 0.5]
    rel = 2e-3 if method is attr.LayerConductance else 1e-5
    assert parts.neurons[0].tolist() == pytest.approx(expected, rel=rel)


@pytest.fixture
def convolutional():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))


IMAGES = torch.rand(3, 1, 6, 6, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("method", METHODS)
def test_a_linear_head_is_split_without_a_gap(convolutional, method):
    parts = split(convolutional, "1", method, IMAGES, target=1, n_steps=50)
    bound = 0.01 if method is attr.LayerConductance else 1e-5
    assert (delta(parts).abs() <= bound * parts.neurons.abs().sum(1)).all()


@pytest.mark.parametrize(
    ("reduce", "place"),
    [
        ("mean", None),
        ("max", None),
        ("min", None),
        ("l2", None),
        ("center", (2, 2)),
        ("first", (0, 0)),
        ("last", (3, 3)),
    ],
)
def test_a_channel_is_its_positions_or_the_one_that_was_picked(convolutional, reduce, place):
    """Captum's own attribution is the oracle."""
    parts = split(
        convolutional, "1", attr.LayerGradientXActivation, IMAGES, target=1, reduce=reduce
    )
    captum = attr.LayerGradientXActivation(convolutional, convolutional[1])
    full = captum.attribute(IMAGES.clone().requires_grad_(), 1).detach()
    expected = full.sum((2, 3)) if place is None else full[:, :, place[0], place[1]]
    assert parts.neurons.numpy() == pytest.approx(expected.numpy(), abs=1e-6)
    assert parts.total.numpy() == pytest.approx(full.sum((1, 2, 3)).numpy(), abs=1e-6)


def test_neuron_dim_chooses_the_axis_of_the_neurons(convolutional):
    method = attr.LayerGradientXActivation
    usual = split(convolutional, "1", method, IMAGES, target=1)
    rows = split(convolutional, "1", method, IMAGES, target=1, neuron_dim=2)
    assert rows.neurons.shape == (3, 4)
    assert not torch.allclose(rows.neurons, usual.neurons)
    assert torch.allclose(rows.total, usual.total)


@pytest.mark.parametrize("activation", [nn.ReLU(), nn.ReLU6(), nn.Tanh()])
@pytest.mark.parametrize("method", METHODS)
def test_what_the_layer_gets_can_be_split(convolutional, method, activation):
    """The input of the activation is the output of the convolution."""
    convolutional[1] = activation
    at_input = split(convolutional, "1", method, IMAGES, target=1, at_input=True)
    at_output = split(convolutional, "0", method, IMAGES, target=1)
    for one, other in [
        (at_input.neurons, at_output.neurons),
        (at_input.baseline_prediction, at_output.baseline_prediction),
    ]:
        assert one.numpy() == pytest.approx(other.numpy(), abs=1e-6)


class Encoders(nn.Module):
    """Two transformer blocks over tokens, and a linear head on their mean."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        for name in ("lower", "upper"):
            self.add_module(name, nn.TransformerEncoderLayer(6, 2, 12, batch_first=True))
        self.head = nn.Linear(6, 3)

    def forward(self, tokens):
        return self.head(self.upper(self.lower(tokens)).mean(1))


TOKENS = torch.rand(2, 5, 6, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("method", METHODS)
def test_a_transformer_block_before_a_linear_head(method):
    parts = split(Encoders(), "upper", method, TOKENS, -1.0, target=1, n_steps=200)
    assert parts.neurons.shape == (2, 6)
    bound = 0.01 if method is attr.LayerConductance else 1e-5
    assert (delta(parts).abs() < bound).all()


@pytest.mark.parametrize("method", METHODS[:2])
def test_a_transformer_block_before_another(method):
    parts = split(Encoders(), "lower", method, TOKENS, -1.0, target=1, n_steps=200)
    assert (delta(parts).abs() < 0.02).all()


def test_deeplift_has_no_rule_for_attention():
    with pytest.raises(ValueError, match=r"LayerDeepLift, .* after layer 'lower'"):
        split(Encoders(), "lower", attr.LayerDeepLift, TOKENS, target=1)


class TwoOutputs(nn.Module):
    def forward(self, inputs):
        return inputs, 2 * inputs


class Odd(nn.Module):
    """A layer with two outputs, one that runs twice, one that does not, and one called by name."""

    def __init__(self) -> None:
        super().__init__()
        self.two = TwoOutputs()
        self.twice = nn.ReLU()
        self.never = nn.ReLU()
        self.named = nn.ReLU()

    def forward(self, inputs):
        one, other = self.two(inputs)
        return self.named(input=self.twice(one) + self.twice(other)).sum(1)


@pytest.mark.parametrize(
    ("layer", "options", "error", "message"),
    [
        ("two", {}, TypeError, "layer 'two' gives tuple of 2; expected a layer with one tensor"),
        ("twice", {}, ValueError, "layer 'twice' is called 2 times"),
        ("never", {}, ValueError, "layer 'never' is not called"),
        ("named", {"at_input": True}, ValueError, "gets input by name"),
        ("named", {"target": 0}, ValueError, "target has 1 indices"),
        ("named", {"target": "predicted"}, ValueError, 'target is "predicted"'),
    ],
)
def test_what_cannot_be_split_is_refused(layer, options, error, message):
    with pytest.raises(error, match=message):
        split(Odd(), layer, attr.LayerGradientXActivation, torch.rand(2, 3), **options)


class Apart(nn.Module):
    """Layers that the output has no gradient by, and one whose first axis is not the samples."""

    def __init__(self) -> None:
        super().__init__()
        self.aside, self.before, self.tokens = nn.Linear(3, 2), nn.Linear(3, 2), nn.Linear(3, 2)

    def forward(self, inputs):
        self.aside(inputs)
        tokens = self.tokens(inputs.repeat(1, 2).reshape(-1, 3)).reshape(len(inputs), 2, 2)
        return self.before(inputs).detach() + tokens.mean(1)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("aside", "output at target has no gradient by the layer"),
        ("before", "output at target has no gradient by the layer"),
        ("tokens", "layer 'tokens' gives 4 rows for 2 samples; expected one each"),
    ],
)
def test_layers_that_do_not_lead_to_the_output_sample_by_sample_are_refused(method, layer, message):
    with pytest.raises(ValueError, match=message):
        split(Apart(), layer, method, torch.rand(2, 3), target=0)


class InATuple(nn.Module):
    def forward(self, inputs):
        return (inputs,)


class FirstOf(nn.Module):
    def forward(self, several):
        return several[0]


@pytest.mark.parametrize("method", METHODS)
def test_a_layer_may_give_its_tensor_in_a_tuple(method):
    last = linear([[1.0, 2.0]])
    model = nn.Sequential(linear([[1.0], [3.0]]), InATuple(), FirstOf(), last)
    parts = split(model, "1", method, torch.tensor([[2.0]]))
    assert parts.neurons[0].tolist() == pytest.approx([2.0, 12.0], rel=2e-3)
    assert parts.prediction.tolist() == [14.0]


@pytest.mark.parametrize("method", METHODS)
def test_a_layer_without_an_axis_of_neurons_is_one_neuron(method):
    model = nn.Sequential(linear([[1.0, 3.0]]), nn.Flatten(0), nn.Identity())
    parts = split(model, "1", method, torch.tensor([[2.0, 1.0], [1.0, 0.0]]))
    assert parts.neurons.tolist() == [
        pytest.approx([5.0], rel=2e-3),
        pytest.approx([1.0], rel=2e-3),
    ]


def test_a_reduction_by_a_function_hides_which_positions_are_a_neuron(convolutional):
    with pytest.raises(ValueError, match="reduce is 'brightest', a function, but layer '1' has"):
        split(convolutional, "1", METHODS[3], IMAGES, target=1, reduce="brightest")
    parts = split(convolutional, "3", METHODS[3], IMAGES, target=1, reduce="brightest")
    assert parts.neurons.shape == (3, 3)


def test_a_model_that_works_in_place_on_its_inputs():
    model = nn.Sequential(nn.ReLU(inplace=True), linear([[1.0, 2.0]]))
    inputs = torch.tensor([[-1.0, 1.0]])
    for method in METHODS[1:2]:
        parts = split(model, "0", method, inputs)
        assert parts.neurons.tolist() == [pytest.approx([0.0, 2.0])]
    assert inputs.tolist() == [[-1.0, 1.0]]


class Shifted(nn.Module):
    """Works in place on an argument beside its input."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = linear([[1.0], [3.0]])
        self.head = linear([[1.0, 2.0]])

    def forward(self, inputs, shift):
        shift += 1
        return self.head(self.layer(inputs)) + shift


@pytest.mark.parametrize("method", [METHODS[0], METHODS[1], METHODS[3]])
def test_a_model_that_works_in_place_on_a_further_argument(method):
    shift = torch.zeros(1, 1)
    options = {"additional_forward_args": (shift,)}
    parts = split(Shifted(), "layer", method, torch.tensor([[2.0]]), **options)
    assert (parts.prediction - parts.baseline_prediction).tolist() == [14.0]
    assert parts.prediction.tolist() == [15.0]
    assert shift.item() == 0


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = linear([[1.0], [3.0]]), linear([[1.0, 2.0]])

    def forward(self, inputs, scale):
        return self.head(self.layer(inputs) * scale)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(), (1, 2), (2,), (3, 1)])
def test_tensors_without_a_row_per_sample_are_repeated_by_no_method(method, shape):
    options = {"additional_forward_args": (torch.full(shape, 2.0),)}
    inputs = torch.tensor([[1.0], [2.0], [3.0]])
    if method in METHODS[:3] and shape in [(1, 2), (2,)]:
        with pytest.raises(ValueError, match=r"tensor of shape \(.*\) for 3 samples, which Layer"):
            split(Scaled(), "layer", method, inputs, **options)
        return
    parts = split(Scaled(), "layer", method, inputs, **options)
    assert parts.neurons[:, 1].tolist() == pytest.approx([12.0, 24.0, 36.0], rel=1e-2)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("layer", ["0", "1"])
def test_activation_functions_may_work_in_place(convolutional, method, layer):
    """Captum's LayerIntegratedGradients alone fails on them."""
    expected = split(convolutional, layer, method, IMAGES, target=1)
    convolutional[1].inplace = True
    parts = split(convolutional, layer, method, IMAGES, target=1)
    assert torch.equal(parts.neurons, expected.neurons)
    assert convolutional[1].inplace


@pytest.mark.parametrize("method", METHODS)
def test_the_caller_may_be_in_inference_mode(convolutional, method):
    expected = split(convolutional, "1", method, IMAGES, target=1)
    with torch.inference_mode():
        parts = split(convolutional, "1", method, IMAGES.clone(), target=1)
    assert torch.equal(parts.neurons, expected.neurons)


@pytest.mark.parametrize("method", METHODS)
def test_the_model_itself_may_be_the_layer_but_has_no_rules_behind_it(convolutional, method):
    site, steps = ReducedLayer(convolutional, convolutional, "model"), Steps()
    inputs, baselines = (IMAGES,), (torch.zeros_like(IMAGES),)
    if method is attr.LayerDeepLift:
        with pytest.raises(ValueError, match="layer is the model itself, behind which LayerDeepL"):
            split_prediction(site, layer_method(method), steps, inputs, baselines, target=1)
        return
    parts = split_prediction(site, layer_method(method), steps, inputs, baselines, target=1)
    assert parts.neurons[:, [0, 2]].abs().max() == 0
    assert delta(parts).abs().max() < 1e-2

from __future__ import annotations

import copy

import pytest
import torch
from captum import attr
from labelled_by_hand import labelled
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import invert_captum as ic
from invert_captum.attr.contribution.concept_contribution import ConceptContribution
from invert_captum.result import LabelingResult

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
IMAGES = torch.rand(5, 1, 6, 6, generator=torch.Generator().manual_seed(1))
LABELS = ["dog", "cat", None, "dog"]


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Dropout(), nn.Linear(64, 3)
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("significant_only", [True, False])
def test_labels_and_remainder_make_up_the_layer(model, method, significant_only):
    """Captum's own attribution is the oracle."""
    result = labelled(LABELS, layer="1", significant=[0, 1])
    contribution = ConceptContribution(model, "1", result, significant_only=significant_only)
    found = contribution.attribute(IMAGES, 2, method)
    model.eval()
    full = method(model, model[1]).attribute(IMAGES.clone().requires_grad_(), target=2)
    full = full.detach().double().sum((2, 3))
    kept = [0, 1] if significant_only else [0, 1, 3]
    assert found.keys == tuple(kept)
    assert [one.neuron for one in found.explanations] == kept
    assert found.neurons.numpy() == pytest.approx(full[:, kept].numpy(), abs=1e-6)
    rest = full.sum(1) - full[:, kept].sum(1)
    assert found.remainder.numpy() == pytest.approx(rest.numpy(), abs=1e-6)
    sum_of_all = found.neurons.sum(1) + found.remainder - found.delta
    assert sum_of_all.numpy() == pytest.approx(found.change.numpy(), abs=1e-12)
    with torch.no_grad():
        assert found.prediction.tolist() == pytest.approx(model(IMAGES)[:, 2].tolist(), abs=1e-6)
    assert found.method == method.__name__


def test_the_layer_may_be_a_module_and_unnamed_in_the_result(model):
    by_name = ConceptContribution(model, "1", labelled(LABELS, layer="1")).attribute(IMAGES, 0)
    by_module = ConceptContribution(model, model[1], labelled(LABELS)).attribute(IMAGES, 0)
    assert torch.equal(by_name.neurons, by_module.neurons)


def test_of_several_layers_it_takes_its_own(model):
    both = labelled(LABELS, layer="1").explanations + labelled(["red"] * 3, layer="4").explanations
    result = LabelingResult(both, {}, keyed_by_layer=True)
    found = ConceptContribution(model, "4", result).attribute(IMAGES, 0)
    assert found.keys == (("4", 0), ("4", 1), ("4", 2))
    assert [result[key][0] for key in found.keys] == list(found.explanations)
    # The output itself: only its own class contributes.
    assert found.neurons[:, 1:].abs().max() == 0


def test_a_labelling_brings_its_reduction_along(model):
    """Channels at one position; what the other positions do is remainder."""
    images = torch.rand(120, 1, 6, 6, generator=torch.Generator().manual_seed(3))
    concepts = ic.ConceptSet(images[:, 0, :2, 0] > 0.5, ["upper", "lower"])
    labeler = ic.NeuronConceptLabeler(model, "1")
    result = labeler.interpret(
        images, concepts, reduce="center", attribute_to_layer_input=True, max_length=1
    )
    contribution = ConceptContribution(model, "1", result, significant_only=False)
    method = attr.LayerGradientXActivation
    found = contribution.attribute(IMAGES, 1, method)
    model.eval()
    full = method(model, model[1]).attribute(
        IMAGES.clone().requires_grad_(), 1, attribute_to_layer_input=True
    )
    assert found.neurons.numpy() == pytest.approx(full[:, :, 2, 2].detach().numpy(), abs=1e-6)
    assert (found.neurons.sum(1) + found.remainder).numpy() == pytest.approx(
        full.detach().sum((1, 2, 3)).numpy(), abs=1e-6
    )
    every = contribution.attribute(
        IMAGES, 1, method, reduce="mean", attribute_to_layer_input=False, neuron_dim=1
    )
    outputs = method(model, model[1]).attribute(IMAGES.clone().requires_grad_(), 1)
    assert every.neurons.numpy() == pytest.approx(outputs.sum((2, 3)).detach().numpy(), abs=1e-6)


def test_the_axis_of_the_neurons_is_that_of_the_extraction(model):
    told = {"reduce": "mean", "neuron_dim": 2, "attribute_to_layer_input": False}
    contribution = ConceptContribution(model, "1", labelled(LABELS, extraction=told))
    rows = contribution.attribute(IMAGES, 1, METHODS[3]).neurons
    channels = contribution.attribute(IMAGES, 1, METHODS[3], neuron_dim=1).neurons
    model.eval()
    full = METHODS[3](model, model[1]).attribute(IMAGES.clone().requires_grad_(), 1).detach()
    kept = [0, 1, 3]
    assert rows.numpy() == pytest.approx(full.sum((1, 3))[:, kept].numpy(), abs=1e-6)
    assert channels.numpy() == pytest.approx(full.sum((2, 3))[:, kept].numpy(), abs=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_the_mean_of_a_class_is_that_of_its_samples(model, method):
    contribution = ConceptContribution(model, "1", labelled(LABELS))
    each = contribution.attribute(IMAGES, 2, method).mean()
    dataset = TensorDataset(IMAGES, torch.arange(5))
    for inputs in (IMAGES, (IMAGES,), dataset, DataLoader(dataset, batch_size=3)):
        found = contribution.attribute_class(inputs, 2, method, batch_size=2)
        assert found.n_samples == 5
        assert found.target == 2
        for name in ("neurons", "remainder", "prediction", "baseline_prediction", "delta"):
            one, other = getattr(found, name), getattr(each, name)
            assert one.numpy() == pytest.approx(other.numpy(), abs=1e-6)
        errors = found.standard_errors.labels.numpy()
        assert errors == pytest.approx(each.standard_errors.labels.numpy(), abs=1e-6)


def test_the_mean_over_predicted_classes(model):
    contribution = ConceptContribution(model, "1", labelled(LABELS))
    found = contribution.attribute_class(IMAGES, "predicted", batch_size=2)
    with torch.no_grad():
        highest = model.eval()(IMAGES).max(1).values
    assert found.prediction.item() == pytest.approx(highest.mean().item(), abs=1e-6)
    assert found.target == "predicted"


def test_token_ids_and_a_frozen_model():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(9, 4), nn.Flatten(), nn.Linear(12, 5), nn.Tanh())
    model = nn.Sequential(*model, nn.Linear(5, 2)).requires_grad_(False)
    contribution = ConceptContribution(model, "2", labelled(["dog"] * 5))
    ids = torch.tensor([[1, 2, 3], [4, 5, 6]])
    for method in METHODS[1:]:
        found = contribution.attribute(ids, 1, method)
        limit = 1e-5 if method is not METHODS[3] else 1.0
        assert found.delta.abs().max() < limit
    assert not any(weight.requires_grad for weight in model.parameters())
    with pytest.raises(ValueError, match="expected floating"):
        contribution.attribute(ids, 1)


def state_of(model):
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return (
        [module.training for module in model.modules()],
        [weight.requires_grad for weight in model.parameters()],
        [weight.grad for weight in model.parameters()],
        [len(getattr(module, name)) for module in model.modules() for name in hooks],
        [sorted(vars(module)) for module in model.modules()],
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("target", [1, 7])
def test_the_model_is_left_as_it_was(model, method, target):
    """Also after an error: there is no class 7."""
    model[0].eval()
    model[4].bias.requires_grad_(False)
    model[0].weight.grad = torch.ones_like(model[0].weight)
    before, weights = state_of(model), copy.deepcopy(model.state_dict())
    images = IMAGES.clone()
    contribution = ConceptContribution(model, "1", labelled(LABELS))
    if target == 1:
        with torch.no_grad():
            contribution.attribute(images, target, method)
    else:
        with pytest.raises(ValueError, match="target is 7"):
            contribution.attribute(images, target, method)
    assert state_of(model) == before
    assert torch.equal(images, IMAGES)
    assert not images.requires_grad
    assert all(torch.equal(weights[name], one) for name, one in model.state_dict().items())


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((len, "1", labelled(LABELS)), TypeError, "forward_func is of type builtin"),
        (("model", "7", labelled(LABELS)), ValueError, "layer is '7'"),
        (("model", ["1"], labelled(LABELS)), TypeError, "layer is of type list"),
        (("model", "0", labelled(LABELS, layer="1")), ValueError, r"result has the layers \['1'\]"),
    ],
)
def test_constructions_that_are_refused(model, arguments, error, message):
    first, *rest = arguments
    with pytest.raises(error, match=message):
        ConceptContribution(model if first == "model" else first, *rest)


def test_without_a_test_there_is_nothing_significant(model, rng):
    concepts = ic.ConceptSet(rng.random((200, 2)) < 0.5, ["dog", "cat"])
    result = ic.label_neurons(rng.normal(size=(200, 4)), concepts, significance=None)
    with pytest.raises(ValueError, match="significant_only is True, but the result tested no"):
        ConceptContribution(model, "1", result)
    contribution = ConceptContribution(model, "1", result, significant_only=False)
    assert len(contribution.attribute(IMAGES, 0).keys) == 4


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"inputs": DataLoader(IMAGES)}, TypeError, "expected a tensor .* attribute_class"),
        ({"inputs": TensorDataset(IMAGES)}, TypeError, "inputs is a TensorDataset"),
        ({"inputs": IMAGES[:0]}, ValueError, "no samples"),
        ({"method": attr.LayerGradCam}, TypeError, "method is LayerGradCam; expected one of"),
        ({"n_steps": 0}, ValueError, "n_steps is 0"),
        ({"internal_batch_size": 0}, ValueError, "internal_batch_size is 0"),
        ({"target": [0, 1]}, ValueError, "target has 2 entries for 5 samples"),
        ({"target": None}, ValueError, "one number per sample"),
        ({"reduce": "median"}, ValueError, "reduce is 'median'"),
        ({"reduce": torch.std}, ValueError, "a function, but layer '1' has positions"),
        ({"neuron_dim": 7}, ValueError, "neuron_dim is 7"),
        ({"baselines": torch.zeros(2, 1, 6, 6)}, ValueError, "baselines has shape"),
    ],
)
def test_calls_that_are_refused(model, arguments, error, message):
    contribution = ConceptContribution(model, "1", labelled(LABELS))
    with pytest.raises(error, match=message):
        contribution.attribute(**{"inputs": IMAGES, "target": 0, **arguments})


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"target": [0] * 5}, ValueError, "target has 5 entries for a mean"),
        ({"baselines": torch.zeros(5, 1, 6, 6)}, ValueError, "expected one row"),
        ({"inputs": [IMAGES]}, TypeError, "inputs is list"),
        ({"batch_size": 0}, ValueError, "batch_size is 0"),
        ({"inputs": DataLoader(TensorDataset(IMAGES[:0]))}, ValueError, "inputs has no samples"),
        ({"inputs": DataLoader([{"x": 1.0}])}, TypeError, "arguments by name"),
    ],
)
def test_means_that_are_refused(model, arguments, error, message):
    contribution = ConceptContribution(model, "1", labelled(LABELS))
    with pytest.raises(error, match=message):
        contribution.attribute_class(**{"inputs": IMAGES, "target": 0, **arguments})


def test_a_result_of_a_wider_layer_is_refused(model):
    contribution = ConceptContribution(model, "1", labelled(["dog"] * 6))
    with pytest.raises(ValueError, match="result has neuron 5, but layer '1' has 4 neurons"):
        contribution.attribute(IMAGES, 0)

import copy

import numpy as np
import pytest
import torch
from captum.attr import GuidedBackprop
from tiny_classifier import TinyClassifier
from torch import nn

from benchmarks.localization_of_objects import object_methods
from benchmarks.localization_of_objects.guided_copy import guided_copy
from benchmarks.localization_of_objects.inversion_variants import AS_IT_IS, variants
from benchmarks.localization_of_objects.object_methods import (
    AT_LAST_BLOCK,
    CENTRE,
    INVERSION,
    METHODS,
    Method,
    averaged,
    blurred,
    chosen_methods,
    inversion,
)

METHOD = {method.name: method for method in METHODS}
# Float32 differs between batches; that each picture gets what it gets alone has tests of its own.
INVERSIONS = [name for name in METHOD if name.startswith(INVERSION)]


@pytest.fixture
def pictures():
    return torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture
def targets():
    return torch.tensor([1, 3])


def state_of(network):
    hooks = [
        (len(module._forward_hooks), len(module._forward_pre_hooks), len(module._backward_hooks))
        for module in network.modules()
    ]
    flags = [(weight.requires_grad, weight.grad is None) for weight in network.parameters()]
    return hooks, flags, [module.training for module in network.modules()], str(network)


@pytest.mark.filterwarnings("ignore:picture")  # The penalties are not made for such a network.
@pytest.mark.parametrize("name", METHOD)
def test_every_method_gives_finite_maps_and_leaves_the_network_as_it_was(name, pictures, targets):
    network = TinyClassifier()
    before = state_of(network)
    with torch.no_grad():  # As Captum's metrics call it.
        maps = METHOD[name].of(network, pictures[:1])(pictures, targets)
    assert maps.shape == (2, 224, 224)
    assert maps.isfinite().all()
    assert not maps.requires_grad
    assert state_of(network) == before
    assert not pictures.requires_grad


@pytest.mark.parametrize("name", [name for name in METHOD if name not in (CENTRE, *INVERSIONS)])
def test_every_method_but_the_centre_asks_for_the_class_of_each_picture(name, pictures, targets):
    network = TinyClassifier()
    explain = METHOD[name].of(network, pictures[:1])
    both = explain(pictures, targets)
    alone = [explain(pictures[[i]], targets[[i]])[0] for i in range(2)]
    torch.testing.assert_close(both, torch.stack(alone), rtol=1e-3, atol=1e-6)
    assert not torch.allclose(both, explain(pictures, targets.flip(0)))


def test_the_centre_falls_off_from_the_middle(pictures, targets):
    maps = METHOD[CENTRE].attribute(TinyClassifier(), pictures, targets)
    assert maps.amin() == maps[0, 0, 0] == maps[1, -1, -1] == 0
    assert maps.amax() == maps[0, 111, 111] == maps[0, 112, 112]
    assert (maps[0, 111, :112].diff() >= 0).all()


def test_occlusion_finds_the_only_place_that_counts(targets):
    class Place(nn.Module):
        def forward(self, pictures):
            seen = pictures[:, :, 160:176, 32:48].mean(dim=(1, 2, 3))
            return torch.stack([seen, seen], dim=1)

    maps = METHOD["Occlusion"].attribute(Place(), torch.ones(2, 3, 224, 224), 0 * targets)
    # Three quarters of what squares that touch the place cover lie around it.
    assert (maps[:, 160:176, 32:48] == maps.amax()).all()
    assert (maps[:, :128] == 0).all()
    assert (maps[:, :, 80:] == 0).all()


def test_guided_backprop_of_the_copy_is_that_of_relu6():
    """By hand: W1ᵀ (max(w2, 0) · [0 < a < 6]), where Captum's on the network itself keeps w2."""
    generator = torch.Generator().manual_seed(0)
    first, second = nn.Linear(4, 50, bias=False), nn.Linear(50, 1, bias=False)
    first.weight.data = 4 * torch.randn(50, 4, generator=generator)
    second.weight.data = torch.randn(1, 50, generator=generator)
    network = nn.Sequential(first, nn.ReLU6(), second).eval()
    inputs = torch.randn(3, 4, generator=generator)
    hidden = inputs @ first.weight.T
    passes = (hidden > 0) & (hidden < 6)
    assert 0 < (hidden > 6).sum() < hidden.numel()
    guided = (second.weight.clamp(min=0) * passes) @ first.weight
    plain = (second.weight * passes) @ first.weight
    copied = guided_copy(network, inputs)
    torch.testing.assert_close(copied(inputs), network(inputs))
    torch.testing.assert_close(GuidedBackprop(copied).attribute(inputs), guided)
    torch.testing.assert_close(GuidedBackprop(network).attribute(inputs), plain)


def test_a_copy_shares_weights_and_gives_a_reused_relu6_a_module_for_each_call(pictures):
    network = TinyClassifier()
    before = str(network)
    copied = guided_copy(network, pictures)
    assert str(network) == before
    assert not any(isinstance(module, nn.ReLU6) for module in copied.modules())
    assert sum(isinstance(module, nn.ReLU) for module in copied.modules()) == 2
    assert copied._fc.weight is network._fc.weight
    torch.testing.assert_close(copied(pictures), network(pictures))
    torch.testing.assert_close(copied(pictures), network(pictures))


def test_a_network_without_relu6_is_not_copied(pictures):
    with pytest.raises(ValueError, match="Flatten without a ReLU6 that runs; expected one"):
        guided_copy(nn.Flatten(), pictures)


def test_a_blur_reflects_the_edges():
    even = torch.full((1, 3, 80, 80), 0.3)
    torch.testing.assert_close(blurred(even, 11), even)
    point = torch.zeros(1, 1, 81, 81)
    point[..., 40, 40] = 1
    spread = blurred(point, 5.0)[0, 0]
    distance = torch.arange(81) - 40.0
    variance = (spread.sum(dim=0) * distance**2).sum() / spread.sum()
    assert variance.sqrt().item() == pytest.approx(5, rel=0.02)


def test_an_average_is_the_mean_of_the_maps(pictures, targets):
    parts = [METHOD[CENTRE], METHOD["Saliency"]]
    maps = [one.attribute(TinyClassifier(), pictures, targets) for one in parts]
    both = averaged("both", parts)
    found = both.attribute(TinyClassifier(), pictures, targets)
    torch.testing.assert_close(found, (maps[0] + maps[1]) / 2)
    assert (both.name, both.slow) == ("both", False)
    assert averaged("slow", [*parts, METHOD["Occlusion"]]).slow


def test_slow_methods_are_those_of_many_passes():
    slow = {name for name, method in METHOD.items() if method.slow}
    assert slow == {INVERSION, AT_LAST_BLOCK, "IntegratedGradients", "Occlusion"}


def test_the_subject_comes_first_and_sees_all_queries():
    for subject in (INVERSION, AT_LAST_BLOCK):
        first, *others = chosen_methods(subject, None)
        assert (first.name, first.slow) == (subject, False)
        assert {one.name for one in others} == METHOD.keys() - {subject}
    assert [one.name for one in chosen_methods(INVERSION, [CENTRE])] == [INVERSION, CENTRE]


def test_inversion_hands_its_options_on(monkeypatch, pictures, targets):
    seen = []

    class Recorder:
        def __init__(self, *layers):
            self.layers = layers[1:]

        def attribute(self, inputs, target, **options):
            seen.append((*self.layers, target.tolist(), options))
            return copy.copy(inputs)

    monkeypatch.setattr(object_methods, "GuidedFeatureInversion", Recorder)
    inversion("usual").attribute(None, pictures, targets)
    inversion("other", "_blocks.10", "_blocks.3", delta=0.5).attribute(None, pictures, targets)
    at_input = "attribute_to_layer_input"
    assert seen == [
        ("_blocks.15", "_avg_pooling", [1, 3], {at_input: True}),
        ("_blocks.3", "_blocks.10", [1, 3], {at_input: False, "delta": 0.5}),
    ]


def test_every_variant_differs_from_the_method_as_it_is(monkeypatch, pictures, targets):
    """Each runs in a few steps, and gives masks in [0, 1] of its own."""
    shortened = {"n_inversion_steps": 2, "n_target_steps": 3}
    real = object_methods.inverted

    def few_steps(*args, **options):
        scale = {name: max(1, options.get(name, 70) // 20) for name in shortened}
        return real(*args, **{**options, **scale})

    monkeypatch.setattr(object_methods, "inverted", few_steps)
    ones = [one for group in variants().values() for one in group]
    names = [one.name for one in ones]
    assert names[0] == AS_IT_IS
    assert len(set(names)) == len(names)
    network = TinyClassifier()
    masks = {one.name: one.attribute(network, pictures, targets).numpy() for one in ones}
    for name, mask in masks.items():
        assert mask.shape == (2, 224, 224)
        assert mask.min() >= 0
        assert mask.max() <= 1
        assert name == AS_IT_IS or np.abs(mask - masks[AS_IT_IS]).max() > 1e-6, name


def test_a_method_without_a_copy_gets_the_network_itself(pictures):
    network = TinyClassifier()
    seen = []
    Method("a", lambda *args: seen.append(args[0])).of(network, pictures)(pictures, None)
    Method("b", lambda *args: seen.append(args[0]), guided=True).of(network, pictures)(pictures, 1)
    assert seen[0] is network
    assert seen[1] is not network

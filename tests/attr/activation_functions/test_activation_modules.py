from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from invert_captum.attr.activation_functions.activation_modules import (
    CeilingBeforeReLU,
    DifferenceOfReLUs,
    ModulesInTurn,
    PooledWindows,
    become,
    copy_with_shared_weights,
    equivalent,
    substitute,
    windows_overlap,
)

X = torch.cat([torch.randn(50) * 8, torch.tensor([-1.0, 0.0, 2.0, 6.0])])


@pytest.mark.parametrize("module", [CeilingBeforeReLU(6.0), DifferenceOfReLUs(0.0, 6.0)])
def test_a_clamp_in_terms_of_relu_has_the_same_values_and_gradients(module):
    one, other = X.clone().requires_grad_(), X.clone().requires_grad_()
    expected = nn.ReLU6()(one)
    torch.testing.assert_close(module(other), expected)
    # At the bounds themselves a clamp has no gradient.
    (wanted,) = torch.autograd.grad(expected.sum(), one)
    (got,) = torch.autograd.grad(module(other).sum(), other)
    inside = X != 6 if isinstance(module, DifferenceOfReLUs) else torch.ones_like(X, dtype=bool)
    assert torch.equal(got[inside], wanted[inside])
    assert torch.equal(module(X)[X < 6], nn.ReLU6()(X)[X < 6])


def test_other_bounds():
    torch.testing.assert_close(DifferenceOfReLUs(-2.0, 0.5)(X), X.clamp(-2, 0.5))


@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": 3, "stride": 2, "padding": 1},
        {"kernel_size": 3, "stride": 1},
        {"kernel_size": 2, "dilation": 2},
        {"kernel_size": (3, 2), "stride": (1, 2), "padding": (1, 0)},
        {"kernel_size": 3, "stride": 2},
        {"kernel_size": 5, "stride": 3, "padding": 2, "dilation": (1, 2)},
    ],
)
def test_windows_side_by_side_have_the_same_maxima(options, ceil_mode):
    pooling = nn.MaxPool2d(ceil_mode=ceil_mode, **options)
    assert windows_overlap(pooling)
    side_by_side = equivalent(pooling, guided=False)
    assert isinstance(side_by_side, PooledWindows)
    for height in range(10, 16):
        maps = torch.randn(2, 3, height, 11) - 5
        assert torch.equal(side_by_side(maps), pooling(maps))


@pytest.mark.parametrize(
    ("pooling", "overlap"),
    [
        (nn.MaxPool2d(2), False),
        (nn.MaxPool2d(2, 3), False),
        (nn.MaxPool2d((1, 2), (1, 2), dilation=1), False),
        (nn.MaxPool2d((1, 2), 1), True),
        (nn.MaxPool1d(3, 2), True),
        (nn.MaxPool3d(2, dilation=2), True),
        (nn.MaxPool3d((2, 1, 2), (2, 1, 2)), False),
    ],
)
def test_which_windows_overlap(pooling, overlap):
    assert windows_overlap(pooling) == overlap


def test_modules_without_parameters_are_renewed_out_of_place_and_without_hooks():
    module = nn.LeakyReLU(0.3, inplace=True)
    module.register_forward_hook(lambda *_: None)
    fresh = equivalent(module, guided=False)
    assert (type(fresh), fresh.negative_slope, fresh.inplace) == (nn.LeakyReLU, 0.3, False)
    assert not fresh._forward_hooks
    assert module.inplace


def test_calls_go_round():
    turns = ModulesInTurn(nn.Identity(), nn.ReLU())
    minus = torch.tensor(-1.0)
    assert [turns(minus).item() for _ in range(4)] == [-1, 0, -1, 0]


def test_a_module_becomes_another_and_keeps_its_hooks_and_its_places():
    shared = nn.ReLU6()
    net = nn.Sequential(shared, nn.Identity(), shared)
    calls = []
    shared.register_forward_hook(lambda *_: calls.append(1))
    become(shared, CeilingBeforeReLU(6.0))
    assert net[0] is net[2]
    assert isinstance(net[0], CeilingBeforeReLU)
    assert net(torch.tensor(9.0)) == 6
    assert len(calls) == 2


def test_a_copy_shares_weights_and_buffers_and_nothing_else():
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU6()).eval()
    before = copy.deepcopy(net.state_dict())
    copied = copy_with_shared_weights(net)
    assert list(copied) == list(net.modules())
    assert all(copied[module] is not module for module in net.modules())
    assert copied[net][0].weight is net[0].weight
    assert copied[net][1].running_mean is net[1].running_mean
    substitute(copied, {net[2]: 2}, guided=False)
    assert isinstance(copied[net][2], ModulesInTurn)
    assert type(net[2]) is nn.ReLU6
    copied[net](torch.rand(5, 3))
    assert all(torch.equal(net.state_dict()[name], value) for name, value in before.items())


def test_what_copy_refuses_is_named():
    net = nn.Sequential(nn.ReLU())
    net.state = (i for i in range(2))
    with pytest.raises(TypeError, match=r"model is a Sequential that cannot be copied \("):
        copy_with_shared_weights(net)

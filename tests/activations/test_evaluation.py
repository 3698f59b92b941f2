from __future__ import annotations

import pytest
import torch
from torch import nn

from invert_captum.activations import evaluating


def mixed_model() -> nn.Sequential:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Sequential(nn.Dropout(0.5)))
    model.train()
    model[1].eval()
    model[0].bias.requires_grad_(False)
    model[0].weight.grad = torch.ones(4, 3)
    return model


def state(model: nn.Module) -> list[object]:
    flags = [module.training for module in model.modules()]
    weights = [(w.requires_grad, w.grad is None) for w in model.parameters()]
    return [flags, weights, {name: t.clone() for name, t in model.named_buffers()}]


def same(one: list[object], other: list[object]) -> bool:
    buffers = zip(one[2].values(), other[2].values(), strict=True)
    return one[:2] == other[:2] and all(torch.equal(a, b) for a, b in buffers)


def disturb(model: nn.Sequential) -> None:
    assert not any(module.training for module in model.modules())
    model.requires_grad_(True)
    model(torch.randn(8, 3)).sum().backward()
    model.zero_grad()
    model[2].train()
    raise RuntimeError("inside")


def test_everything_is_as_before_whatever_happened_inside():
    model = mixed_model()
    before, gradient = state(model), model[0].weight.grad
    with pytest.raises(RuntimeError, match="inside"), evaluating(model):
        disturb(model)
    assert same(state(model), before)
    assert model[0].weight.grad is gradient


def test_train_and_eval_with_side_effects_are_not_called():
    class Merging(nn.Linear):
        def train(self, mode: bool = True) -> nn.Module:
            raise AssertionError(f"merged the weights: {mode}")

    model = nn.Sequential(Merging(2, 2))
    with evaluating(model):
        assert not model[0].training
    assert model[0].training

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from invert_captum.activations import model_fingerprint


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_same_weights_same_fingerprint(dtype):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).to(dtype)
    twin = copy.deepcopy(model).to(memory_format=torch.channels_last).train()
    assert model_fingerprint(model) == model_fingerprint(twin)
    assert len(model_fingerprint(model)) == 64


def test_any_change_of_name_type_shape_or_value_shows():
    model = nn.Linear(2, 3)
    changed = copy.deepcopy(model)
    changed.weight.data[2, 1] = torch.nextafter(changed.weight[2, 1], torch.tensor(9.0))
    reshaped = copy.deepcopy(model)
    reshaped.weight = nn.Parameter(model.weight.reshape(2, 3))
    prints = {
        model_fingerprint(one)
        for one in (model, changed, reshaped, copy.deepcopy(model).double(), nn.Sequential(model))
    }
    assert len(prints) == 5


def test_buffers_count_and_scalars_empties_and_odd_types_are_no_trouble():
    norm = nn.BatchNorm1d(3)
    before = model_fingerprint(norm)
    norm(torch.randn(4, 3))
    assert model_fingerprint(norm) != before
    norm.register_buffer("empty", torch.empty(0, 2))
    norm.register_buffer("flag", torch.tensor(True))
    norm.register_buffer("wave", torch.zeros(2, dtype=torch.complex64))
    assert model_fingerprint(norm) == model_fingerprint(copy.deepcopy(norm))


def test_sparse_and_quantised_state_counts():
    model = nn.Linear(2, 2)
    model.register_buffer("sparse", torch.eye(3).to_sparse())
    before = model_fingerprint(model)
    model.sparse = (2 * torch.eye(3)).to_sparse()
    assert model_fingerprint(model) != before
    model.register_buffer("small", torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.quint8))
    assert len(model_fingerprint(model)) == 64

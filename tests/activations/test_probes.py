from __future__ import annotations

import pytest
import torch
from torch import nn

from invert_captum.activations import extract_activations, resolve_layers
from invert_captum.activations.probes import probing

IMAGES = torch.randn(4, 3, 5, 5, generator=torch.Generator().manual_seed(1))


def extract(model, layer, inputs, **options):
    return extract_activations(model, resolve_layers(model, layer), inputs, **options).activations


def test_keyword_inputs_of_a_layer():
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(3, 2)

        def forward(self, x):
            return self.linear(input=x * 2)

    x = torch.randn(4, 3)
    rows = extract(Named(), "linear", x, attribute_to_layer_input=True)["linear"]
    assert torch.equal(rows, x * 2)


def test_several_inputs_of_a_layer_need_a_callable():
    x = torch.randn(4, 5, 8)
    model = nn.TransformerDecoderLayer(8, 2, 16, batch_first=True)
    options = {"attribute_to_layer_input": True}
    with pytest.raises(ValueError, match="'multihead_attn' gives a tuple of 3 items"):
        extract(model, "multihead_attn", (x, x), **options)
    rows = extract(model, "multihead_attn", (x, x), reduce=lambda qkv: qkv[1][:, 0], **options)
    assert torch.equal(rows["multihead_attn"], x[:, 0])


class Reused(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2, self.unused = (nn.Conv2d(3, 3, 1) for _ in range(3))
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.relu(self.conv2(self.relu(self.conv1(x))))


def test_layers_that_run_twice_or_never_are_refused():
    for layer in ("relu", ["conv1", "relu"]):
        with pytest.raises(ValueError, match=r"'relu' is called 2 times.*called once"):
            extract(Reused(), layer, IMAGES)
    for layer in ("unused", ["conv1", "unused"]):
        with pytest.raises(ValueError, match="'unused' is not called"):
            extract(Reused(), layer, IMAGES)


def test_calls_are_counted_anew_in_every_forward_pass():
    model = nn.Sequential(nn.Linear(3, 2))
    with probing({"0": model[0]}, "mean") as (probe,):
        for _ in range(3):
            model(torch.ones(1, 3))
            probe.check_calls()
        with pytest.raises(ValueError, match="'0' is not called"):
            probe.check_calls()


def test_hooks_go_also_if_a_later_layer_cannot_be_hooked():
    layer = nn.Linear(3, 2)
    with pytest.raises(AttributeError), probing({"0": layer, "1": None}, "mean"):
        pass
    assert not layer._forward_hooks

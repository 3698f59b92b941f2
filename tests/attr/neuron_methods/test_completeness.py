"""DeepLIFT's sum against the change of the neuron, where no graph shows what bends."""

from __future__ import annotations

import warnings

import pytest
import torch
from captum import attr
from torch import nn

from invert_captum._log import InvertCaptumWarning
from invert_captum.attr.neuron_methods.neuron_attribution import attribute_neuron

pytestmark = pytest.mark.filterwarnings("ignore:Setting")

X = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))


class Gated(nn.Module):
    """A rectifier as a product with a mask, which autograd takes for a constant."""

    def __init__(self, gated):
        super().__init__()
        self.gated = gated
        self.first, self.relu, self.last = nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2)

    def forward(self, x):
        hidden = self.first(x)
        return self.last(hidden * (hidden > 0) if self.gated else self.relu(hidden))


@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize("baselines", [None, 0.5, -2 * X, (X[:1],)])
def test_gaps_are_told(gated, baselines):
    torch.manual_seed(0)
    model = Gated(gated).eval()
    options = {"baselines": baselines, "name": "last"}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        attribute_neuron(model, model.last, X, 1, attr.NeuronDeepLift, **options)
    told = [str(one.message) for one in caught if one.category is InvertCaptumWarning]
    assert len(told) == gated
    assert all("DeepLIFT misses the change of neuron 1 of layer 'last' on" in one for one in told)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_rounding_is_no_gap(dtype):
    torch.manual_seed(0)
    model = Gated(gated=False).eval().to(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error", InvertCaptumWarning)
        attribute_neuron(model, model.last, X.to(dtype), 1, attr.NeuronDeepLift)


def test_local_attributions_need_not_add_up():
    model = Gated(gated=True).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("error", InvertCaptumWarning)
        options = {"multiply_by_inputs": False}
        attribute_neuron(model, model.last, X, 1, attr.NeuronDeepLift, **options)

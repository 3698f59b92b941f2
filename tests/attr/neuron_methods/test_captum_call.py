"""Around a call of Captum's: complaints said in full, nothing left behind."""

from __future__ import annotations

import pytest
import torch
from captum.attr import NeuronGradient
from torch import nn

from invert_captum.attr.layer_shape import ReducedLayer
from invert_captum.attr.neuron_methods.captum_call import explained, without_traces

MODEL = nn.Linear(2, 1)
LAYER = ReducedLayer(MODEL, MODEL, "head")


@pytest.mark.parametrize(
    ("error", "expected", "message"),
    [
        (AssertionError("no target"), ValueError, "NeuronGradient refuses its arguments: no targ"),
        (RuntimeError("One does not require grad"), ValueError, "no way through layer 'head'"),
        (RuntimeError("out of memory"), RuntimeError, "^out of memory$"),
        (AttributeError("no attribute 'x'"), AttributeError, "^no attribute 'x'$"),
    ],
)
def test_only_known_complaints_are_put_in_other_words(error, expected, message):
    with pytest.raises(expected, match=message), explained(NeuronGradient, LAYER):
        raise error


def test_only_what_was_not_there_before_is_removed():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[0].input = "its own"

    def leave():
        model[0].output = model[1].input = torch.ones(1)
        raise KeyError

    with pytest.raises(KeyError), without_traces(model):
        leave()
    assert model[0].input == "its own"
    assert not hasattr(model[0], "output")
    assert not hasattr(model[1], "input")

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from invert_captum.attr.layer_shape import LayerShape, ReducedLayer, check_neuron, observe_layer

NET = nn.Sequential(nn.Conv2d(1, 3, 3), nn.Flatten(), nn.Linear(48, 2))
X = torch.rand(2, 1, 6, 6)


def test_axes_and_position_of_a_map():
    layer = ReducedLayer(NET, NET[0], reduce="last", neuron_dim=3)
    seen = observe_layer(layer, X)
    assert seen == LayerShape(4, (2, 3, 4, 4), 3, (3, 4), (2, 3))
    assert seen.captum_index(1) == (2, 3, 1)


def test_outputs_without_positions():
    seen = observe_layer(ReducedLayer(NET, NET[2]), X)
    assert (seen.n_neurons, seen.sizes, seen.position) == (2, (), ())
    assert seen.captum_index(1) == 1


def test_reductions_that_mix_positions_pick_none():
    assert observe_layer(ReducedLayer(NET, NET[0]), X).position is None


def test_of_callables_only_the_columns_are_known():
    layer = ReducedLayer(NET, NET[0], reduce=lambda maps: maps.amax((2, 3))[:, :2])
    seen = observe_layer(layer, X)
    assert (seen.n_neurons, seen.shape, seen.sizes, seen.position) == (2, None, None, None)


def test_what_the_layer_gets():
    seen = observe_layer(ReducedLayer(NET, NET[1], at_input=True), X)
    assert seen.sizes == (4, 4)


@pytest.mark.parametrize(
    ("neuron", "error", "message"),
    [
        (4, ValueError, "neuron_selector is 4, but layer 'x' has 4 neurons; expected 0 to 3"),
        (-1, ValueError, "neuron_selector is -1"),
        ("1", TypeError, "neuron_selector is '1'; expected an integer"),
        (True, TypeError, "neuron_selector is True"),
    ],
)
def test_neurons_that_do_not_exist(neuron, error, message):
    with pytest.raises(error, match=message):
        check_neuron(neuron, 4, "x")


def test_neurons_of_a_table():
    assert check_neuron(np.int64(3), 4, "x") == 3

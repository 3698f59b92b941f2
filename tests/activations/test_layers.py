from __future__ import annotations

import pytest
from torch import nn

from invert_captum.activations import resolve_layers


class Shared(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 2, 3)
        self.conv2 = nn.Conv2d(2, 2, 3)
        self.relu = nn.ReLU()
        self.again = self.relu


def test_layers_keep_the_order_in_which_they_were_asked_for():
    model = Shared()
    resolved = resolve_layers(model, ["relu", model.conv2, "conv1"])
    assert list(resolved) == ["relu", "conv2", "conv1"]
    assert list(resolved.values()) == [model.relu, model.conv2, model.conv1]


def test_one_layer_by_module_or_by_dotted_name():
    model = nn.Sequential(nn.Sequential(nn.Linear(2, 3)), nn.ReLU())
    assert resolve_layers(model, "0.0") == {"0.0": model[0][0]}
    assert resolve_layers(model, model[0]) == {"0": model[0]}
    assert resolve_layers(model, model) == {"": model}


def test_second_name_of_a_shared_module_is_a_name():
    model = Shared()
    assert resolve_layers(model, "again") == {"again": model.relu}
    assert resolve_layers(model, model.again) == {"relu": model.relu}


@pytest.mark.parametrize(
    ("layer", "error", "message"),
    [
        ("conv3", ValueError, "layer is 'conv3', which Shared does not have.*'conv[12]'"),
        ("", ValueError, "layer is ''"),
        (["conv1", "conv9"], ValueError, "'conv9'"),
        (nn.ReLU(), ValueError, "a ReLU that is not part of the Shared"),
        ([], ValueError, "empty list"),
        (["conv1", "conv1"], ValueError, "names 'conv1' twice"),
        (["relu", "again"], ValueError, r"names 'again' twice \(also as 'relu'\)"),
        (3, TypeError, "type int; expected a torch.nn.Module, a dotted name, or a list"),
        (["conv1", None], TypeError, "type NoneType"),
    ],
)
def test_layers_that_are_refused(layer, error, message):
    with pytest.raises(error, match=message):
        resolve_layers(Shared(), layer)


def test_a_function_is_no_model():
    with pytest.raises(TypeError, match="model is of type function"):
        resolve_layers(lambda x: x, "conv1")

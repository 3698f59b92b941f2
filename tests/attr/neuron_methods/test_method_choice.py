from __future__ import annotations

import pytest
from captum import attr
from torch import nn

from invert_captum.attr.layer_shape import LayerShape, ReducedLayer
from invert_captum.attr.neuron_methods.method_choice import check_method, check_reduction

MODEL = nn.Linear(1, 1)


def test_all_neuron_and_layer_methods_of_captum_are_methods():
    for name, value in vars(attr).items():
        if name.startswith(("Neuron", "Layer")) and name not in (
            "NeuronAttribution",
            "LayerAttribution",
        ):
            check_method(value)


@pytest.mark.parametrize("method", [attr.Saliency, attr.NeuronGradient(MODEL, MODEL), "x", None])
def test_what_is_no_method(method):
    with pytest.raises(TypeError, match=r"expected a subclass of captum\.attr\.NeuronA"):
        check_method(method)


@pytest.mark.parametrize("reduce", ["mean", "max", "min", "l2", "center", len])
@pytest.mark.parametrize(
    "method", [attr.NeuronConductance, attr.NeuronDeepLift, attr.NeuronGradient]
)
@pytest.mark.parametrize("position", [None, (0, 0)])
def test_which_reductions_go_with_which_methods(method, reduce, position):
    good = {
        attr.NeuronConductance: reduce == "mean" or position is not None,
        attr.NeuronDeepLift: reduce in ("mean", len) or position is not None,
        attr.NeuronGradient: True,
    }[method]
    layer = ReducedLayer(MODEL, MODEL, reduce=reduce)
    seen = LayerShape(3, (2, 3, 4, 4), 1, (4, 4), position)
    if good:
        check_reduction(method, layer, seen)
    else:
        with pytest.raises(ValueError, match=rf"method is {method.__name__}, .*\(4, 4\); expected"):
            check_reduction(method, layer, seen)

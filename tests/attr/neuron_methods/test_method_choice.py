from __future__ import annotations

import pytest
from captum import attr
from torch import nn

from invert_captum.attr import NeuronGuidedFeatureInversion
from invert_captum.attr.layer_shape import LayerShape, ReducedLayer
from invert_captum.attr.neuron_methods.method_choice import (
    check_complete,
    check_method,
    check_reduction,
    looks_at_input,
)

MODEL = nn.Linear(1, 1)
FILLED_IN = ("self", "forward_func", "model", "layer", "inputs", "neuron_selector")


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


@pytest.mark.parametrize(
    ("method", "in_constructor", "in_call", "lacks"),
    [
        (attr.NeuronGradientShap, (), (), "baselines"),
        (attr.NeuronGradientShap, (), ("baselines",), None),
        (attr.NeuronIntegratedGradients, (), (), None),
        (attr.LayerGradientXActivation, (), (), None),
        (NeuronGuidedFeatureInversion, ("mask_layer",), (), "inversion_layer"),
        (NeuronGuidedFeatureInversion, ("inversion_layer",), (), None),
    ],
)
def test_arguments_that_a_method_cannot_do_without(method, in_constructor, in_call, lacks):
    if lacks is None:
        check_complete(method, in_constructor, in_call, FILLED_IN)
        return
    with pytest.raises(TypeError, match=f"method is {method.__name__}, which needs {lacks};"):
        check_complete(method, in_constructor, in_call, FILLED_IN)


@pytest.mark.parametrize("method", [attr.NeuronGradient, attr.LayerConductance])
def test_either_name_says_where_the_neuron_is_looked_at(method):
    given = {"attribute_to_layer_input": True, "n_steps": 3}
    assert looks_at_input(method, given, False) == (True, {"n_steps": 3})
    assert looks_at_input(method, {"attribute_to_layer_input": False}, True) == (False, {})
    assert looks_at_input(method, {"n_steps": 3}, True) == (True, {"n_steps": 3})


@pytest.mark.parametrize("at_neuron", [False, True])
def test_the_other_name_goes_on_to_a_method_that_has_both(at_neuron):
    given = {"attribute_to_layer_input": not at_neuron}
    assert looks_at_input(NeuronGuidedFeatureInversion, given, at_neuron) == (at_neuron, given)

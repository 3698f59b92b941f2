from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from invert_captum.activations import evaluating
from invert_captum.attr.activation_functions.activation_trace import trace_after, trace_before


class Branches(nn.Module):
    def __init__(self, *, inplace=False):
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.relu = nn.ReLU(inplace=inplace)
        self.aside = nn.Sigmoid()
        self.second = nn.Linear(4, 4)
        self.last = nn.Linear(4, 2)

    def forward(self, x):
        x = self.relu(self.first(x))
        gate = self.aside(x)
        x = self.relu(self.second(x))
        return self.last(functional.gelu(x) * gate)


X = torch.rand(5, 3)


def kinds(trace):
    return {(one.kind, one.module_name) for one in trace.operations}


def traced(trace, model, layer, **options):
    with evaluating(model):
        return trace(model, layer, X, **options)


def test_operations_before_a_layer_are_those_it_depends_on():
    for inplace in (False, True):
        model = Branches(inplace=inplace)
        before = {("Addmm", "second"), ("Relu", "relu"), ("Addmm", "first"), ("Clone", "")}
        # The gate runs before the second layer, which does not depend on it.
        assert kinds(traced(trace_before, model, model.second)) == before
        at_input = traced(trace_before, model, model.second, at_input=True)
        assert kinds(at_input) == before - {("Addmm", "second")}


def test_operations_after_a_layer_are_those_that_depend_on_it():
    model = Branches()
    after = {("Relu", "relu"), ("Gelu", ""), ("Mul", ""), ("Addmm", "last"), ("Clone", "")}
    assert kinds(traced(trace_after, model, model.second)) == after
    behind = traced(trace_after, model, model.second, at_input=True)
    assert ("Addmm", "second") in kinds(behind)
    assert ("Sigmoid", "aside") not in kinds(behind)


def test_calls_are_counted_over_the_whole_pass():
    model = Branches()
    trace = traced(trace_before, model, model.first)
    counted = (model, model.first, model.relu, model.aside)
    assert [trace.n_calls[module] for module in counted] == [1, 1, 2, 1]


def test_the_innermost_module_made_an_operation():
    inner = nn.Sequential(nn.Linear(3, 3), nn.ReLU())
    model = nn.Sequential(inner, nn.Linear(3, 2))
    trace = traced(trace_before, model, model[1])
    assert ("Relu", "0.1") in kinds(trace)
    assert {one.module for one in trace.operations if one.kind == "Relu"} == {inner[1]}


def test_functions_of_ones_own_are_told_apart():
    class Doubled(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):  # noqa: ARG004
            return 2 * x

        @staticmethod
        def backward(ctx, gradient):  # noqa: ARG004
            return 2 * gradient

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.last = nn.Linear(3, 2)

        def forward(self, x):
            return self.last(Doubled.apply(x))

    model = Model()
    trace = traced(trace_before, model, model.last)
    assert [one.kind for one in trace.operations if one.is_custom] == ["Doubled"]


def test_backward_hooks_are_no_functions_of_ones_own():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    model[1].register_full_backward_hook(lambda *_: None)
    trace = traced(trace_before, model, model[2])
    assert "BackwardHookFunction" in {one.kind for one in trace.operations}
    assert not any(one.is_custom for one in trace.operations)


def test_nothing_is_left_in_the_model():
    model = Branches()
    for trace in (trace_before, trace_after):
        with torch.no_grad():
            traced(trace, model, model.second)
        assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
        assert all(weight.requires_grad for weight in model.parameters())
        assert not X.requires_grad


def test_whole_batches_in_one_replica_of_a_parallel_model():
    model = nn.DataParallel(Branches())
    trace = traced(trace_before, model, model.module.second)
    assert ("Relu", "module.relu") in kinds(trace)

from __future__ import annotations

import collections
import gc
import warnings
from collections import OrderedDict

import numpy as np
import pytest
import scipy.sparse
import torch
from torch import nn

from invert_captum._log import InvertCaptumWarning
from invert_captum.activations import extract_activations
from invert_captum.activations.store.extraction import extract_to_store
from invert_captum.attr.switching_off.ablation import ablate
from invert_captum.result.explanation import Explanation

IMAGES = torch.rand(3, 1, 6, 6, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def model():
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 3), nn.Flatten(), nn.Linear(20, 3)
    )
    return net.eval()


def hooks_of(model):
    return [
        hook
        for module in model.modules()
        for hooks in (module._forward_hooks, module._forward_pre_hooks)
        for hook in hooks
    ]


def output_of(model, name, inputs):
    """What a layer gives, seen by a hook of the test's own."""
    seen = []
    handle = model.get_submodule(name).register_forward_hook(lambda *given: seen.append(given[-1]))
    model(inputs)
    handle.remove()
    return seen[0]


class Wrapped(nn.Module):
    """A layer that gives its tensor inside something else."""

    def __init__(self, wrap, unwrap):
        super().__init__()
        self.inner = nn.Identity()
        self.inner.forward = wrap
        self.unwrap = unwrap

    def forward(self, rows):
        return self.unwrap(self.inner(rows))


def test_a_linear_head_loses_the_neurons_share(model):
    """Closed form: logits − Σ W a over the neurons, and + Σ W mean(a)."""
    hidden = torch.rand(7, 20)
    head = nn.Sequential(nn.Identity(), nn.Linear(20, 3))
    weight = head[1].weight.detach()
    before, columns = head(hidden), [2, 11, 19]
    with ablate(head, "0", columns):
        zero = head(hidden)
    with ablate(head, "0", columns, "mean", activations=hidden):
        mean = head(hidden)
    lost = hidden[:, columns] @ weight[:, columns].T
    torch.testing.assert_close(zero, before - lost)
    torch.testing.assert_close(mean, before - lost + lost.mean(0))
    assert torch.equal(head(hidden), before)


@pytest.mark.parametrize("value", ["zero", "mean"])
@pytest.mark.parametrize("reduce", ["mean", "first", "last", "center"])
@pytest.mark.parametrize("neuron_dim", [None, 2, -1])
def test_positions_of_a_map_by_brute_force(model, value, reduce, neuron_dim):
    options = {"reduce": reduce, "neuron_dim": neuron_dim}
    rows = extract_activations(model, {"2": model[2]}, IMAGES, **options).activations["2"]
    axis = {None: 1, 2: 2, -1: 3}[neuron_dim]
    places = {"first": [(0, 0)], "last": [(-1, -1)]}
    expected = output_of(model, "2", IMAGES).detach().clone().movedim(axis, 1)
    sizes = expected.shape[2:]
    places["center"] = [(sizes[0] // 2, sizes[1] // 2)]
    places["mean"] = [(i, j) for i in range(sizes[0]) for j in range(sizes[1])]
    for neuron in (0, 1):
        for i, j in places[reduce]:
            expected[:, neuron, i, j] = 0 if value == "zero" else rows[:, neuron].mean()
    with ablate(model, "2", [1, 0], value, activations=rows, **options):
        ablated = output_of(model, "3", IMAGES)
    torch.testing.assert_close(ablated, expected.movedim(1, axis).flatten(1))


@pytest.mark.parametrize("reduce", ["max", "min", "l2"])
def test_zero_sets_every_position_of_other_reductions(model, reduce):
    with ablate(model, "2", 3, reduce=reduce):
        ablated = output_of(model, "2", IMAGES)
    assert not ablated[:, 3].any()
    assert ablated[:, [0, 1, 2, 4]].all()


@pytest.mark.parametrize("reduce", ["max", "min", "l2"])
def test_means_of_other_reductions_over_positions_are_refused(model, reduce):
    rows = torch.rand(6, 5)
    message = rf"reduced by '{reduce}' over positions \(2, 2\) of layer '2'"
    with (
        ablate(model, "2", 0, "mean", activations=rows, reduce=reduce),
        pytest.raises(ValueError, match=message),
    ):
        model(IMAGES)


def test_means_of_a_norm_without_positions_are_those_of_the_output(model):
    rows = torch.rand(6, 3)
    with ablate(model, "4", 1, "mean", activations=rows, reduce="l2"):
        assert torch.allclose(model(IMAGES)[:, 1], rows[:, 1].mean())


def test_tokens_have_their_neurons_last():
    block = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    tokens = torch.rand(2, 4, 8)
    before = block(tokens)
    with ablate(block, block, [3, 5], reduce="first"):
        after = block(tokens)
    expected = before.clone()
    expected[:, 0, [3, 5]] = 0
    torch.testing.assert_close(after, expected)


Pair = collections.namedtuple("Pair", "first second")


@pytest.mark.parametrize(
    ("wrap", "unwrap"),
    [
        (lambda rows: (rows, None), lambda given: given[0]),
        (lambda rows: [None, rows], lambda given: given[1]),
        (lambda rows: Pair(None, rows), lambda given: given.second),
        (lambda rows: {"rows": rows}, lambda given: given["rows"]),
        (lambda rows: collections.OrderedDict(rows=rows), lambda given: given["rows"]),
    ],
)
def test_outputs_with_one_tensor_keep_their_type(wrap, unwrap):
    net, rows, types = Wrapped(wrap, unwrap), torch.rand(3, 4), []
    net.unwrap = lambda given: types.append(type(given)) or unwrap(given)
    expected = rows.clone()
    expected[:, 2] = 0
    with ablate(net, "inner", 2):
        torch.testing.assert_close(net(rows), expected)
    net(rows)
    assert types[0] is types[1]


class ModelOutput(OrderedDict):
    """As those of transformers: entries are attributes, too, and are also found by position."""

    def __init__(self, **entries):
        super().__init__()
        for name, entry in entries.items():
            self[name] = entry

    def __setitem__(self, name, entry):
        super().__setitem__(name, entry)
        object.__setattr__(self, name, entry)

    def __getitem__(self, key):
        return list(self.values())[key] if isinstance(key, int) else super().__getitem__(key)


def test_outputs_like_those_of_transformers_are_replaced_by_attribute_and_key():
    net = Wrapped(
        lambda rows: ModelOutput(last_hidden_state=rows),
        lambda given: (given.last_hidden_state, given["last_hidden_state"], given[0]),
    )
    with ablate(net, "inner", 1):
        found = net(torch.rand(3, 4) + 1)
    assert all(not one[:, 1].any() and one[:, 0].all() for one in found)


def test_several_tensors_are_refused():
    net = Wrapped(lambda rows: (rows, rows), lambda given: given[0])
    with ablate(net, "inner", 1), pytest.raises(ValueError, match="2 tensors; expected one"):
        net(torch.rand(3, 4))


@pytest.mark.parametrize(
    "call",
    [
        lambda layer, rows: layer(rows),
        lambda layer, rows: layer(x=rows),
        lambda layer, rows: layer(rows, None),
        lambda layer, rows: layer(x=rows, mask=None),
        lambda layer, rows: layer(rows, mask=7),
    ],
)
def test_the_input_of_a_layer(call):
    class Layer(nn.Module):
        def forward(self, x, mask=None):
            return x * 2 if mask is None else x * 2 + 0 * mask

    class Caller(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = Layer()

        def forward(self, rows):
            return call(self.layer, rows)

    net, rows = Caller(), torch.rand(3, 4)
    expected = 2 * rows
    expected[:, 0] = 0
    with ablate(net, net.layer, 0, attribute_to_layer_input=True):
        torch.testing.assert_close(net(rows), expected)
    assert not hooks_of(net)


def test_gradients_flow_through_the_other_neurons_only(model):
    inputs = torch.rand(3, 20, requires_grad=True)
    head = nn.Sequential(nn.Identity(), nn.Linear(20, 1, bias=False))
    with ablate(head, "0", [4]):
        head(inputs).sum().backward()
    expected = head[1].weight.detach().clone()
    expected[0, 4] = 0
    torch.testing.assert_close(inputs.grad, expected.expand(3, -1))


def test_nothing_is_changed_in_place():
    rows = torch.rand(3, 4)
    copied, net = rows.clone(), nn.Sequential(nn.Identity())
    with ablate(net, "0", [0, 1]):
        net(rows)
    assert torch.equal(rows, copied)


def test_channels_last_stays(model):
    images = torch.rand(3, 4, 5, 6).contiguous(memory_format=torch.channels_last)
    net = nn.Sequential(nn.Identity())
    with ablate(net, "0", 1):
        assert net(images).stride() == images.stride()


def test_a_layer_that_runs_several_times_is_set_each_time():
    class Reused(nn.Module):
        def __init__(self):
            super().__init__()
            self.relu = nn.ReLU()

        def forward(self, x):
            return self.relu(self.relu(x) + 1)

    net = Reused()
    with ablate(net, "relu", 0):
        ablated = net(torch.ones(2, 3))
    assert ablated.tolist() == [[0, 2, 2], [0, 2, 2]]


def test_a_layer_that_does_not_run_is_warned_of(model):
    class Bypassed(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(2, 2)

        def forward(self, x):
            return nn.functional.linear(x, self.head.weight)

    net = Bypassed()
    with pytest.warns(InvertCaptumWarning, match="'head' was not called"), ablate(net, "head", 0):
        net(torch.ones(1, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with ablate(net, "head", 0):
            pass


def test_blocks_nest_and_overlap():
    net, rows = nn.Sequential(nn.Identity()), torch.ones(1, 4)
    means = torch.full((2, 4), 5.0)
    with ablate(net, "0", 0), ablate(net, "0", [1, 2], "mean", activations=means):
        with ablate(net, "0", [2]):
            assert net(rows).tolist() == [[0, 5, 0, 1]]
        assert net(rows).tolist() == [[0, 5, 5, 1]]
    first, second = ablate(net, "0", 0), ablate(net, "0", 3)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert net(rows).tolist() == [[1, 1, 1, 0]]
    second.__exit__(None, None, None)
    assert net(rows).tolist() == [[1, 1, 1, 1]]


def test_no_hook_outlives_the_block(model):
    before = model(IMAGES)

    def broken():
        with ablate(model, "2", 0):
            assert len(hooks_of(model)) > 0
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        broken()
    assert not hooks_of(model)

    def generator():
        with ablate(model, "2", 0, attribute_to_layer_input=True):
            yield model(IMAGES)

    left = generator()
    next(left)
    assert hooks_of(model)
    del left
    gc.collect()
    assert not hooks_of(model)
    with ablate(model, "2", 7), pytest.raises(ValueError, match="neurons has 7"):
        model(IMAGES)
    assert not hooks_of(model)
    assert torch.equal(model(IMAGES), before)


def test_the_mode_stays(model):
    model.train()
    model[1].eval()
    with ablate(model, "2", 0):
        assert [module.training for module in model.modules()][:3] == [True, True, False]


def test_means_come_from_any_form_of_activations(model, tmp_path):
    rows = torch.rand(40, 5)
    images = torch.rand(40, 1, 6, 6)
    forms = [rows, rows.numpy(), scipy.sparse.csr_array(rows.numpy()), {"2": rows}, {"x": rows}]
    results = []
    for form in forms[:4]:
        with ablate(model, "2", [4, 1], "mean", activations=form):
            results.append(model(IMAGES))
    for one in results[1:]:
        torch.testing.assert_close(one, results[0])
    with (
        pytest.raises(ValueError, match=r"activations has the layers \['x'\]; expected '2'"),
        ablate(model, "2", 1, "mean", activations=forms[4]),
    ):
        pass
    store = extract_to_store(model, {"2": model[2]}, images, tmp_path / "kept")
    held = extract_activations(model, {"2": model[2]}, images).activations["2"]
    with ablate(model, "2", [1, 4], "mean", activations=store):
        stored = model(IMAGES)
    with ablate(model, "2", [1, 4], "mean", activations=held):
        torch.testing.assert_close(model(IMAGES), stored)


def test_means_of_half_precision_are_not_rounded_to_it():
    rows = torch.tensor([[1.0], [1.0 + 2**-10]], dtype=torch.float16).repeat(300, 2)
    net = nn.Sequential(nn.Identity())
    with ablate(net, "0", 0, "mean", activations=rows):
        assert net(torch.zeros(1, 2)).tolist() == [[1 + 2**-11, 0]]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_means_that_are_not_finite_are_refused(model, bad):
    rows = np.ones((4, 5), np.float32)
    rows[2, 3] = bad
    with (
        pytest.raises(ValueError, match=r"neuron 3 of layer '2' have the mean .*; expected finite"),
        ablate(model, "2", [1, 3], "mean", activations=rows),
    ):
        pass
    with ablate(model, "2", [1, 2], "mean", activations=rows):
        assert model(IMAGES).isfinite().all()


def explanation(neuron, layer="2"):
    return Explanation(layer, neuron, 0, None)


@pytest.mark.parametrize(
    "neurons",
    [
        [1, 3],
        (3, 1, 1),
        range(1, 4, 2),
        np.array([3, 1]),
        torch.tensor([1, 3]),
        [np.int64(1), 3],
        [("2", 1), ("2", 3)],
        [explanation(1), explanation(3)],
        [explanation(1, None), ("2", 3)],
        (one for one in [1, 3]),
    ],
)
def test_ways_to_name_neurons(model, neurons):
    with ablate(model, "2", neurons):
        ablated = output_of(model, "2", IMAGES)
    assert [bool(ablated[:, neuron].any()) for neuron in range(5)] == [1, 0, 1, 0, 1]


@pytest.mark.parametrize(
    "neurons", [3, np.int64(3), torch.tensor(3), ("2", 3), explanation(3), [3]]
)
def test_ways_to_name_one_neuron(model, neurons):
    with ablate(model, model[2], neurons):
        ablated = output_of(model, "2", IMAGES)
    assert [bool(ablated[:, neuron].any()) for neuron in range(5)] == [1, 1, 1, 0, 1]


def test_a_layer_with_two_names_knows_both():
    net = nn.Module()
    net.one = net.other = nn.Identity()
    net.forward = lambda rows: net.one(rows)
    with ablate(net, "one", [("other", 1), explanation(0, "one")]):
        assert net(torch.ones(1, 3)).tolist() == [[0, 0, 1]]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"neurons": []}, ValueError, "neurons is empty"),
        ({"neurons": [-1]}, ValueError, "neurons is -1; expected an integer of at least 0"),
        ({"neurons": [True]}, TypeError, "neurons is True"),
        ({"neurons": 1.5}, TypeError, "neurons is 1.5"),
        ({"neurons": "2"}, TypeError, r"neurons is or has '2' \(str\); expected columns"),
        ({"neurons": [("0", 1)]}, ValueError, "neuron 1 of layer '0'; expected .* layer '2'"),
        ({"neurons": explanation(1, "4")}, ValueError, "neuron 1 of layer '4'"),
        ({"value": "median"}, ValueError, "value is 'median'; expected one of 'zero', 'mean'"),
        ({"value": "mean"}, ValueError, "activations is None, but value is 'mean'"),
        ({"reduce": "median"}, ValueError, "reduce is 'median'; expected one of"),
        ({"reduce": torch.flatten}, ValueError, "reduce is a callable, which does not tell where"),
        ({"neuron_dim": 0}, ValueError, "neuron_dim is 0"),
        ({"layer": "5"}, ValueError, "layer is '5', which Sequential does not have"),
        ({"layer": ["2"]}, TypeError, "layer is of type list; expected a torch.nn.Module or"),
        (
            {"neurons": 9, "value": "mean", "activations": np.ones((3, 5))},
            ValueError,
            "activations has 5 neurons, but neurons has 9; expected activations of layer '2'",
        ),
    ],
)
def test_refusals(model, arguments, error, message):
    arguments = {"layer": "2", "neurons": [0], **arguments}
    with pytest.raises(error, match=message), ablate(model, **arguments):
        pass
    assert not hooks_of(model)


def test_activations_of_another_layer_are_refused(model):
    message = "activations has 6 neurons, but layer '2' has 5; expected activations of this layer"
    with (
        ablate(model, "2", 0, "mean", activations=np.ones((3, 6))),
        pytest.raises(ValueError, match=message),
    ):
        model(IMAGES)


def test_integers_hold_no_means():
    net = nn.Sequential(nn.Identity())
    rows = torch.ones(2, 3, dtype=torch.int64)
    with ablate(net, "0", 0):
        assert net(rows).tolist() == [[0, 1, 1]] * 2
    with (
        ablate(net, "0", 0, "mean", activations=rows),
        pytest.raises(ValueError, match=r"gives torch\.int64, which holds no means"),
    ):
        net(rows)


def test_one_number_a_sample_is_neuron_zero():
    net = nn.Sequential(nn.Flatten(0))
    with ablate(net, "0", 0):
        assert net(torch.ones(3, 1)).tolist() == [0, 0, 0]


def test_data_parallel_without_devices_is_the_module(model):
    wrapped = nn.DataParallel(model)
    with ablate(wrapped, "module.2", 1):
        ablated = wrapped(IMAGES)
    with ablate(model, "2", 1):
        torch.testing.assert_close(model(IMAGES), ablated)

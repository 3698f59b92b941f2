from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from invert_captum.activations import reduce_output
from invert_captum.activations.reducers import REDUCER_NAMES

ORACLES = {
    "mean": lambda values: values.mean(axis=-1),
    "max": lambda values: values.max(axis=-1),
    "min": lambda values: values.min(axis=-1),
    "l2": lambda values: np.sqrt((values**2).sum(axis=-1)),
    "first": lambda values: values[..., 0],
    "last": lambda values: values[..., -1],
}

shapes = st.lists(st.integers(1, 4), min_size=3, max_size=5).map(tuple)


@given(shapes, st.integers(0, 10_000), st.data())
def test_reductions_agree_with_numpy_over_every_axis(shape, seed, data):
    output = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    neuron_dim = data.draw(
        st.sampled_from([a for a in range(-len(shape), len(shape)) if a % len(shape)])
    )
    flat = np.moveaxis(output.numpy(), neuron_dim, 1).reshape(shape[0], shape[neuron_dim], -1)
    for name, oracle in ORACLES.items():
        rows = reduce_output(output, name, neuron_dim)
        np.testing.assert_allclose(rows.numpy(), oracle(flat), rtol=1e-12, atol=1e-15)


@given(shapes, st.sampled_from(REDUCER_NAMES))
def test_default_neuron_axis(shape, name):
    output = torch.randn(shape)
    axis = {3: -1, 4: 1, 5: 1}[len(shape)]
    assert torch.equal(reduce_output(output, name), reduce_output(output, name, axis))


def test_center_is_the_upper_middle_of_every_position_axis():
    maps = torch.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    assert torch.equal(reduce_output(maps, "center"), maps[:, :, 2, 2])
    tokens = torch.arange(2 * 6 * 3).reshape(2, 6, 3)
    assert torch.equal(reduce_output(tokens, "center"), tokens[:, 3, :])
    volumes = torch.arange(2 * 1 * 2 * 3 * 4).reshape(2, 1, 2, 3, 4)
    assert torch.equal(reduce_output(volumes, "center"), volumes[:, :, 1, 1, 2])


def test_first_and_last_are_tokens():
    tokens = torch.randn(4, 7, 3)
    assert torch.equal(reduce_output(tokens, "first"), tokens[:, 0])
    assert torch.equal(reduce_output(tokens, "last"), tokens[:, -1])


@pytest.mark.parametrize("name", REDUCER_NAMES)
def test_outputs_without_positions_are_taken_as_they_are(name):
    output = torch.tensor([[-1.0, 2.0], [3.0, -4.0]])
    assert torch.equal(reduce_output(output, name), output)
    assert torch.equal(reduce_output(output[:, 0], name), output[:, :1])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_accumulated_in_float32(dtype):
    output = torch.full((1, 1, 100, 100), 300.0, dtype=dtype)
    assert reduce_output(output, "mean").item() == 300.0
    assert reduce_output(output, "l2").item() == pytest.approx(30_000.0)
    assert reduce_output(output, "mean").dtype == torch.float32
    assert reduce_output(output, "max").dtype == dtype


def test_float64_and_integers_keep_what_they_can():
    assert reduce_output(torch.ones(1, 2, 3, dtype=torch.float64), "mean").dtype == torch.float64
    integers = torch.tensor([[[1], [2]]])
    assert reduce_output(integers, "max").dtype == torch.int64
    assert reduce_output(integers, "mean").item() == 1.5


def test_nan_stays_nan():
    output = torch.zeros(1, 2, 3, 3)
    output[0, 1, 2, 2] = float("nan")
    for name in ("mean", "max", "min", "l2", "last"):
        assert reduce_output(output, name).isnan().tolist() == [[False, True]]


@pytest.mark.parametrize(
    "wrapped",
    [lambda t: (t,), lambda t: [t], lambda t: (t, None), lambda t: {"hidden": t, "weights": None}],
)
def test_the_only_tensor_inside_is_taken(wrapped):
    output = torch.randn(2, 3)
    assert torch.equal(reduce_output(wrapped(output)), output)


def test_a_callable_gets_the_output_as_it_is():
    output = (torch.randn(2, 5, 3), torch.randn(2, 4))
    rows = reduce_output(output, lambda parts: torch.cat([parts[0][:, 0], parts[1]], 1))
    assert rows.shape == (2, 7)


@pytest.mark.parametrize(
    ("output", "reduce", "neuron_dim", "error", "message"),
    [
        (torch.ones(2, 3, 4), "median", None, ValueError, "reduce is 'median'; expected one of"),
        (torch.ones(2, 3, 4), None, None, ValueError, "reduce is None.*or a callable"),
        (torch.ones(2, 3, 4), "mean", 0, ValueError, "neuron_dim is 0, the axis of the inputs"),
        (torch.ones(2, 3, 4), "mean", -3, ValueError, "neuron_dim is -3.*other than 0"),
        (torch.ones(2, 3, 4), "mean", 3, ValueError, r"neuron_dim is 3.*shape \(2, 3, 4\)"),
        (torch.ones(2), "mean", 1, ValueError, "neuron_dim is 1"),
        (torch.ones(2, 3, 4), "mean", 1.0, TypeError, "neuron_dim is 1.0; expected an integer"),
        (torch.ones(2, 3, 4), "mean", True, TypeError, "neuron_dim is True"),
        (torch.ones(2, 3), len, 1, ValueError, "neuron_dim is 1 with a callable reduce"),
        (torch.tensor(1.0), "mean", None, ValueError, r"shape \(\)"),
        (torch.ones(1, 1, 1, 1, 1, 2), "mean", None, ValueError, "expected neuron_dim"),
        (torch.ones(2, 3, 0), "mean", 1, ValueError, "no positions"),
        (torch.ones(2, 3, dtype=torch.complex64), "mean", None, ValueError, "real numbers"),
        (
            (torch.ones(2), torch.ones(2)),
            "mean",
            None,
            ValueError,
            "tuple of 2 items with 2 tensors",
        ),
        (("text",), "mean", None, ValueError, "with 0 tensors"),
        ("text", "mean", None, TypeError, "'layer' gives str"),
        (torch.ones(2, 3), lambda output: output[0], None, ValueError, r"shape \(3,\).*\(n, d\)"),
        (torch.ones(2, 3), lambda output: output.tolist(), None, TypeError, "returned list"),
    ],
)
def test_what_is_refused(output, reduce, neuron_dim, error, message):
    with pytest.raises(error, match=message):
        reduce_output(output, reduce, neuron_dim)

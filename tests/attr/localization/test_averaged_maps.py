from __future__ import annotations

import numpy as np
import pytest
import torch

from invert_captum.attr.localization.averaged_maps import averaged_maps

VALUES = torch.rand(4, 3, 5, 6, generator=torch.Generator().manual_seed(0))


def test_channels_are_averaged_in_double_precision():
    expected = VALUES.numpy().astype(np.float64).mean(1)
    np.testing.assert_allclose(averaged_maps("mask", VALUES).numpy(), expected, rtol=1e-15)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_a_map_repeated_over_channels_is_averaged_to_itself(dtype):
    one = VALUES[:, :1].to(dtype)
    assert torch.equal(averaged_maps("mask", one.expand(4, 3, 5, 6)), one[:, 0].double())


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64])
def test_whole_numbers_are_taken(dtype):
    whole = (2 * VALUES).round().to(dtype)
    expected = whole.numpy().astype(np.float64).mean(1)
    np.testing.assert_allclose(averaged_maps("mask", whole).numpy(), expected, rtol=1e-15)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((5, 6), (1, 5, 6)), ((2, 5, 6), (2, 5, 6)), ((0, 5, 6), (0, 5, 6)), ((0, 3, 5, 6),) * 2],
)
def test_rows_are_pictures(shape, expected):
    n, *_, height, width = expected
    assert averaged_maps("mask", torch.zeros(shape)).shape == (n, height, width)


def test_gradients_stay_behind():
    assert not averaged_maps("mask", VALUES.clone().requires_grad_()).requires_grad


@pytest.mark.parametrize("shape", [(), (6,), (1, 1, 3, 5, 6), (2, 3, 0, 6), (2, 0, 5, 6), (0, 6)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"mask has shape \(.*expected a tensor \(n, channels"):
        averaged_maps("mask", torch.zeros(shape))


@pytest.mark.parametrize("bad", [np.zeros((5, 6)), None, [[1.0]]])
def test_what_is_no_tensor_is_refused(bad):
    with pytest.raises(TypeError, match=r"attribution is of type .*expected a tensor"):
        averaged_maps("attribution", bad)


def test_complex_numbers_are_refused():
    with pytest.raises(TypeError, match=r"mask is of torch\.complex64; expected real numbers"):
        averaged_maps("mask", torch.zeros(5, 6, dtype=torch.complex64))


def test_rows_that_are_not_finite_are_named():
    values = VALUES.clone()
    values[1, 2, 0, 0], values[3, 0, 4, 5] = torch.nan, torch.inf
    with pytest.raises(ValueError, match="mask has NaN or infinite values in rows 1, 3; expected"):
        averaged_maps("mask", values)

"""Standardised maps, against the reference's golden values and closed forms."""

import pytest
import torch

from invert_captum.alignment.maps.standardizing import standardize_cut

NAMES = [
    "random",
    "normal",
    "negative",
    "constant",
    "constant_0p1",
    "zeros",
    "tiny_scale",
    "large_offset",
    "one_hot_pixel",
    "rank4",
]


def arrays(golden, name, dtype, suffix):
    maps, weights, out, grad = (
        torch.from_numpy(golden[f"std/{name}/{key}"]).to(dtype)
        for key in ("in", "w", f"out{suffix}", f"grad{suffix}")
    )
    channel = name == "rank4"
    return [array[..., 0] if channel else array for array in (maps, weights, out, grad)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_map_and_gradient_of_the_reference(golden, name, dtype):
    if name == "large_offset" and dtype == torch.float32:
        return  # The reference's own float32 sums cancel there.
    double = dtype == torch.float64
    maps, weights, out, grad = arrays(golden, name, dtype, "_f64" if double else "")
    got = standardize_cut(maps.requires_grad_())
    (slope,) = torch.autograd.grad((got * weights).sum(), maps)
    atol = (1e-10 if double else 1e-5) * float(out.abs().max())
    torch.testing.assert_close(got, out, rtol=0, atol=atol)
    atol = (1e-10 if double else 1e-3) * float(grad.abs().max())
    torch.testing.assert_close(slope, grad, rtol=0, atol=atol)


def test_all_names_of_the_reference_are_compared(golden):
    stored = {key.split("/")[1] for key in golden if key.startswith("std/")}
    assert stored == set(NAMES)


def test_another_epsilon(golden):
    maps = torch.from_numpy(golden["std/random/in"])
    expected = torch.from_numpy(golden["std/random/out_eps1e-1"])
    torch.testing.assert_close(standardize_cut(maps, 0.1), expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("value", [0.0, 0.1, -3e7, 1e-40])
def test_a_constant_map_is_zero_with_slopes_of_zero(value):
    maps = torch.full((2, 5, 7), value, requires_grad=True)
    (slope,) = torch.autograd.grad(standardize_cut(maps).sum(), maps, create_graph=True)
    assert (standardize_cut(maps) == 0).all()
    assert (slope == 0).all()
    (curvature,) = torch.autograd.grad(slope.sum(), maps)
    assert (curvature == 0).all()


def test_values_whose_squares_underflow_give_finite_slopes():
    maps = torch.zeros(1, 4, 4)
    maps[0, 0, 0] = 1e-30
    out = standardize_cut(maps.requires_grad_())
    out.sum().backward()
    assert torch.isfinite(maps.grad).all()
    assert float(out.detach().max()) == pytest.approx(1e-30 * 15 / 16 / 1e-5, rel=1e-5)


def test_second_derivatives_are_right():
    maps = torch.rand(2, 4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(standardize_cut, maps)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_of_half_precision_only_the_result_is_rounded(dtype):
    """The squares of these values are above what float16 holds."""
    maps = (2000 * torch.rand(2, 20, 20)).to(dtype)
    assert torch.equal(standardize_cut(maps), standardize_cut(maps.float()).to(dtype))


@pytest.mark.parametrize("epsilon", [0, -1.0, float("nan"), float("inf")])
def test_an_epsilon_that_does_not_guard_is_refused(epsilon):
    with pytest.raises(ValueError, match=f"epsilon is {epsilon}; expected a finite number above"):
        standardize_cut(torch.zeros(1, 2, 2), epsilon)


def test_an_epsilon_that_is_no_number_is_refused():
    with pytest.raises(TypeError, match="epsilon is 'small'"):
        standardize_cut(torch.zeros(1, 2, 2), "small")

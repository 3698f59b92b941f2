"""The blur of human maps, against the reference's golden values."""

import re

import numpy as np
import pytest
import torch

from invert_captum.alignment.maps.gaussian_blurring import gaussian_blur, gaussian_kernel


def sizes(key):
    return [int(number) for number in re.search(r"s(\d+)_g(\d+)", key).groups()]


def test_every_kernel_of_the_reference(golden):
    keys = [key for key in golden if key.startswith("blur/kernel_f64")]
    assert len(keys) == 6
    for key in keys:
        expected = torch.from_numpy(golden[key])[..., 0, 0]
        torch.testing.assert_close(gaussian_kernel(*sizes(key)), expected, rtol=1e-12, atol=0)


def test_every_blurred_map_of_the_reference(golden):
    keys = [key for key in golden if key.startswith("blur/out_")]
    assert len(keys) == 10
    for key in keys:
        maps = torch.from_numpy(golden[re.sub(r"out_([^_]+)_.*", r"in_\1", key)])[None, ..., 0]
        expected = torch.from_numpy(golden[key])[None, ..., 0]
        blurred = gaussian_blur(maps, *sizes(key))
        assert (blurred - expected).abs().max() <= 1e-5 * expected.abs().max(), key


def test_a_spot_lands_one_pixel_to_the_left():
    spot = torch.zeros(1, 21, 21, dtype=torch.float64)
    spot[0, 10, 10] = 1
    blurred = gaussian_blur(spot)
    rows, columns = blurred[0].nonzero().T
    assert divmod(int(blurred.argmax()), 21) == (10, 9)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (5, 14, 5, 14)


def test_inside_the_border_a_kernel_that_sums_to_one_keeps_a_constant():
    blurred = gaussian_blur(torch.full((2, 30, 40), 3.0, dtype=torch.float64))
    torch.testing.assert_close(blurred[:, 4:-5, 4:-5], torch.full((2, 21, 31), 3.0).double())
    assert (blurred[:, 0] < 3).all()


def test_maps_are_blurred_one_by_one():
    maps = torch.rand(3, 12, 9, dtype=torch.float64)
    alone = torch.cat([gaussian_blur(maps[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(gaussian_blur(maps), alone, rtol=0, atol=1e-15)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_type_is_kept_and_no_maps_are_none(dtype):
    assert gaussian_blur(torch.zeros(0, 5, 5, dtype=dtype)).dtype == dtype


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_of_half_precision_only_the_result_is_rounded(dtype):
    maps = (1000 * torch.rand(2, 20, 20)).to(dtype)
    assert torch.equal(gaussian_blur(maps), gaussian_blur(maps.float()).to(dtype))


def test_autocast_changes_nothing():
    maps = torch.rand(2, 20, 20)
    with torch.autocast("cpu", torch.bfloat16):
        blurred = gaussian_blur(maps)
    assert torch.equal(blurred, gaussian_blur(maps))


def test_a_number_of_numpy_is_a_number():
    maps = torch.rand(1, 9, 9)
    assert torch.equal(gaussian_blur(maps, np.int64(3), np.float32(2)), gaussian_blur(maps, 3, 2.0))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([1.0],), TypeError, "maps must be a torch tensor"),
        ((torch.zeros(2, 5, 5, 1),), ValueError, r"\(2, 5, 5, 1\); squeeze the channel"),
        ((torch.zeros(2, 0, 5),), ValueError, r"shape \(N, H, W\), got \(2, 0, 5\)"),
        ((torch.zeros(1, 5, 5, dtype=torch.uint8),), TypeError, "floating point, got torch.uint8"),
        ((torch.zeros(1, 5, 5), 0), ValueError, "size"),
        (
            (torch.zeros(1, 5, 5), 3, 0.0),
            ValueError,
            "sigma is 0.0; expected a finite number above 0",
        ),
        ((torch.zeros(1, 5, 5), 3, float("nan")), ValueError, "sigma is nan; expected a finite"),
        ((torch.zeros(1, 5, 5), 3, "1"), TypeError, "sigma is '1' .*; expected a finite"),
        ((torch.zeros(1, 5, 5), 3, True), TypeError, "sigma is True"),
    ],
)
def test_what_cannot_be_blurred_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        gaussian_blur(*arguments)

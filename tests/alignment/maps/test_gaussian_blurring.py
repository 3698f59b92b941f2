"""The blur of human maps, against the reference's golden values."""

import re

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


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_type_is_kept_and_no_maps_are_none(dtype):
    assert gaussian_blur(torch.zeros(0, 5, 5, dtype=dtype)).dtype == dtype


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([1.0],), TypeError, "maps must be a torch tensor"),
        ((torch.zeros(2, 5, 5, 1),), ValueError, r"\(2, 5, 5, 1\); squeeze the channel"),
        ((torch.zeros(2, 0, 5),), ValueError, r"shape \(N, H, W\), got \(2, 0, 5\)"),
        ((torch.zeros(1, 5, 5, dtype=torch.uint8),), TypeError, "floating point, got torch.uint8"),
        ((torch.zeros(1, 5, 5), 0), ValueError, "size"),
        ((torch.zeros(1, 5, 5), 3, 0.0), ValueError, "sigma must be positive and finite, got 0.0"),
        ((torch.zeros(1, 5, 5), 3, float("nan")), ValueError, "sigma must be positive"),
    ],
)
def test_what_cannot_be_blurred_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        gaussian_blur(*arguments)

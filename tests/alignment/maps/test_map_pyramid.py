"""Pyramids of maps and their mean squared difference, against the reference's golden values."""

import itertools

import pytest
import torch
from torch.nn import functional

from invert_captum.alignment.maps.map_pyramid import pyramid, pyramidal_mse


def largest_error(got, expected):
    return float((got - expected).abs().max() / expected.abs().max())


def test_every_small_pyramid_of_the_reference(golden):
    sizes = sorted({key.split("/")[1] for key in golden if key.startswith("pyr/")} - {"224x224"})
    compared = 0
    for size in [size for size in sizes if f"pyr/{size}/in" in golden]:
        maps = torch.from_numpy(golden[f"pyr/{size}/in"])
        maps = maps.movedim(-1, 1).flatten(0, 1)
        for dtype, suffix, tolerance in (
            (torch.float32, "", 1e-5),
            (torch.float64, "_f64", 1e-10),
        ):
            for level, got in enumerate(pyramid(maps.to(dtype))[1:], 1):
                expected = golden.get(f"pyr/{size}/level{level}{suffix}")
                if expected is None:
                    continue
                expected = torch.from_numpy(expected).movedim(-1, 1).flatten(0, 1)
                assert got.shape == expected.shape
                assert largest_error(got, expected) <= tolerance, (size, level, suffix)
                compared += 1
    stored = [key for key in golden if key.startswith("pyr/") and "/level" in key]
    assert compared == len([key for key in stored if not key.startswith("pyr/224x224")])


def test_the_full_size_pyramid_of_the_reference(golden, golden_facts):
    maps = torch.from_numpy(golden["pyr/224x224/in_u8"]).float()[..., 0] / 255
    levels = pyramid(maps)
    expected = golden["pyr/224x224/level1_sub4"][..., 0]
    assert largest_error(levels[1][:, ::4, ::4], torch.from_numpy(expected)) <= 1e-5
    for level in range(2, 6):
        expected = torch.from_numpy(golden[f"pyr/224x224/level{level}"][..., 0])
        assert largest_error(levels[level], expected) <= 1e-5
    facts = golden_facts["pyramid"]["224x224"]["levels"]
    for level, fact in zip(levels, facts, strict=True):
        assert float(level.double().sum()) == pytest.approx(fact["sum"], rel=1e-5)


@pytest.mark.parametrize("side", [7, 8])
def test_zeros_lie_around_an_even_side_once_before_and_twice_after(side):
    row = torch.zeros(1, 1, side, dtype=torch.float64)
    row[..., 0] = 1
    weight = {7: 6, 8: 4}[side] / 16 * 6 / 16
    assert float(pyramid(row, 1)[1][0, 0, 0]) == pytest.approx(weight)


def test_every_mean_of_the_reference(golden, golden_facts):
    facts = golden_facts["pyramidal_mse"]
    assert len(facts) >= 15
    for name, fact in facts.items():
        size, kind, levels = name.split("/")
        for dtype, suffix, tolerance in (
            (torch.float32, "f32", 1e-5),
            (torch.float64, "f64", 1e-10),
        ):
            true, predicted, tokens = (
                torch.from_numpy(golden[key]).to(dtype)
                for key in (f"mse/{size}/true", f"mse/{size}/pred", f"mse/tokens_{kind}")
            )
            got = pyramidal_mse(true, predicted, tokens, int(levels.removeprefix("levels")))
            assert float(got) == pytest.approx(fact[suffix], rel=tolerance, abs=1e-12), name


def test_every_gradient_of_the_reference(golden):
    keys = [key for key in golden if "/grad_pred/" in key]
    assert len(keys) == 7
    for key in keys:
        _, size, _, kind, levels = key.split("/")
        predicted = torch.from_numpy(golden[f"mse/{size}/pred"]).requires_grad_()
        true, tokens = (
            torch.from_numpy(golden[f"mse/{name}"]) for name in (f"{size}/true", f"tokens_{kind}")
        )
        n_levels = int(levels.removeprefix("levels"))
        pyramidal_mse(true, predicted, tokens, n_levels).backward()
        expected = torch.from_numpy(golden[key])
        tolerance = 1e-4 * float(expected.abs().max())
        torch.testing.assert_close(predicted.grad, expected, rtol=0, atol=tolerance)


def test_maps_without_a_token_count_in_the_denominator():
    true, predicted = torch.zeros(4, 6, 6), torch.ones(4, 6, 6)
    shares = [
        float(pyramidal_mse(true, predicted, torch.tensor(tokens).float(), 1))
        for tokens in itertools.product((0, 1), repeat=4)
    ]
    assert shares == [sum(tokens) / 4 for tokens in itertools.product((0, 1), repeat=4)]


def test_an_odd_and_an_even_level_by_a_centred_kernel():
    """Taken with zeros by hand and torch's own correlation at all pixels, then every second."""
    weights = torch.tensor([1.0, 4, 6, 4, 1], dtype=torch.float64) / 16
    kernel = torch.outer(weights, weights)[None, None]
    maps = torch.rand(2, 9, 8, dtype=torch.float64)
    everywhere = functional.conv2d(maps[:, None], kernel, padding=2)[:, 0]
    # An odd side is read at 0, 2, 4, ...; an even side, with one zero before, at 1, 3, 5, ...
    torch.testing.assert_close(pyramid(maps, 1)[1], everywhere[:, ::2, 1::2], rtol=0, atol=1e-15)


def test_autocast_changes_nothing():
    true, predicted, tokens = torch.rand(2, 17, 16), torch.rand(2, 17, 16), torch.ones(2)
    with torch.autocast("cpu", torch.bfloat16):
        levels, mean = pyramid(true), pyramidal_mse(true, predicted, tokens)
    for level, expected in zip(levels, pyramid(true), strict=True):
        assert torch.equal(level, expected)
    assert mean == pyramidal_mse(true, predicted, tokens)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_the_mean_of_half_precision_is_that_of_float32(dtype):
    """The squares of these differences are above what float16 holds."""
    true, predicted = ((1000 * torch.rand(2, 9, 9)).to(dtype) for _ in range(2))
    assert {level.dtype for level in pyramid(true)} == {dtype}
    mean = pyramidal_mse(true, predicted, torch.ones(2, dtype=dtype))
    assert mean == pyramidal_mse(true.float(), predicted.float(), torch.ones(2))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((torch.zeros(2, 4, 4), torch.zeros(2, 4, 5), torch.ones(2)), "expected the same shape"),
        ((torch.zeros(2, 4, 4), torch.zeros(2, 4, 4), torch.ones(3)), r"tokens .* shape \(2,\)"),
        ((torch.zeros(2, 4, 4), torch.zeros(2, 4, 4), [1.0, 1.0]), r"tokens .* got \[1.0, 1.0\]"),
        ((torch.zeros(0, 4, 4), torch.zeros(0, 4, 4), torch.ones(0)), "no maps"),
        ((torch.zeros(2, 4, 4), torch.zeros(2, 4, 4), torch.ones(2), 0), "n_levels"),
    ],
)
def test_what_does_not_belong_together_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        pyramidal_mse(*arguments)


def test_a_negative_number_of_levels_is_refused():
    with pytest.raises(ValueError, match="n_levels"):
        pyramid(torch.zeros(1, 4, 4), -1)

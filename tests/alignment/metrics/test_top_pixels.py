"""Dice and IoU of the highest positions against the golden values and against exact fractions."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from invert_captum.alignment.metrics.top_pixels import dice, intersection_over_union

METRICS = [dice, intersection_over_union]
PERCENTILES = [0.1, 2.5, 5, 10, 20, 25, 33.3, 50, 90, 99.9]
MAPS_AND_PERCENTILES = [(name, 10) for name in ("main", "n121", "rect", "n11")]
MAPS_AND_PERCENTILES += [("main", 5), ("main", 25)]


@pytest.mark.parametrize(("group", "percentile"), MAPS_AND_PERCENTILES)
def test_the_reference(golden, group, percentile):
    stored = f"metrics/{group}"
    a, b = (torch.from_numpy(golden[f"{stored}/{name}"]) for name in "ab")
    overlap = dice(a, b, percentile).numpy()
    np.testing.assert_array_equal(overlap, golden[f"{stored}/dice_f64_p{percentile}"])
    expected = golden[f"{stored}/dice_p{percentile}"]
    np.testing.assert_allclose(overlap, expected, rtol=2.0**-23, atol=0)
    share = intersection_over_union(a, b, percentile).numpy()
    np.testing.assert_array_equal(share, golden[f"{stored}/iou_p{percentile}"])


def test_every_golden_value_is_compared(golden):
    kinds = ("dice_p", "dice_f64_p", "iou_p")
    stored = [key for key in golden if key.startswith("metrics/") and key.split("/")[2][0] in "di"]
    assert len(stored) == len(kinds) * len(MAPS_AND_PERCENTILES)


def top_by_fractions(values, percentile):
    """Interpolate between neighbours in order, without rounding."""
    exact = [Fraction(float(value)) for value in values]
    ordered = sorted(exact)
    position = (100 - Fraction(str(percentile))) * (len(exact) - 1) / 100
    lower = math.floor(position)
    upper = min(lower + 1, len(exact) - 1)
    threshold = ordered[lower] + (ordered[upper] - ordered[lower]) * (position - lower)
    return np.array([value > threshold for value in exact])


def top_by_numpy(values, percentile):
    return values > np.percentile(values.astype(np.float64), 100 - percentile)


def slowly(a, b, percentile, top):
    scores = []
    for first, second in zip(a.float().numpy(), b.float().numpy(), strict=True):
        one, two = top(first.ravel(), percentile), top(second.ravel(), percentile)
        both = np.sum(one & two)
        scores.append(
            (2 * both / (np.sum(one) + np.sum(two) + 1e-9), both / (sum(one | two) + 1e-9))
        )
    return np.array(scores).T


@st.composite
def pairs(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sides = st.sampled_from([1, 2, 3, 7, 11])  # 1 x 11 and 11 x 11 put percentiles on elements
    shape = (draw(st.integers(1, 3)), draw(sides), draw(sides))
    a = rng.normal(size=shape)
    b = a + rng.normal(size=shape)
    decimals = draw(st.sampled_from([0, 1, 15]))
    if draw(st.booleans()):
        b = np.maximum(b, 0)
    a[0] = draw(st.sampled_from([a[0], 0.1 * np.ones(shape[1:])]))
    dtype = draw(st.sampled_from([torch.float64, torch.float32, torch.float16, torch.bfloat16]))
    return tuple(torch.from_numpy(maps.round(decimals)).to(dtype) for maps in (a, b))


@given(pairs(), st.sampled_from(PERCENTILES))
def test_equal_the_definition_in_fractions(pair, percentile):
    expected = slowly(*pair, percentile, top_by_fractions)
    for metric, values in zip(METRICS, expected, strict=True):
        got = metric(*pair, percentile)
        assert got.dtype == torch.float64
        np.testing.assert_allclose(got, values, rtol=1e-15, atol=0)


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.3, 5, 10, 33.3, 90]))
def test_equal_numpy_where_no_percentile_is_on_an_element(seed, percentile):
    rng = np.random.default_rng(seed)
    a = torch.from_numpy(rng.normal(size=(3, 17, 22)))
    b = a + torch.from_numpy(rng.normal(size=(3, 17, 22)))
    expected = slowly(a, b, percentile, top_by_numpy)
    got = [metric(a, b, percentile) for metric in METRICS]
    np.testing.assert_allclose(got, expected, rtol=1e-15, atol=0)


@given(pairs(), st.sampled_from(PERCENTILES))
def test_are_symmetric_and_know_each_other(pair, percentile):
    a, b = pair
    overlap, share = (metric(a, b, percentile) for metric in METRICS)
    assert torch.equal(overlap, dice(b, a, percentile))
    assert torch.equal(share, intersection_over_union(b, a, percentile))
    torch.testing.assert_close(overlap, 2 * share / (1 + share), rtol=1e-8, atol=0)


@pytest.mark.parametrize("metric", METRICS)
def test_rising_functions_change_nothing(metric):
    rng = np.random.default_rng(0)
    a, b = (torch.from_numpy(rng.integers(-50, 50, (20, 12, 7)).astype(float)) for _ in range(2))
    expected = metric(a, b, 20)
    assert expected.gt(0).any()
    for changed in (a**3, (a / 10).exp(), 1e6 * a - 3e7, a.sinh(), a.half()):
        assert torch.equal(metric(changed, b, 20), expected)


def test_a_decimal_percentile_on_an_element():
    """0.1 % of the way down from 1,000 is 999; the nearest double of 0.1 points just below it."""
    maps = torch.arange(1001.0).reshape(1, 7, 143)
    assert dice(maps, maps, 0.1).item() == 2 / (2 + 1e-9)
    assert dice(maps, maps, 0.11).item() == 4 / (4 + 1e-9)


def test_a_percentile_between_neighbours_of_float32():
    """Interpolated in float32 it would be rounded to the upper one, above which nothing is."""
    maps = torch.tensor([[[1.0, 1.0, 1.0 + 2**-23]]])
    assert dice(maps, maps, 1).item() == 2 / (2 + 1e-9)


@pytest.mark.parametrize("metric", METRICS)
def test_what_has_no_highest_positions_scores_zero(metric):
    random = torch.randn(1, 6, 6, generator=torch.Generator().manual_seed(0))
    constant, with_nan = torch.full_like(random, 0.1), random.clone()
    with_nan[0, 2, 3] = torch.nan
    signed_zeros = torch.zeros_like(random)
    signed_zeros[0, 0] = -0.0
    many_highest = random.clamp(max=random.quantile(0.5).item())
    for empty in (constant, with_nan, signed_zeros, many_highest):
        assert metric(empty, random).item() == metric(random, empty).item() == 0
        assert metric(empty, empty).item() == 0
    assert metric(random, random).item() > 0.99


def test_infinite_values_are_the_highest_and_lowest():
    maps = torch.arange(12.0).reshape(1, 3, 4)
    for count in (1, 2, 5):
        infinite = maps.clone()
        infinite.view(-1)[-count:] = torch.inf
        infinite.view(-1)[:3] = -torch.inf
        expected = dice(maps.clamp(max=12 - count), maps.clamp(max=12 - count), 20)
        assert torch.equal(dice(infinite, infinite, 20), expected)


def test_more_numbers_than_quantiles_of_torch_take():
    one = torch.arange(224.0 * 224).reshape(1, 224, 224)
    a, b = one.expand(340, -1, -1), one.roll(1000).expand(340, -1, -1)
    top = 5018  # positions above 0.9 * 50,175 = 45,157.5
    assert dice(a, b).tolist() == [2 * (top - 1000) / (2 * top + 1e-9)] * 340


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("percentile", [0, 100, -1, 100.5, math.nan, math.inf])
def test_refuse_percentiles_outside(metric, percentile):
    maps = torch.rand(1, 3, 3)
    with pytest.raises(ValueError, match=rf"percentile is {percentile}; expected a number inside"):
        metric(maps, maps, percentile)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("percentile", ["10", None, True, torch.tensor(10)])
def test_refuse_percentiles_that_are_no_numbers(metric, percentile):
    maps = torch.rand(1, 3, 3)
    with pytest.raises(TypeError, match=r"percentile is .*; expected a number inside \(0, 100\)"):
        metric(maps, maps, percentile)

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from invert_captum.attr.localization.pointing import pointing_game

FINITE = st.integers(0, 3)


def peak(*places, side=40):
    attribution = torch.zeros(1, 3, side, side)
    for row, column in places:
        attribution[..., row, column] = 1
    return attribution


def square(top, left, size=4, side=40):
    mask = torch.zeros(1, side, side, dtype=torch.bool)
    mask[:, top : top + size, left : left + size] = True
    return mask


def share_by_hand(attribution, thing, tolerance):
    places = list(itertools.product(*map(range, attribution.shape)))
    highest = [place for place in places if attribution[place] == attribution.max()]
    on = [place for place in places if thing[place]]
    hits = [min(math.dist(one, other) for other in on) <= tolerance for one in highest]
    return sum(hits) / len(hits)


@given(
    arrays.arrays(np.int64, (2, 6, 5), elements=FINITE),
    arrays.arrays(np.bool_, (2, 6, 5)),
    st.sampled_from([0, 1, 1.4, 1.5, 2, 2.2360679, 3, 15, 1e300]),
)
def test_shares_are_those_of_a_loop_over_all_pairs_of_points(attributions, objects, tolerance):
    objects[:, 2, 3] = True
    shares = pointing_game(torch.from_numpy(attributions), torch.from_numpy(objects), tolerance)
    expected = [
        share_by_hand(one, thing, tolerance)
        for one, thing in zip(attributions, objects, strict=True)
    ]
    assert shares.tolist() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("place", "tolerance", "hit"),
    [
        ((10, 10), 0, 1),
        ((9, 10), 0, 0),
        ((9, 10), 1, 1),
        ((9, 9), 1, 0),
        ((9, 9), 1.5, 1),
        ((7, 6), 5, 1),  # 3 up, 4 to the left
        ((7, 6), 4.99, 0),
        ((13, 28), 15, 1),
        ((13, 29), 15, 0),
        ((0, 0), 15, 1),
        ((39, 39), 1000, 1),
    ],
)
def test_distance_is_euclidean_to_the_nearest_pixel(place, tolerance, hit):
    assert pointing_game(peak(place), square(10, 10), tolerance).tolist() == [hit]


def test_ties_count_by_their_share():
    places = (10, 10), (11, 11), (30, 30), (0, 39)
    assert pointing_game(peak(*places), square(10, 10), 0).tolist() == [0.5]
    assert pointing_game(peak(*places), square(10, 10), 27).tolist() == [0.75]


def test_a_constant_attribution_hits_as_often_as_a_random_point():
    constant = torch.full((1, 3, 40, 40), 0.1)
    assert pointing_game(constant, square(10, 10), 0).item() == pytest.approx(16 / 1600)


def test_the_highest_point_is_that_of_the_average_over_channels_with_its_sign():
    attribution = torch.zeros(1, 3, 40, 40)
    attribution[0, 0, 11, 11], attribution[0, 1, 11, 11] = 5, -5
    attribution[0, :, 30, 30] = 1
    attribution[0, :, 10, 10] = -9
    assert pointing_game(attribution, square(10, 10), 0).tolist() == [0]
    assert pointing_game(attribution.abs(), square(10, 10), 0).tolist() == [1]


def test_all_shapes_mean_the_same():
    attribution = torch.cat([peak((11, 11)), peak((30, 30))])
    thing = square(10, 10)
    both = thing.expand(2, 40, 40)
    for mask in (thing[0], both, both[:, None]):
        assert pointing_game(attribution, mask).tolist() == [1, 0]
        assert pointing_game(attribution[:, 0], mask).tolist() == [1, 0]
    assert pointing_game(attribution[0, 0], thing).tolist() == [1]
    assert pointing_game(attribution[:0], both[:0]).shape == (0,)


def test_a_picture_gets_what_it_would_get_alone():
    generator = torch.Generator().manual_seed(0)
    attributions = torch.rand(8, 3, 20, 20, generator=generator)
    objects = torch.rand(8, 20, 20, generator=generator) < 0.02
    objects[:, 4, 4] = True
    together = pointing_game(attributions, objects, 2)
    alone = [pointing_game(attributions[[i]], objects[[i]], 2).item() for i in range(8)]
    assert together.tolist() == alone
    assert 0 < together.mean() < 1


def test_empty_objects_are_refused_by_row():
    objects = square(10, 10).repeat(5, 1, 1)
    objects[[1, 3]] = False
    with pytest.raises(ValueError, match="object_mask is empty in rows 1, 3; expected at least"):
        pointing_game(peak((0, 0)).expand(5, 3, 40, 40), objects)
    with pytest.raises(ValueError, match="object_mask is empty; expected at least one pixel"):
        pointing_game(peak((0, 0)), objects[1])


@pytest.mark.parametrize("shape", [(2, 40, 40), (1, 3, 40, 40), (1, 40, 39), (1, 1, 1, 40, 40)])
def test_objects_of_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"object_mask has shape .*, attribution has 1 maps of 40"):
        pointing_game(peak((0, 0)), torch.ones(shape, dtype=torch.bool))


@pytest.mark.parametrize("dtype", [torch.float32, torch.uint8])
def test_objects_that_are_not_boolean_are_refused(dtype):
    with pytest.raises(TypeError, match=f"object_mask is of {dtype}; expected booleans"):
        pointing_game(peak((0, 0)), square(10, 10).to(dtype))


def test_arrays_are_refused():
    with pytest.raises(TypeError, match="object_mask is of type ndarray; expected a tensor"):
        pointing_game(peak((0, 0)), square(10, 10).numpy())
    with pytest.raises(TypeError, match="attribution is of type ndarray; expected a tensor"):
        pointing_game(peak((0, 0)).numpy(), square(10, 10))


def test_attributions_that_are_not_finite_are_refused_by_row():
    attributions = peak((0, 0)).repeat(3, 1, 1, 1)
    attributions[2, 0, 5, 5] = torch.inf
    with pytest.raises(ValueError, match="attribution has NaN or infinite values in rows 2;"):
        pointing_game(attributions, square(10, 10)[0])


@pytest.mark.parametrize(
    ("tolerance", "error", "message"),
    [
        (-1, ValueError, "tolerance is -1; expected a finite number of at least 0"),
        (float("nan"), ValueError, "tolerance is nan"),
        (float("inf"), ValueError, "tolerance is inf"),
        (True, TypeError, r"tolerance is True \(bool\); expected a number of pixels"),
        ("15", TypeError, "tolerance is '15'"),
    ],
)
def test_tolerances_that_are_no_distance_are_refused(tolerance, error, message):
    with pytest.raises(error, match=message):
        pointing_game(peak((0, 0)), square(10, 10), tolerance)

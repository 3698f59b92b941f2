import numpy as np
import pytest
import torch

from benchmarks.localization_of_objects.object_measures import (
    asked_ahead,
    class_share,
    energy_inside,
    localisation_error,
    pointing,
)


def squares(*boxes, side=100):
    """One picture's masks from (top, left, height, width)."""
    masks = torch.zeros(1, len(boxes), side, side, dtype=torch.bool)
    for mask, (top, left, height, width) in zip(masks[0], boxes, strict=True):
        mask[top : top + height, left : left + width] = True
    return masks


def test_pointing_allows_fifteen_pixels():
    masks = squares((40, 40, 20, 20)).repeat(3, 1, 1, 1)
    maps = torch.full((3, 100, 100), -1.0)
    maps[0, 50, 50] = maps[1, 50, 74] = maps[2, 50, 75] = 0
    assert pointing(maps, masks).tolist() == [1, 1, 0]


def test_pointing_asks_for_the_first_object():
    masks = squares((0, 0, 10, 10), (60, 60, 10, 10))
    maps = masks[:, 1].double()
    assert pointing(maps, masks) == [0]
    assert pointing(maps, masks.flip(1)) == [1]


@pytest.mark.parametrize(
    ("box", "error"),
    [
        ((10, 10, 20, 20), 0),
        ((10, 10, 20, 39), 0),  # overlap 400 / 780
        ((10, 10, 20, 40), 1),  # exactly one half
        ((60, 60, 20, 20), 1),
    ],
)
def test_a_box_is_right_if_more_than_half_overlaps(box, error):
    assert localisation_error(squares(box)[:, 0].double(), squares((10, 10, 20, 20))) == [error]


def test_a_box_of_one_pixel_is_found():
    mask = squares((99, 99, 1, 1))
    assert localisation_error(mask[:, 0].double(), mask) == [0]


@pytest.mark.filterwarnings("ignore:mask is nowhere above:invert_captum.InvertCaptumWarning")
@pytest.mark.parametrize("value", [0.0, 1.0, -1.0])
def test_even_maps_have_no_box(value):
    mask = squares((0, 0, 100, 100))
    assert localisation_error(torch.full((1, 100, 100), value), mask) == [1]


def test_negative_parts_do_not_count():
    masks = squares((0, 0, 20, 20), (50, 50, 20, 20))
    maps = masks[:, 0].double() + 0.5 * masks[:, 1].double()
    below = maps - 9 * (~masks.any(dim=1)).double()
    for measure in (localisation_error, energy_inside, class_share, asked_ahead):
        assert measure(below, masks) == measure(maps, masks)


def test_measures_made_by_hand():
    masks = squares((0, 0, 10, 10), (50, 50, 20, 20))
    maps = torch.zeros(1, 100, 100)
    maps[0, 0, 0], maps[0, 55, 55], maps[0, 90, 0] = 6, 2, 4
    assert energy_inside(maps, masks) == pytest.approx([0.5])
    assert class_share(maps, masks) == pytest.approx([0.06 / (0.06 + 0.005)])
    assert asked_ahead(maps, masks) == [1]
    assert asked_ahead(maps, masks.flip(1)) == [0]


def test_a_map_that_says_nothing_is_not_ahead():
    masks = squares((0, 0, 10, 10), (50, 50, 10, 10)).repeat(2, 1, 1, 1)
    maps = torch.stack([torch.zeros(100, 100), torch.ones(100, 100)])
    np.testing.assert_array_equal(class_share(maps, masks), [0.5, 0.5])
    np.testing.assert_array_equal(asked_ahead(maps, masks), [0, 0])
    np.testing.assert_array_equal(energy_inside(maps[:1], masks[:1]), [0])

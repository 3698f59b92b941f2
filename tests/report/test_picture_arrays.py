from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from invert_captum.report.picture_arrays import (
    attribution_source,
    heat_array,
    on_one_grid,
    picture_array,
    picture_source,
)

RGB = np.random.default_rng(0).integers(0, 256, size=(5, 7, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    "picture",
    [
        RGB,
        RGB.transpose(2, 0, 1),
        torch.from_numpy(RGB).permute(2, 0, 1),
        Image.fromarray(RGB),
        np.dstack([RGB, np.full((5, 7), 255, np.uint8)]),
    ],
)
def test_every_kind_of_picture_is_the_same_picture(picture):
    assert np.allclose(picture_array(picture), RGB / 255)


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (1, 5, 7)])
def test_grey_is_three_equal_channels(shape):
    grey = RGB[:, :, 0]
    shown = picture_array(grey.reshape(shape))
    assert np.allclose(shown, grey[:, :, None] / 255)


def test_other_numbers_than_bytes_are_scaled_from_black_to_white():
    numbers = torch.tensor([[-2.0, 0.0, 2.0]], requires_grad=True)
    assert picture_array(numbers)[0, :, 0] == pytest.approx([0, 0.5, 1], abs=0.01)
    assert picture_array(numbers.bfloat16())[0, :, 0] == pytest.approx([0, 0.5, 1], abs=0.01)
    assert picture_array(np.full((2, 2), 0.25)) == pytest.approx(0.25, abs=0.01)
    assert picture_array(np.array([[False, True]]))[0, :, 0].tolist() == [0, 1]
    wide = np.array([[1000, 2000, 3000]], np.uint16)
    for drawn in (Image.fromarray(wide), Image.fromarray(wide.astype(np.float32))):
        assert picture_array(drawn)[0, :, 0] == pytest.approx([0, 0.5, 1], abs=0.01)


def test_transparent_parts_are_white_and_large_pictures_smaller():
    clear = np.zeros((4, 4, 4), np.uint8)
    assert (picture_array(clear) == 1).all()
    assert picture_array(Image.new("P", (2000, 1000))).shape == (256, 512, 3)


def test_maps_are_summed_over_their_channels():
    rng = np.random.default_rng(0)
    first = rng.normal(size=(3, 6, 8))
    assert np.allclose(heat_array(first), first.sum(0))
    assert np.allclose(heat_array(torch.from_numpy(first)), first.sum(0))
    assert np.allclose(heat_array(first.transpose(1, 2, 0)), first.sum(0))
    assert np.allclose(heat_array(first[0]), first[0])
    wide = rng.normal(size=(12, 6, 8))
    assert np.allclose(heat_array(wide), wide.sum(0))


def test_picture_and_map_come_on_one_grid_without_blurring_the_map():
    picture = np.random.default_rng(0).random((70, 72, 3))
    heat = np.arange(6.0).reshape(2, 3)
    pixels, finer = on_one_grid(picture, heat)
    assert pixels.shape[:2] == finer.shape == (46, 69)
    assert np.array_equal(finer[::23, ::23], heat)
    assert set(finer.ravel()) == set(heat.ravel())
    fine = np.zeros((200, 100))
    assert on_one_grid(picture, fine)[0].shape == (200, 100, 3)
    assert on_one_grid(picture[:1], heat)[0].shape == (2, 3, 3)


def test_sources():
    images = torch.rand(4, 3, 5, 5)
    assert picture_source(images, 4)(2) is not None
    assert picture_source([RGB, RGB], 2)(1) is RGB
    assert picture_source(lambda index: index, 4)(3) == 3
    assert attribution_source({3: RGB})(3) is RGB
    assert attribution_source(lambda index: index)(3) == 3


def test_refusals():
    with pytest.raises(ValueError, match="images has 3 pictures, activations have 4 samples"):
        picture_source(torch.rand(3, 3, 5, 5), 4)
    with pytest.raises(TypeError, match="images is a int; expected a function"):
        picture_source(3, 4)
    with pytest.raises(TypeError, match="images is a dict; expected a function"):
        picture_source({"a": RGB, "b": RGB}, 2)
    with pytest.raises(ValueError, match="images has a tuple that is no array; expected numbers"):
        picture_array((torch.rand(3, 4, 4), 0))
    with pytest.raises(TypeError, match="attributions is a list; expected a function"):
        attribution_source([RGB])
    with pytest.raises(ValueError, match="attributions has nothing for sample 7"):
        attribution_source({3: RGB})(7)
    with pytest.raises(ValueError, match=r"images has one of shape \(5, 5, 2\); expected 1, 3 or"):
        picture_array(np.zeros((5, 5, 2)))
    with pytest.raises(ValueError, match=r"shape \(5,\) and dtype float64; expected"):
        picture_array(np.zeros(5))
    with pytest.raises(ValueError, match="attributions has one with NaN"):
        heat_array(np.full((2, 2), np.nan))
    with pytest.raises(ValueError, match=r"attributions has one of shape \(0, 2\)"):
        heat_array(np.zeros((0, 2)))
    with pytest.raises(ValueError, match="attributions has one of shape"):
        heat_array(np.array([["a"]]))

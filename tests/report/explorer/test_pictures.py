from __future__ import annotations

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from invert_captum.report.explorer.pictures import is_picture, thumbnail_uri


def decoded(uri: str) -> Image.Image:
    kind, content = uri.split(",", 1)
    assert kind == "data:image/webp;base64"
    return Image.open(io.BytesIO(base64.b64decode(content)))


def colours(uri: str) -> np.ndarray:
    return np.asarray(decoded(uri).convert("RGB"), dtype=int)


def test_longer_side_is_the_thumbnails_and_nothing_is_enlarged():
    wide = Image.new("RGB", (400, 100), "red")
    assert decoded(thumbnail_uri(wide, 96)).size == (96, 24)
    assert decoded(thumbnail_uri(wide, 1000)).size == (400, 100)
    assert wide.size == (400, 100)


@pytest.mark.parametrize(
    "picture",
    [
        np.tile(np.array([200, 30, 90], dtype=np.uint8), (40, 50, 1)),
        torch.tensor([200, 30, 90], dtype=torch.uint8)[:, None, None].expand(3, 40, 50),
        np.tile(np.array([200, 30, 90], dtype=np.uint8), (40, 50, 1)).transpose(2, 0, 1),
    ],
)
def test_bytes_are_taken_as_they_are_in_either_layout(picture):
    shown = colours(thumbnail_uri(picture, 96))
    assert shown.shape == (40, 50, 3)
    assert np.abs(shown - [200, 30, 90]).max() <= 6


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_floats_go_from_the_lowest_to_the_highest(dtype):
    ramp = torch.linspace(-2, 2, 64).repeat(1, 48, 1).to(dtype)
    shown = colours(thumbnail_uri(ramp, 96))
    assert shown.shape == (48, 64, 3)
    assert shown[:, 0].max() <= 6
    assert shown[:, -1].min() >= 249
    assert np.abs(shown[24, 32] - 128).max() <= 6


def test_a_tensor_that_could_be_read_both_ways_has_its_colours_first():
    striped = torch.zeros(3, 40, 3, dtype=torch.uint8)
    striped[0] = 255
    assert colours(thumbnail_uri(striped, 96)).shape == (40, 3, 3)
    assert colours(thumbnail_uri(striped.numpy(), 96)).shape == (3, 40, 3)


def test_transparency_stays():
    half = np.zeros((20, 20, 4))
    half[:10, :, 3] = 1
    alpha = np.asarray(decoded(thumbnail_uri(half, 96)).convert("RGBA"))[:, :, 3]
    assert alpha[:10].min() == 255
    assert alpha[10:].max() == 0
    drawing = Image.new("P", (20, 20))
    drawing.info["transparency"] = 0
    assert decoded(thumbnail_uri(drawing, 96)).mode == "RGBA"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK", "I", "F", "I;16"])
def test_every_mode_of_pil_is_shown(mode):
    assert decoded(thumbnail_uri(Image.new(mode, (20, 10)), 96)).size == (20, 10)


def test_not_a_number_and_a_constant_are_shown():
    broken = np.full((8, 8), np.nan)
    assert colours(thumbnail_uri(broken, 96)).max() == 0
    assert colours(thumbnail_uri(np.ones((8, 8)), 96)).min() >= 250


def test_a_tiny_drawing_is_kept_without_loss_if_that_is_smaller(rng):
    drawing = np.zeros((16, 16), dtype=np.uint8)
    drawing[::2] = 255
    assert np.array_equal(colours(thumbnail_uri(drawing, 96))[:, :, 0], drawing)


@pytest.mark.parametrize(
    "item", ["text", [1, 2], np.zeros(3), np.zeros((5, 9, 9)), np.zeros((0, 3))]
)
def test_other_things_are_no_pictures(item):
    assert not is_picture(item)

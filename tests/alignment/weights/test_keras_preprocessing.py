import re

import numpy as np
import pytest
import torch

from invert_captum import InvertCaptumWarning
from invert_captum.alignment.weights.preprocessing import KerasPreprocessing, keras_preprocessing

PIXELS = torch.tensor([0.0, 100.0, 255.0]).reshape(1, 3, 1, 1)


def test_each_name_is_the_published_formula():
    """By hand: red 0, green 100, blue 255."""
    by_hand = {
        "torch": [
            (0 / 255 - 0.485) / 0.229,
            (100 / 255 - 0.456) / 0.224,
            (255 / 255 - 0.406) / 0.225,
        ],
        "caffe": [255 - 103.939, 100 - 116.779, 0 - 123.68],
        "tf": [-1.0, 100 / 127.5 - 1, 1.0],
        "none": [0.0, 100.0, 255.0],
    }
    for name, expected in by_hand.items():
        ours = keras_preprocessing(name)(PIXELS).flatten()
        np.testing.assert_allclose(ours, expected, rtol=1e-6)


@pytest.mark.parametrize("channels", ["RGB", "BGR"])
def test_following_layers_are_composed(channels):
    first = KerasPreprocessing(0.5, (1.0, 2.0, 3.0), (0.5, 2.0, 4.0), channels)
    factor, offset = (2.0, 3.0, -1.0), (0.0, 5.0, -7.0)
    expected = first(PIXELS) * torch.tensor(factor)[:, None, None]
    expected = expected + torch.tensor(offset)[:, None, None]
    torch.testing.assert_close(first.followed_by(factor, offset)(PIXELS), expected)


def test_whole_numbers_become_float32_and_floats_keep_their_precision():
    preprocess = keras_preprocessing("torch")
    assert preprocess(PIXELS.to(torch.uint8)).dtype == torch.float32
    assert preprocess(PIXELS.double()).dtype == torch.float64
    assert preprocess(PIXELS[:0]).shape == (0, 3, 1, 1)


def test_gradients_reach_the_images():
    images = PIXELS.clone().requires_grad_()
    keras_preprocessing("caffe")(images).sum().backward()
    torch.testing.assert_close(images.grad, torch.ones_like(PIXELS))


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (PIXELS.numpy(), TypeError, "ndarray.; expected a tensor of numbers 0 to 255"),
        (PIXELS > 1, TypeError, "Tensor.; expected a tensor of numbers 0 to 255"),
        (PIXELS[0], ValueError, r"images has shape \(3, 1, 1\); expected \(N, 3, H, W\)"),
        (PIXELS.mT.expand(1, 3, 1, 1)[:, :1], ValueError, r"shape \(1, 1, 1, 1\)"),
        (PIXELS - 1, ValueError, "values from -1 to 254; expected 0 to 255"),
        (PIXELS + 1, ValueError, "values from 1 to 256; expected 0 to 255"),
        (PIXELS * float("nan"), ValueError, "values from nan to nan"),
    ],
)
def test_other_images_are_refused(images, error, message):
    with pytest.raises(error, match=message):
        keras_preprocessing("torch")(images)


def test_images_between_0_and_1_are_warned_of():
    with pytest.warns(InvertCaptumWarning, match="no value above 1; expected 0 to 255"):
        keras_preprocessing("torch")(PIXELS / 255)


def test_other_names_are_refused():
    with pytest.raises(ValueError, match="preprocessing is 'rgb'; expected one of"):
        keras_preprocessing("rgb")


@pytest.mark.parametrize(
    ("factor", "offset", "error", "message"),
    [
        ((1, 1), (0, 0), ValueError, "factor is (1, 1) (tuple); expected three finite numbers"),
        ((1, 1, 1, 1), (0, 0, 0), ValueError, "factor is (1, 1, 1, 1) (tuple); expected three"),
        ((1, 1, 1), (0, 0), ValueError, "offset is (0, 0) (tuple); expected three finite numbers"),
        ((1, 0, 1), (0, 0, 0), ValueError, "factor is (1, 0, 1) (tuple); expected none to be 0"),
        ((1, 1, float("inf")), (0, 0, 0), ValueError, "factor is (1, 1, inf) (tuple); expected"),
        ((1, 1, 1), (0, 0, float("nan")), ValueError, "offset is (0, 0, nan) (tuple); expected"),
        ((1, 1, "1"), (0, 0, 0), ValueError, "factor is (1, 1, '1') (tuple); expected three"),
        ((1, 1, True), (0, 0, 0), ValueError, "factor is (1, 1, True) (tuple); expected three"),
        (2.0, (0, 0, 0), TypeError, "factor is 2.0 (float); expected a sequence"),
        ((1, 1, 1), "000", TypeError, "offset is '000' (str); expected a sequence"),
    ],
)
def test_layers_without_a_number_for_each_channel_are_refused(factor, offset, error, message):
    with pytest.raises(error, match=re.escape(message)):
        keras_preprocessing("tf").followed_by(factor, offset)


def test_numbers_of_an_array_or_a_tensor_will_do():
    expected = keras_preprocessing("tf").followed_by((2.0, 3.0, 4.0), (0.0, 1.0, 0.0))
    given = torch.tensor([2.0, 3.0, 4.0]), np.array([0.0, 1.0, 0.0])
    assert keras_preprocessing("tf").followed_by(*given) == expected

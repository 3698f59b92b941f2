from __future__ import annotations

import pytest
import torch
from reference_inversion import blurred

from invert_captum.attr.feature_inversion.backgrounds import background_of

PICTURES = torch.rand(3, 2, 20, 24, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("size", [(80, 70), (34, 34), (20, 24), (5, 40), (2, 2), (1, 9), (1, 1)])
def test_blur_is_the_gaussian_with_mirrored_edges_for_every_size(size):
    pictures = torch.rand(2, 3, *size, dtype=torch.float64)
    expected = torch.stack([blurred(one) for one in pictures])
    torch.testing.assert_close(background_of(pictures, "blur"), expected)


def test_mean_colour_of_each_picture():
    made = background_of(PICTURES, "mean")
    assert made.shape == PICTURES.shape
    for picture, one in zip(PICTURES, made, strict=True):
        for channel, colour in zip(picture, one, strict=True):
            torch.testing.assert_close(colour, channel.mean().expand_as(colour))


def test_noise_has_each_channels_mean_and_deviation():
    pictures = 5 * torch.rand(2, 3, 200, 200) + torch.tensor([1.0, 0.0, -3.0])[:, None, None]
    pictures[1] *= 0.1
    made = background_of(pictures, "noise")
    for statistic in (torch.mean, torch.std):
        torch.testing.assert_close(
            statistic(made, dim=(2, 3)), statistic(pictures, dim=(2, 3)), rtol=0.02, atol=0.02
        )


def test_noise_is_the_same_draw_whatever_else_is_in_the_batch_or_in_the_generator():
    torch.manual_seed(1)
    state = torch.random.get_rng_state()
    made = background_of(PICTURES, "noise")
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.manual_seed(2)
    torch.testing.assert_close(background_of(PICTURES[1:2], "noise"), made[1:2], rtol=0, atol=1e-12)


def test_noise_does_not_depend_on_the_default_device():
    expected = background_of(PICTURES, "noise")
    with torch.device("meta"):
        assert torch.equal(background_of(PICTURES, "noise"), expected)


@pytest.mark.parametrize("shape", [(), (1, 2, 1, 1), (2, 20, 24), (3, 2, 20, 24)])
def test_tensors_broadcast_and_keep_their_values(shape):
    given = torch.rand(shape)
    made = background_of(PICTURES, given)
    assert made.dtype == PICTURES.dtype
    assert torch.equal(made, given.double().expand_as(PICTURES))


def test_functions_of_the_pictures_cannot_change_them():
    before = PICTURES.clone()
    made = background_of(PICTURES, lambda pictures: pictures.mul_(2))
    assert torch.equal(PICTURES, before)
    assert torch.equal(made, 2 * before)


@pytest.mark.parametrize(
    ("background", "error", "message"),
    [
        ("blurr", ValueError, 'background is \'blurr\'; expected "blur", "mean", "noise"'),
        (3, TypeError, "background is of type int; expected"),
        (None, TypeError, "background is of type NoneType; expected"),
        (lambda _: "blur", TypeError, "background returned str; expected a tensor"),
        (
            torch.rand(2, 2, 20, 24),
            ValueError,
            r"background has shape \(2, 2, 20, 24\), but inputs",
        ),
        (torch.rand(1, 3, 2, 20, 24), ValueError, r"background has shape \(1, 3, 2, 20, 24\)"),
        (torch.tensor(1j), TypeError, r"background is of torch\.complex64; expected real numbers"),
        (lambda x: x[:, :, :-1], ValueError, r"background has shape \(3, 2, 19, 24\)"),
        (torch.tensor(torch.nan), ValueError, "background has values that are NaN or infinite"),
    ],
)
def test_what_is_no_background(background, error, message):
    with pytest.raises(error, match=message):
        background_of(PICTURES, background)

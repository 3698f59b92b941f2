"""Which axes of what a layer gives are channels and positions."""

from __future__ import annotations

import re

import pytest
import torch

from invert_captum.attr.feature_inversion.mask_layer import channel_axis, channel_maps, tensor_of

MAPS = torch.rand(2, 5, 6, 8, generator=torch.Generator().manual_seed(0))


def axis_of(shape, size):
    return channel_axis(shape, size, "layer", "a choice")


@pytest.mark.parametrize(
    ("shape", "size", "axis"),
    [
        ((2, 512, 7, 7), (224, 224), 1),
        ((2, 7, 7, 768), (224, 224), 3),
        ((2, 6, 8, 96), (48, 64), 3),
        ((2, 96, 6, 8), (48, 64), 1),
        # Rounded up at the edges.
        ((2, 512, 7, 10), (224, 300), 1),
        ((2, 7, 10, 768), (224, 300), 3),
        # Both readings fit exactly: channels come second by custom.
        ((2, 7, 7, 7), (224, 224), 1),
        ((2, 8, 8, 1), (64, 64), 3),
        # One position has any ratio.
        ((2, 2, 1, 1), (128, 64), 1),
        ((2, 50, 96), (224, 224), None),
        ((2, 10), (224, 224), None),
    ],
)
def test_channels_are_the_axis_that_leaves_the_ratio_of_the_picture(shape, size, axis):
    assert axis_of(shape, size) == axis


@pytest.mark.parametrize(
    ("shape", "size"),
    [((1, 8, 8, 7), (225, 224)), ((2, 16, 13, 9), (64, 48)), ((2, 11, 10, 12), (300, 300))],
)
def test_two_readings_that_fit_are_refused_until_one_is_chosen(shape, size):
    with pytest.raises(ValueError, match=r"in which axis 1 or axis 3 .*; expected a choice"):
        axis_of(shape, size)
    output = torch.rand(shape)
    with pytest.raises(ValueError, match="expected channel_dim=1 or channel_dim=3"):
        channel_maps(output, size, None, "layer")
    assert torch.equal(channel_maps(output, size, 1, "layer"), output)
    assert torch.equal(channel_maps(output, size, 3, "layer"), output.movedim(3, 1))


@pytest.mark.parametrize("channel_dim", [2, -2])
def test_a_choice_counts_more_than_the_ratio(channel_dim):
    chosen = channel_maps(MAPS, (48, 64), channel_dim, "layer")
    assert torch.equal(chosen, MAPS.movedim(2, 1))


@pytest.mark.parametrize("channel_dim", [0, -4, 4, -5])
def test_axes_that_are_no_channels_are_refused(channel_dim):
    said = f"channel_dim is {channel_dim}, but layer 'layer' has shape (2, 5, 6, 8); expected an"
    with pytest.raises(ValueError, match=re.escape(said)):
        channel_maps(MAPS, (48, 64), channel_dim, "layer")


@pytest.mark.parametrize("n_before", [0, 1])
def test_patches_are_folded_row_by_row(n_before):
    tokens = torch.cat([torch.full((2, n_before, 5), 9.0), MAPS.flatten(2).mT], 1)
    assert torch.equal(channel_maps(tokens, (48, 64), None, "layer"), MAPS)


def test_maps_without_an_axis_of_channels_are_not_taken_for_tokens():
    """16 rows could be the patches of a grid of 4 x 4."""
    squeezed = torch.rand(2, 16, 16)
    with pytest.raises(ValueError, match="expected channel_dim=2 if they are tokens"):
        channel_maps(squeezed, (64, 64), None, "layer")
    tokens = channel_maps(squeezed, (64, 64), 2, "layer")
    assert torch.equal(tokens, squeezed.mT.unflatten(2, (4, 4)))
    with pytest.raises(ValueError, match="without positions to make a mask of"):
        channel_maps(squeezed[:, :1, :1], (64, 64), None, "layer")


@pytest.mark.parametrize("value", [MAPS, (MAPS,), [None, MAPS], {"maps": MAPS, "other": 3}])
def test_the_one_tensor_is_taken(value):
    assert tensor_of(value, "layer") is MAPS


@pytest.mark.parametrize("value", [(), (MAPS, MAPS), {"a": MAPS, "b": MAPS}, None, 3])
def test_none_or_several_tensors_are_refused(value):
    with pytest.raises(TypeError, match=r"layer 'layer' has .*; expected (one|a) tensor"):
        tensor_of(value, "layer")

from __future__ import annotations

import pytest
import torch
from captum.attr import LayerAttribution

from invert_captum.attr.upsampling import lay_over_inputs

VALUES = torch.rand(2, 12, generator=torch.Generator().manual_seed(0))


def test_maps_are_captums_interpolation():
    maps, inputs = VALUES.reshape(2, 3, 4), torch.rand(2, 3, 30, 50)
    expected = LayerAttribution.interpolate(maps.unsqueeze(1), (30, 50), "bilinear")
    torch.testing.assert_close(lay_over_inputs(maps, inputs), expected)


def test_volumes():
    inputs = torch.rand(2, 1, 4, 6, 8)
    assert lay_over_inputs(VALUES.reshape(2, 2, 3, 2), inputs).shape == (2, 1, 4, 6, 8)


@pytest.mark.parametrize("n_before", [0, 1])
def test_tokens_are_folded_into_the_grid_of_their_patches(n_before):
    inputs = torch.rand(2, 3, 30, 40)
    tokens = torch.cat([torch.full((2, n_before), 9.0), VALUES], 1)
    expected = lay_over_inputs(VALUES.reshape(2, 3, 4), inputs)
    torch.testing.assert_close(lay_over_inputs(tokens, inputs), expected)


def test_squares_fold_whatever_the_size_of_the_patches():
    tokens = torch.arange(17.0).expand(2, 17)
    folded = lay_over_inputs(tokens, torch.rand(2, 3, 4, 4))
    assert torch.equal(folded[0, 0], torch.arange(1.0, 17).reshape(4, 4))


@pytest.mark.parametrize("inputs", [torch.zeros(2, 12), torch.zeros(2, 12, 5)])
def test_tokens_of_token_inputs_are_as_they_are(inputs):
    assert lay_over_inputs(VALUES, inputs) is VALUES
    assert lay_over_inputs(VALUES, (torch.zeros(2, 7), inputs)) is VALUES


def test_among_several_inputs_the_picture_counts():
    inputs = (torch.rand(2, 5), torch.rand(2, 3, 30, 40))
    assert lay_over_inputs(VALUES.reshape(2, 3, 4), inputs).shape == (2, 1, 30, 40)
    same = (torch.rand(2, 3, 30, 40), torch.rand(2, 1, 30, 40))
    assert lay_over_inputs(VALUES.reshape(2, 3, 4), same).shape == (2, 1, 30, 40)


def test_a_class_token_alone_has_no_place():
    tokens = torch.cat([torch.ones(2, 1), torch.zeros(2, 12)], 1)
    with pytest.raises(ValueError, match="of layer 'norm' lies in its class token alone"):
        lay_over_inputs(tokens, torch.rand(2, 3, 30, 40), layer="norm")
    silent = torch.zeros(2, 13)
    assert not lay_over_inputs(silent, torch.rand(2, 3, 30, 40)).any()


@pytest.mark.parametrize(
    ("values", "inputs"),
    [
        (VALUES, torch.rand(2, 3, 32, 32)),
        (VALUES, torch.rand(2, 11)),
        (VALUES.reshape(2, 3, 4), torch.rand(2, 12)),
        (VALUES.reshape(2, 3, 4), (torch.rand(2, 3, 30, 40), torch.rand(2, 3, 15, 20))),
        (VALUES.reshape(2, 1, 1, 3, 4), torch.rand(2, 3, 30, 40)),
    ],
)
def test_positions_that_do_not_fit(values, inputs):
    with pytest.raises(ValueError, match=r"layer 'odd' has positions \(.*but inputs has shape"):
        lay_over_inputs(values, inputs, layer="odd")

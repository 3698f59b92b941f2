from __future__ import annotations

import pytest
import torch

from invert_captum.attr.neuron_methods.feature_grid import GRID, grid_feature_mask


@pytest.mark.parametrize(("height", "width"), [(224, 224), (28, 42), (14, 14), (30, 100)])
def test_pictures_get_a_grid_of_equal_cells_over_all_channels(height, width):
    mask = grid_feature_mask(torch.rand(2, 3, height, width))
    assert mask.shape == (1, 1, height, width)
    ids, counts = mask.unique(return_counts=True)
    assert ids.tolist() == list(range(GRID * GRID))
    # Sides that 14 does not divide give cells that differ by one row or column.
    assert counts.min() >= (height // GRID) * (width // GRID)
    assert counts.max() <= -(-height // GRID) * -(-width // GRID)
    assert (mask[0, 0].diff(dim=0) >= 0).all()
    assert (mask[0, 0].diff(dim=1) >= 0).all()


def test_small_pictures_have_at_most_one_cell_a_pixel():
    mask = grid_feature_mask(torch.rand(1, 3, 5, 40))
    assert len(mask.unique()) == 5 * 14
    assert torch.equal(
        grid_feature_mask(torch.rand(1, 1, 2, 2))[0, 0], torch.tensor([[0, 1], [2, 3]])
    )


def test_ids_of_several_inputs_are_distinct():
    inputs = (torch.rand(2, 3, 28, 28), torch.rand(2, 5), torch.rand(2, 1, 4, 4))
    masks = grid_feature_mask(inputs)
    assert [tuple(mask.shape) for mask in masks] == [(1, 1, 28, 28), (1, 5), (1, 1, 4, 4)]
    ids = [set(mask.flatten().tolist()) for mask in masks]
    assert [len(one) for one in ids] == [196, 5, 16]
    assert set().union(*ids) == set(range(196 + 5 + 16))


def test_other_inputs_keep_captums_default():
    assert grid_feature_mask(torch.rand(2, 5)) is None
    assert grid_feature_mask((torch.rand(2, 5), torch.rand(2, 5, 3))) is None

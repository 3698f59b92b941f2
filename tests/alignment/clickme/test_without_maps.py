import pytest
import torch
from torch.utils.data import ConcatDataset, DataLoader, IterableDataset, TensorDataset

from invert_captum.alignment.clickme.without_maps import WithoutHumanMaps

PLAIN = TensorDataset(torch.arange(24.0).reshape(2, 3, 2, 2), torch.tensor([5, 6]))


def test_items_get_a_zero_map_and_no_token():
    dataset = WithoutHumanMaps(PLAIN, (4, 6))
    assert len(dataset) == 2
    item = dataset[1]
    assert torch.equal(item.image, PLAIN[1][0])
    assert (item.label, item.token.item()) == (6, 0.0)
    assert torch.equal(item.heatmap, torch.zeros(4, 6))


def test_items_mix_with_items_that_have_maps():
    with_maps = [(torch.ones(3, 2, 2), 1, torch.ones(4, 4), torch.tensor(1.0))]
    mixed = ConcatDataset([with_maps, WithoutHumanMaps(PLAIN, 4)])
    images, labels, heatmaps, tokens = next(iter(DataLoader(mixed, batch_size=3)))
    assert images.shape == (3, 3, 2, 2)
    assert labels.tolist() == [1, 5, 6]
    assert heatmaps.sum((1, 2)).tolist() == [16, 0, 0]
    assert tokens.tolist() == [1, 0, 0]


class Stream(IterableDataset):
    def __iter__(self):
        return iter(PLAIN)


@pytest.mark.parametrize("dataset", [Stream(), 3])
def test_streams_are_refused(dataset):
    with pytest.raises(TypeError, match=f"dataset is of type {type(dataset).__name__}"):
        WithoutHumanMaps(dataset, 4)


@pytest.mark.parametrize(
    ("map_size", "error"), [(0, ValueError), (2.5, TypeError), ((1, 2, 3), TypeError)]
)
def test_wrong_map_sizes_are_refused(map_size, error):
    with pytest.raises(error, match="map_size is"):
        WithoutHumanMaps(PLAIN, map_size)


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        (torch.ones(3, 2, 2), r"dataset\[0\] is a Tensor; expected \(image, label\)"),
        ((torch.ones(3, 2, 2),), r"dataset\[0\] is a tuple of 1; expected"),
        (("picture", 1), r"dataset\[0\] has an image of type str; expected a tensor"),
        ((torch.ones(3, 2, 2), 0.5), r"the label of dataset\[0\] is 0.5"),
        ((torch.ones(3, 2, 2), torch.ones(3)), "the label of"),
    ],
)
def test_other_items_are_refused(item, problem):
    with pytest.raises(TypeError, match=problem):
        WithoutHumanMaps([item], 4)[0]

"""Batches with and without human maps, joined."""

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from invert_captum.alignment.clickme.without_maps import WithoutHumanMaps
from invert_captum.alignment.training.harmonize import harmonize
from invert_captum.alignment.training.mixed_batches import MixedBatches
from invert_captum.alignment.training.training_batches import generators


def batch(label, n=2, side=6, token=None):
    rows = (torch.rand(n, 3, side, side), torch.full((n,), label), torch.rand(n, side, side))
    return rows if token is None else (*rows, torch.full((n,), token))


def test_an_epoch_is_one_of_the_maps_and_the_others_start_again():
    mixed = MixedBatches(
        [batch(0), batch(1), batch(2)], [batch(7, 1, token=0.0), batch(8, 1, token=0.0)]
    )
    assert len(mixed) == 3
    for _ in range(2):
        seen = [(labels.tolist(), tokens.tolist()) for _, labels, _, tokens in mixed]
        assert [labels for labels, _ in seen] == [[0, 0, 7], [1, 1, 8], [2, 2, 7]]
        assert all(tokens == [1.0, 1.0, 0.0] for _, tokens in seen)


def test_loaders_of_two_data_sets_are_trained_on_together():
    torch.manual_seed(0)
    maps = TensorDataset(
        torch.rand(4, 3, 6, 6), torch.arange(4) % 2, torch.rand(4, 6, 6), torch.ones(4)
    )
    plain = WithoutHumanMaps(TensorDataset(torch.rand(5, 3, 6, 6), torch.arange(5) % 2), 6)
    generator = torch.Generator()
    mixed = MixedBatches(
        DataLoader(maps, 2, shuffle=True, generator=generator), DataLoader(plain, 3, shuffle=True)
    )
    assert generator in generators(mixed)
    model = nn.Sequential(nn.Conv2d(3, 2, 3), nn.SiLU(), nn.Flatten(), nn.Linear(32, 2))
    log = harmonize(model, mixed, torch.optim.SGD(model.parameters(), lr=0.1), n_epochs=2)
    assert len(log) == 4
    assert (log["harmonization"] > 0).all()


@pytest.mark.parametrize(
    ("with_maps", "without_maps", "error", "message"),
    [
        ([batch(0)], [], ValueError, "without_maps has no batches"),
        ([batch(0)], [batch(0, side=5, token=0.0)], ValueError, r"images of shape \(2, 3, 6, 6\)"),
        ([batch(0)], [[1, 2]], TypeError, "without_maps gave"),
        ([batch(0)[:2]], [batch(0, token=0.0)], TypeError, "with_maps gave"),
    ],
)
def test_what_cannot_be_joined_is_refused(with_maps, without_maps, error, message):
    with pytest.raises(error, match=message):
        list(MixedBatches(with_maps, without_maps))


@pytest.mark.parametrize("batches", [iter([batch(0)]), 5])
def test_what_is_gone_after_an_epoch_is_refused(batches):
    with pytest.raises(TypeError, match=r"with_maps is .* gone through again"):
        MixedBatches(batches, [batch(0)])
    with pytest.raises(TypeError, match=r"without_maps is .* gone through again"):
        MixedBatches([batch(0)], batches)


def test_no_length_of_an_unknown_one():
    class Streams:
        def __iter__(self):
            return iter([batch(0)])

    with pytest.raises(TypeError, match="with_maps has no length"):
        len(MixedBatches(Streams(), [batch(0)]))

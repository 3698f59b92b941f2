"""Batches with and without human maps, joined."""

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from invert_captum import InvertCaptumWarning
from invert_captum.alignment.clickme.without_maps import WithoutHumanMaps
from invert_captum.alignment.training.harmonize import harmonize
from invert_captum.alignment.training.mixed_batches import MixedBatches
from invert_captum.alignment.training.training_batches import generators


def batch(label, n=2, side=6, token=None):
    rows = (torch.rand(n, 3, side, side), torch.full((n,), label), torch.rand(n, side, side))
    return rows if token is None else (*rows, torch.full((n,), token))


def bytes_of(rows):
    return ((rows[0] * 255).byte(), *rows[1:])


def shorter(rows):
    return (rows[0], rows[1][:1], *rows[2:])


def test_images_on_two_scales_are_warned_of():
    """As those of ClickMeDataset and of torchvision's ToTensor are."""
    images, *rest = batch(0)
    plain = [batch(7, token=0.0)]
    with pytest.warns(InvertCaptumWarning, match="they seem not to be scaled alike") as caught:
        list(MixedBatches([(images * 255, *rest)] * 3, plain))
    assert len(caught) == 1
    list(MixedBatches([(images * 0, *rest)], [(plain[0][0] * 255, *plain[0][1:])]))


def test_the_higher_precision_of_tokens_stays():
    plain = batch(7, token=0.0)
    mixed = MixedBatches([batch(0)], [(*plain[:3], plain[3].double() + 0.1)])
    _, _, _, tokens = next(iter(mixed))
    assert tokens.tolist() == [1, 1, 0.1, 0.1]


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
        # With a token of 1 its zeros would teach that people look nowhere.
        (
            [batch(0)],
            [batch(0)],
            TypeError,
            r"expected \(images, labels, heatmaps, tokens\), tensors",
        ),
        (
            [batch(0)],
            [bytes_of(batch(0, token=0.0))],
            ValueError,
            "float32, without_maps of .*uint8",
        ),
        ([batch(0)], [shorter(batch(0, token=0.0))], ValueError, r"gave shapes .*number of rows"),
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

from __future__ import annotations

import pytest
import torch
from torch import nn
from torchvision import models

import invert_captum as ic
from invert_captum.activations.channels_last import looks_channels_last


class ChannelsLast(nn.Module):
    def forward(self, x):
        return x.movedim(1, -1)


def extract(model, layer, inputs, **options):
    return ic.NeuronConceptLabeler(model, layer).extract(inputs, **options)


@pytest.mark.parametrize("sizes", [(5, 5), (2, 5, 5), (8, 6), (2, 6, 9)])
def test_maps_that_look_channels_last_are_taken_with_one_warning(sizes):
    model = nn.Sequential(ChannelsLast())
    images = torch.randn(6, 3, *sizes)
    axis = len(sizes) + 1
    told = rf"'0' gives shape \(2, .*channels last.*neuron_dim={axis} if"
    with pytest.warns(ic.InvertCaptumWarning, match=told) as caught:
        rows = extract(model, "0", images, batch_size=2)
    assert [one.filename for one in caught] == [__file__]
    assert rows.shape == (6, sizes[0])
    # Whoever says it, either way, or reduces by a function, is not warned, which would be an error.
    assert extract(model, "0", images, neuron_dim=axis).shape == (6, 3)
    assert torch.equal(extract(model, "0", images, neuron_dim=1), rows)
    extract(model, "0", images, reduce=lambda maps: maps.flatten(1))


def test_every_layer_is_told_and_named():
    model = nn.Sequential(ChannelsLast(), nn.ReLU(), ChannelsLast())
    with pytest.warns(ic.InvertCaptumWarning) as caught:
        extract(model, ["0", "1", "2"], torch.randn(6, 3, 5, 7), batch_size=2)
    told = [str(one.message).partition(" gives")[0] for one in caught]
    assert told == ["layer '0'", "layer '1'"]


def test_pictures_by_name_are_pictures_too():
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.last = ChannelsLast()

        def forward(self, *, pixel_values):
            return self.last(pixel_values)

    batches = torch.utils.data.DataLoader(
        [{"pixel_values": torch.randn(3, 6, 8)} for _ in range(4)], batch_size=2
    )
    with pytest.warns(ic.InvertCaptumWarning, match="channels last"):
        extract(Named(), "last", batches)


@pytest.mark.parametrize(
    "shape", [(2, 3, 5, 5), (2, 5, 5, 5), (2, 3, 4, 5, 5), (2, 5, 5, 9), (2, 3, 7), (2, 3)]
)
def test_usual_maps_are_taken_without_a_warning(shape):
    extract(nn.Sequential(nn.Identity()), "0", torch.randn(shape))


def test_attention_over_tokens_is_no_map():
    class Heads(nn.Module):
        def forward(self, tokens):
            return tokens.reshape(len(tokens), 4, 4, 8)  # as many heads as tokens

    extract(nn.Sequential(Heads()), "0", torch.randn(2, 4, 32))


@pytest.mark.parametrize(
    ("shape", "picture"),
    [
        ((1, 64, 64, 32), (256, 128)),  # layer1 of a ResNet-18
        ((1, 64, 64, 128), (256, 512)),
        ((1, 512, 2, 7, 7), (112, 112)),  # R3D-18
        ((1, 2048, 1, 1), (224, 224)),
        ((1, 12, 197, 64), (224, 224)),  # a head's queries
    ],
)
def test_maps_of_usual_networks_do_not_look_channels_last(shape, picture):
    assert not looks_channels_last(shape, picture)


@pytest.mark.parametrize(
    ("shape", "picture"),
    [
        ((1, 7, 10, 768), (224, 320)),  # Swin
        ((1, 4, 3, 5, 768), (96, 160)),  # of videos
        ((1, 7, 9, 512), (200, 270)),  # sides that strides do not divide
        ((1, 1, 1, 512), (224, 224)),
    ],
)
def test_channels_last_is_seen_by_the_proportions_of_the_picture(shape, picture):
    assert looks_channels_last(shape, picture)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (64, 96), (96, 64)])
def test_layers_of_a_network_with_both_layouts(height, width):
    network = models.SwinTransformer([4, 4], 24, [1, 1], [2, 2], [2, 2], num_classes=3)
    pictures = torch.rand(2, 3, height, width)
    extract(network, ["features.0.0", "permute", "avgpool"], pictures)
    with pytest.warns(ic.InvertCaptumWarning) as caught:
        extract(network, ["features.1", "norm"], pictures)
    assert len(caught) == 2

from __future__ import annotations

import torch
from torch.utils.data import DataLoader

from invert_captum.demo.emoji import PictureDataset, read_emoji
from invert_captum.demo.network import LAYER, NEURONS, load_network
from invert_captum.demo.run import extract


def test_network_has_published_weights_and_sees_what_is_drawn():
    network = load_network()
    assert not any(module.training for module in network.modules())
    assert sum(parameter.numel() for parameter in network.parameters()) == 4_652_008
    classes = {"SOCCER BALL": 805, "VIOLIN": 889, "TIGER": 292}
    emoji = [one for one in read_emoji() if one.name in classes]
    with torch.inference_mode():
        logits = network(next(iter(DataLoader(PictureDataset(emoji), batch_size=3))))
    for one, row in zip(emoji, logits, strict=True):
        assert classes[one.name] in row.topk(5).indices.tolist()


def test_layer_gives_1280_neurons_and_many_zeros():
    activations = extract(load_network(), read_emoji()[:4])
    assert LAYER == "_avg_pooling"
    assert activations.shape == (4, NEURONS)
    assert (activations >= 0).all()
    assert 0.2 < (activations == 0).double().mean() < 0.9

from __future__ import annotations

import torch
from torch import nn

from invert_captum.activations.batch import Batch
from invert_captum.attr.layer_neurons import NamedLayer
from invert_captum.attr.switching_off.ablation import Replacement
from invert_captum.attr.switching_off.ablation_runs import batch_scores
from invert_captum.attr.switching_off.prediction_scores import PredictionScore


def runs_of(model, batches, *sets):
    layer = NamedLayer.of(model, "0")
    runs = {columns: Replacement(layer.name, columns) for columns in sets}
    score = PredictionScore.of("target_score", 1)
    return batch_scores(model, layer, batches, runs, score)


def test_every_batch_goes_through_all_runs_before_the_next_is_read():
    model, read = nn.Sequential(nn.Identity()).train(), []

    def batches():
        for number in range(3):
            read.append(number)
            yield Batch((torch.full((2, 3), number + 1.0),))

    scores = runs_of(model, batches(), (0,), (1, 2))
    first = next(scores)
    assert read == [0]
    assert {columns: values.tolist() for columns, values in first.items()} == {
        (): [1, 1],
        (0,): [1, 1],
        (1, 2): [0, 0],
    }
    assert not model[0].training
    assert [one[()].tolist() for one in scores] == [[2, 2], [3, 3]]
    assert model[0].training


def test_closing_early_restores_the_model():
    model = nn.Sequential(nn.Identity(), nn.Dropout())
    scores = runs_of(model, [Batch((torch.ones(2, 3),))] * 3, (0,))
    next(scores)
    scores.close()
    assert all(module.training for module in model.modules())
    assert not any(module._forward_hooks for module in model.modules())


def test_keywords_and_containers_reach_the_model():
    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            self.add_module("0", nn.Identity())

        def forward(self, x, more):
            return self.get_submodule("0")(x) + more["all"][0]

    batch = Batch((), {"x": torch.ones(2, 3), "more": {"all": [torch.ones(1), "text"]}})
    (scores,) = runs_of(Sum(), [batch], (1,))
    assert scores[()].tolist() == [2, 2]
    assert scores[1,].tolist() == [1, 1]

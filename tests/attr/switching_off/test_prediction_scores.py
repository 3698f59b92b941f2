from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score

from invert_captum.attr.switching_off.prediction_scores import PredictionScore


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_accuracy_is_scikit_learns(rng, dtype):
    logits = torch.tensor(rng.normal(size=(50, 4))).to(dtype)
    target = rng.integers(4, size=50)
    score = PredictionScore.of("accuracy", target)
    values = score(logits, score.targets_of(logits, 0, 50))
    assert values.dtype == np.float64
    assert values.mean() == accuracy_score(target, logits.float().argmax(1))


def test_the_target_score_is_the_output_there(rng):
    logits, target = torch.tensor(rng.normal(size=(6, 4))), [3, 0, 1, 1, 2, 0]
    score = PredictionScore.of("target_score", target)
    values = score(logits[2:5], score.targets_of(logits[2:5], 2, 3))
    assert values.tolist() == [logits[row, target[row]].item() for row in (2, 3, 4)]


@pytest.mark.parametrize("form", [list, tuple, np.array, torch.tensor])
def test_forms_of_targets(form):
    score = PredictionScore.of("accuracy", form([2, 0]))
    assert score.targets.tolist() == [2, 0]


@pytest.mark.parametrize("one", [2, np.int64(2), torch.tensor(2)])
def test_one_class_for_all(one):
    score = PredictionScore.of("accuracy", one)
    assert score.targets_of(torch.zeros(3, 4), 7, 3).tolist() == [2, 2, 2]


def test_the_model_itself_may_choose():
    output = torch.tensor([[0.0, 1.0], [3.0, 2.0]], requires_grad=True)
    score = PredictionScore.of("target_score", "predicted")
    chosen = score.targets_of(output, 0, 2)
    assert chosen.tolist() == [1, 0]
    assert score(output, chosen).tolist() == [1, 3]


@pytest.mark.parametrize("kind", ["accuracy", "target_score"])
def test_a_sample_with_nan_has_no_score(kind):
    output = torch.tensor([[torch.nan, 1.0], [3.0, 2.0]])
    score = PredictionScore.of(kind, 1)
    values = score(output, score.targets_of(output, 0, 2))
    assert np.isnan(values).tolist() == [True, False]


def test_refusals():
    logits = torch.zeros(3, 4)
    with pytest.raises(ValueError, match="target has class 4, but the model gives 4 numbers"):
        PredictionScore.of("accuracy", [0, 4, 0]).targets_of(logits, 0, 3)
    with pytest.raises(ValueError, match="target has 4 classes, inputs has 6 samples"):
        PredictionScore.of("accuracy", [0] * 4).targets_of(logits, 3, 3)
    with pytest.raises(TypeError, match="target is True; expected an integer"):
        PredictionScore.of("accuracy", True)
    with pytest.raises(ValueError, match="target is 'dog'; expected classes, None, or 'predicted'"):
        PredictionScore.of("accuracy", "dog")

from __future__ import annotations

import numpy as np
import pytest
import torch
from captum import attr
from torch import nn

from invert_captum.attr.contribution.layer_methods import (
    Steps,
    check_one_row,
    layer_attribution,
    layer_method,
    tensor_baselines,
)

INPUTS = (torch.ones(3, 2), torch.ones(3, 4))


@pytest.mark.parametrize(
    "method",
    [attr.LayerGradCam, attr.LayerDeepLiftShap, attr.NeuronGradient, "LayerConductance", None],
)
def test_other_methods_are_refused_with_a_list(method):
    with pytest.raises(TypeError, match="LayerConductance, LayerIntegratedGradients, LayerGrad"):
        layer_method(method)


@pytest.mark.parametrize(
    ("baselines", "expected"),
    [
        (None, (0.0, 0.0)),
        ((2, 0.5), (2.0, 0.5)),
        ((np.float32(2), np.int64(1)), (2.0, 1.0)),
        ((None, torch.full((1, 4), 3.0)), (0.0, 3.0)),
        ((torch.full((3, 2), -1.0), 1), (-1.0, 1.0)),
    ],
)
def test_baselines_become_tensors_like_the_inputs(baselines, expected):
    made = tensor_baselines(baselines, INPUTS)
    for tensor, one, value in zip(made, INPUTS, expected, strict=True):
        assert tensor.shape == one.shape
        assert tensor.unique().tolist() == [value]


@pytest.mark.parametrize(
    ("baselines", "error", "message"),
    [
        (0, ValueError, "baselines has 1 entries for 2 inputs"),
        ((0, "zero"), TypeError, "baselines has str"),
        ((0, True), TypeError, "baselines has bool"),
        ((0, torch.zeros(2, 4)), ValueError, r"shape \(2, 4\) for an input of shape \(3, 4\)"),
        ((0, torch.zeros(3, 5)), ValueError, r"shape \(3, 5\) for an input of shape \(3, 4\)"),
    ],
)
def test_baselines_that_do_not_fit_are_refused(baselines, error, message):
    with pytest.raises(error, match=message):
        tensor_baselines(baselines, INPUTS)


@pytest.mark.parametrize("baseline", [0.5, float("inf"), float("nan")])
def test_token_ids_have_no_fractional_baseline(baseline):
    with pytest.raises(ValueError, match=rf"baselines is {baseline} for inputs of torch\.int64"):
        tensor_baselines(baseline, (torch.ones(3, dtype=torch.int64),))


def test_a_mean_has_one_baseline_for_all_samples():
    check_one_row((0.0, torch.zeros(1, 4)))
    with pytest.raises(ValueError, match="expected one row"):
        check_one_row(torch.zeros(3, 4))


@pytest.mark.parametrize(
    ("steps", "error"),
    [(Steps(0), ValueError), (Steps(5.0), TypeError), (Steps(5, 0), ValueError)],
)
def test_steps_are_positive_integers(steps, error):
    with pytest.raises(error):
        steps.check()


@pytest.mark.parametrize(
    ("internal_batch_size", "method", "n_at_once"),
    [
        (None, attr.LayerConductance, 7),
        (33, attr.LayerConductance, 3),
        # A path has a point more than it has steps.
        (21, attr.LayerConductance, 1),
        (5, attr.LayerConductance, 1),
        (5, attr.LayerDeepLift, 7),
    ],
)
def test_as_many_samples_go_at_once_as_have_room_for_all_steps(
    internal_batch_size, method, n_at_once
):
    steps = Steps(10, internal_batch_size)
    assert steps.samples_at_once(layer_method(method), 7) == n_at_once


def test_a_path_between_token_ids_is_refused():
    model = nn.Sequential(nn.Embedding(5, 2), nn.Flatten(), nn.Linear(6, 1))
    ids = (torch.tensor([[0, 1, 2]]),)
    with pytest.raises(ValueError, match=r"torch\.int64, between which LayerConductance has no"):
        layer_attribution(
            layer_method(attr.LayerConductance), model, model[0], ids, ids, steps=Steps()
        )

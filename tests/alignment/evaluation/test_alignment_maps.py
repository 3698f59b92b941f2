"""The maps are those that the evaluation compares."""

import numpy as np
import pytest
import torch
from captum.attr import InputXGradient
from torch import nn

from invert_captum.alignment.evaluation.alignment_maps import alignment_maps
from invert_captum.alignment.evaluation.evaluate import evaluate_alignment
from invert_captum.alignment.metrics.spearman import spearman_correlation


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.Softplus(), nn.Dropout(0.5), nn.Flatten(),
        nn.Linear(120, 3),
    )  # fmt: skip


IMAGES = torch.rand(4, 3, 5, 6, generator=torch.Generator().manual_seed(1))
PEOPLE = torch.rand(4, 5, 6, generator=torch.Generator().manual_seed(2))
LABELS = torch.tensor([0, 1, 2, 1])


@pytest.mark.parametrize("labels", [LABELS, torch.eye(3)[LABELS]])
@pytest.mark.parametrize(
    ("attribution", "arguments"),
    [
        (None, {}),
        (InputXGradient, {"channel_reduction": "sum"}),
        (None, {"attribution_arguments": {"abs": False}, "channel_reduction": "mean"}),
    ],
)
def test_they_have_the_correlations_of_the_evaluation(model, labels, attribution, arguments):
    with torch.no_grad():
        maps = alignment_maps(model, IMAGES, labels, attribution, **arguments)
    assert maps.shape == (4, 5, 6)
    assert not maps.requires_grad
    assert model.training
    scores = evaluate_alignment(model, [(IMAGES, labels, PEOPLE)], attribution, **arguments)
    np.testing.assert_array_equal(spearman_correlation(PEOPLE, maps).numpy(), scores.spearman)


def test_bad_arguments_are_refused(model):
    def refused(error, message, *arguments, **more):
        with pytest.raises(error, match=message):
            alignment_maps(*arguments, **more)

    refused(TypeError, "model is 3", 3, IMAGES, LABELS)
    refused(TypeError, r"images is \(3, 5, 6\); expected a tensor", model, IMAGES[0], LABELS)
    refused(TypeError, "images is 'a'", model, "a", LABELS)
    refused(TypeError, "labels of batch 0 is", model, IMAGES, [0, 1, 2, 1])
    refused(ValueError, "labels of batch 0 has shape", model, IMAGES, LABELS[1:])
    refused(
        ValueError, "channel_reduction is 'max'", model, IMAGES, LABELS, channel_reduction="max"
    )
    with torch.inference_mode():
        refused(ValueError, "alignment_maps is called under", model, IMAGES, LABELS)

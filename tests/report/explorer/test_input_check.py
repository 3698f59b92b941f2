from __future__ import annotations

import pytest
import torch
from torch import nn

import invert_captum as ic


@pytest.fixture
def labelled(concepts):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
    images = torch.rand(600, 1, 6, 6)
    images[:, :, :3, :3] += 2 * torch.as_tensor(concepts["dog"]).float()[:, None, None, None]
    labeler = ic.NeuronConceptLabeler(model, "1")
    return labeler.interpret(images, concepts, max_length=1), labeler, images


def test_the_labelled_inputs_are_taken(labelled, tmp_path):
    result, labeler, images = labelled
    page = result.to_html(tmp_path / "page.html", inputs=images, labeler=labeler, top=2)
    assert page.is_file()


@pytest.mark.parametrize(
    "other",
    [
        lambda images: images.flip(0),
        lambda images: (images - 0.13) / 0.31,
        lambda images: images * float("nan"),
    ],
    ids=["another order", "another preprocessing", "not finite"],
)
def test_other_inputs_are_refused_and_no_page_is_written(labelled, tmp_path, other):
    result, labeler, images = labelled
    with pytest.raises(ValueError, match=r"inputs gives neuron \d the activation .* preprocessed"):
        result.to_html(tmp_path / "page.html", inputs=other(images), labeler=labeler, top=2)
    assert not (tmp_path / "page.html").exists()


def test_half_precision_is_near_enough(labelled, concepts, tmp_path):
    _, labeler, images = labelled
    result = labeler.interpret(images, concepts, max_length=1, dtype=torch.bfloat16)
    assert result.to_html(tmp_path / "page.html", inputs=images, labeler=labeler, top=2).is_file()

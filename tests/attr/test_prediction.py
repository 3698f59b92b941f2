from __future__ import annotations

import numpy as np
import pytest
import torch
from captum.attr import LayerGradientXActivation
from torch import nn

from invert_captum.attr.prediction import (
    check_target,
    plain_target,
    predicted_target,
    target_output,
    target_rows,
)

LOGITS = torch.rand(4, 3, generator=torch.Generator().manual_seed(0))
MAPS = torch.rand(4, 3, 5, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("output", "target"),
    [
        (LOGITS, 2),
        (LOGITS, (1,)),
        (LOGITS, torch.tensor(1)),
        (LOGITS, torch.tensor([1])),
        (LOGITS, [0, 2, 1, 1]),
        (LOGITS, torch.tensor([0, 2, 1, 1])),
        (MAPS, (2, 4)),
        (MAPS, [(0, 0), (1, 3), (2, 4), (0, 1)]),
        (LOGITS[:, 0], None),
        (LOGITS[:, :1], None),
    ],
    ids=str,
)
def test_the_output_is_the_one_that_captum_chooses(output, target):
    """Gradient times activation at an identity is the chosen number, as it is linear in it."""
    model = nn.Sequential(nn.Identity())
    attribution = LayerGradientXActivation(model, model[0]).attribute(
        output.clone().requires_grad_(), target
    )
    expected = attribution.reshape(len(output), -1).sum(1)
    assert target_output(output, target).tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (np.int64(2), 2),
        ((np.int64(1),), (1,)),
        ([np.int64(0), 2, torch.tensor(1), 1], [0, 2, 1, 1]),
        ([(np.int64(0), 1), (1, 2)], [(0, 1), (1, 2)]),
        (torch.tensor([0, 2, 1, 1], dtype=torch.int16), [0, 2, 1, 1]),
        (torch.tensor([1], dtype=torch.uint8), 1),
        (None, None),
        ("predicted", "predicted"),
    ],
    ids=str,
)
def test_targets_of_other_libraries_become_what_captum_takes(target, expected):
    plain = plain_target(target)
    assert plain == expected
    for one in plain if isinstance(plain, list) else [plain]:
        for index in one if isinstance(one, tuple) else [one]:
            assert type(index) in (int, str, type(None))


def test_the_predicted_target_is_the_class_of_the_highest_output():
    target = predicted_target(torch.tensor([[0.0, 2.0, 1.0], [3.0, 2.0, 1.0]]))
    assert target.tolist() == [1, 0]


@pytest.mark.parametrize("output", [MAPS, LOGITS[:, 0], [LOGITS]], ids=["maps", "vector", "list"])
def test_there_is_no_predicted_class_without_classes(output):
    with pytest.raises(ValueError, match="expected shape"):
        predicted_target(output)


def test_targets_per_sample_are_cut_along():
    assert target_rows([4, 5, 6], 1, 3) == [5, 6]
    assert target_rows(torch.tensor([4, 5, 6]), 0, 1).tolist() == [4]
    assert target_rows((1, 2), 1, 2) == (1, 2)
    assert target_rows("predicted", 0, 1) == "predicted"


@pytest.mark.parametrize(
    ("output", "target", "error", "message"),
    [
        (LOGITS, 3, ValueError, "target is 3, .* expected 0 to 2"),
        (LOGITS, -1, ValueError, "target is -1, .* expected 0 to 2"),
        (LOGITS, None, ValueError, "target is None, .* one number per sample"),
        (MAPS, 1, ValueError, "target is 1, .* one number per sample"),
        (LOGITS, (1, 2), ValueError, "target has 2 indices, .* at most 1"),
        (LOGITS, [0, 1], ValueError, "target has 2 entries for 4 samples"),
        (LOGITS.sum(), 0, ValueError, "one number for all samples"),
        ([LOGITS], 0, TypeError, "forward_func gives list; expected a tensor"),
        (LOGITS, 1.0, TypeError, "target is 1.0"),
        (LOGITS, True, TypeError, "target is True"),
    ],
)
def test_targets_outside_of_the_output_are_refused(output, target, error, message):
    with pytest.raises(error, match=message):
        target_output(output, target)


@pytest.mark.parametrize(
    ("target", "n_samples", "error", "message"),
    [
        ("best", 3, ValueError, "target is 'best'; expected None, an integer"),
        ([0, 1], 3, ValueError, "target has 2 entries for 3 samples"),
        ([0, 1], None, ValueError, "target has 2 entries for a mean over samples"),
        (torch.tensor([0.5]), 3, TypeError, "tensor of torch.float32"),
        (torch.tensor([True]), 3, TypeError, "tensor of torch.bool"),
        (torch.zeros(3, 1, dtype=torch.int64), 3, TypeError, r"shape \(3, 1\)"),
        ({0}, 3, TypeError, "target is {0}"),
    ],
)
def test_what_is_no_target_is_refused(target, n_samples, error, message):
    with pytest.raises(error, match=message):
        check_target(target, n_samples)


@pytest.mark.parametrize("target", [None, 0, (0, 1), "predicted", torch.tensor(1)])
def test_one_target_for_all_samples_is_one_for_a_mean(target):
    check_target(target, None)

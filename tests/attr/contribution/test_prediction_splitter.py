from __future__ import annotations

import pytest
import torch
from captum import attr
from torch import nn

from invert_captum.activations.batch import Batch
from invert_captum.attr.contribution.layer_methods import Steps
from invert_captum.attr.contribution.prediction_splitter import PredictionSplitter, batch_arguments
from invert_captum.attr.layer_shape import ReducedLayer

pytestmark = [
    pytest.mark.filterwarnings("ignore:Setting"),
    pytest.mark.filterwarnings("ignore:Input Tensor"),
]

INPUTS = torch.rand(5, 3, generator=torch.Generator().manual_seed(0))
GAINS = torch.rand(5, 4, generator=torch.Generator().manual_seed(1))


class Gained(nn.Module):
    """A network with an argument beside its input."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.hidden = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
        self.head = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))

    def forward(self, inputs, gains):
        return self.head(gains * self.hidden(inputs))


def splitter(method, internal_batch_size=None, baselines=None):
    model = Gained()
    steps = Steps(20, internal_batch_size)
    return PredictionSplitter(ReducedLayer(model, model.hidden, "hidden"), method, steps, baselines)


@pytest.mark.parametrize(
    "method",
    [
        attr.LayerConductance,
        attr.LayerIntegratedGradients,
        attr.LayerDeepLift,
        attr.LayerGradientXActivation,
    ],
)
@pytest.mark.parametrize("target", [1, [0, 1, 2, 1, 0], "predicted"])
@pytest.mark.parametrize("internal_batch_size", [2, 10, 42, None])
def test_a_batch_gives_what_single_samples_give(method, target, internal_batch_size):
    """Baselines, targets and further arguments are cut along, however many go at once."""
    given = method is not attr.LayerGradientXActivation
    baselines = INPUTS.flip(0) if given else None
    together = splitter(method, internal_batch_size, baselines)((INPUTS,), (GAINS,), target)
    for i in range(5):
        alone = splitter(method, None, baselines[i : i + 1] if given else None)(
            (INPUTS[i : i + 1],),
            (GAINS[i : i + 1],),
            [target[i]] if isinstance(target, list) else target,
        )
        for name in ("neurons", "total", "prediction", "baseline_prediction"):
            one, other = getattr(together, name)[i], getattr(alone, name)[0]
            assert one.tolist() == pytest.approx(other.tolist(), abs=1e-5)
    if target == "predicted":
        with torch.no_grad():
            model = Gained()
            assert together.target.tolist() == model(INPUTS, GAINS).argmax(1).tolist()


def test_a_method_without_baselines_refuses_them():
    with pytest.raises(ValueError, match="LayerGradientXActivation has none"):
        splitter(attr.LayerGradientXActivation, None, 0.0)


def test_arguments_by_name_are_refused():
    assert batch_arguments(Batch((INPUTS, GAINS, 3)), 1) == ((INPUTS,), (GAINS, 3))
    with pytest.raises(TypeError, match="arguments by name"):
        batch_arguments(Batch((), {"input_ids": INPUTS}), 1)

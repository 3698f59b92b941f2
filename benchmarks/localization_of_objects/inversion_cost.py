"""What Guided Feature Inversion costs in passes, alone and in a batch, and what rounding does."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from benchmarks.localization_of_objects.method_scores import input_gradient
from benchmarks.localization_of_objects.object_methods import inverted
from invert_captum.demo.network import BATCH_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

N_PASSES = 80


@dataclass(frozen=True)
class Rounding:
    """How far masks of a batch are from those of single runs.

    Attributes:
        stage: After which stage.
        largest: The largest difference of a pixel.
        median: The median over pictures of each picture's largest difference.
        mean: The mean difference of all pixels.
    """

    stage: str
    largest: float
    median: float
    mean: float

    @classmethod
    def of(cls, stage: str, batch: Tensor, singles: Tensor) -> Rounding:
        """Compare masks (n, height, width)."""
        apart = (batch - singles).abs()
        by_picture = apart.flatten(1).amax(dim=1)
        return cls(stage, by_picture.max().item(), by_picture.median().item(), apart.mean().item())


@dataclass(frozen=True)
class Cost:
    """What inversions cost, medians over repeats within one process.

    Attributes:
        n: How many pictures the batch has.
        passes: Seconds for 80 forward-backward passes over one picture, parameters frozen.
        single: Seconds for one picture.
        batch: Seconds for a batch.
        single_ratio: Of ``single`` to ``passes``, within a repeat.
        batch_ratio: Of ``batch`` to as many single runs, within a repeat.
        rounding: Masks of the batch beside those of single runs, by stage.
    """

    n: int
    passes: float
    single: float
    batch: float
    single_ratio: float
    batch_ratio: float
    rounding: tuple[Rounding, ...]


def measure_cost(network: nn.Module, inputs: Tensor, targets: Tensor, repeats: int) -> Cost:
    """Time inversions of a batch of pictures at once and one by one, in turns.

    Args:
        network: With frozen parameters, in eval mode.
        inputs: Shape (n, 3, 224, 224), n up to 8.
        targets: The classes, shape (n,).
        repeats: How often everything is timed.
    """
    inputs, targets = inputs[:BATCH_SIZE], targets[:BATCH_SIZE]
    inverted(network, inputs[:1], None)  # The first calls of a process are slower.
    times, masks, alone = [], torch.empty(0), torch.empty(0)
    for _ in range(repeats):
        passes = _seconds(lambda: _passes(network, inputs[:1], targets[:1]))[0]
        batch, masks = _seconds(lambda: inverted(network, inputs, targets))
        singles, alone = _seconds(lambda: _one_by_one(network, inputs, targets))
        times.append((passes, batch, singles))
    passes, batch, singles = np.array(times).T
    single = singles / len(inputs)
    after_first = inverted(network, inputs, None), _one_by_one(network, inputs, None)
    rounding = Rounding.of("stage 1", *after_first), Rounding.of("stage 2", masks, alone)
    medians = [float(np.median(one)) for one in (passes, single, batch)]
    ratios = [float(np.median(one)) for one in (single / passes, batch / singles)]
    return Cost(len(inputs), *medians, *ratios, rounding)


def _passes(network: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    for _ in range(N_PASSES - 1):
        input_gradient(network, inputs, targets)
    return input_gradient(network, inputs, targets)


def _one_by_one(network: nn.Module, inputs: Tensor, targets: Tensor | None) -> Tensor:
    chosen = [None] * len(inputs) if targets is None else targets.split(1)
    pairs = zip(inputs.split(1), chosen, strict=True)
    return torch.cat([inverted(network, one, target) for one, target in pairs])


def _seconds(work: Callable[[], Tensor]) -> tuple[float, Tensor]:
    started = time.perf_counter()
    found = work()
    return time.perf_counter() - started, found

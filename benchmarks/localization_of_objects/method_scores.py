"""What every method scores on the queries, and what that costs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from benchmarks.localization_of_objects.faithfulness import (
    deletion,
    infidelity_of,
    insertion,
    sensitivity,
)
from benchmarks.localization_of_objects.object_measures import (
    asked_ahead,
    class_share,
    energy_inside,
    localisation_error,
    pointing,
)
from benchmarks.localization_of_objects.query_pictures import evenly
from invert_captum.demo.network import BATCH_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from benchmarks.localization_of_objects.object_methods import Method
    from benchmarks.localization_of_objects.query_pictures import QueryPictures

ONE, TWO, MOSAICS = "one object", "two objects", "mosaics"
MEASURES = {
    ONE: {"pointing": pointing, "error": localisation_error, "inside": energy_inside},
    TWO: {"pointing": pointing, "share": class_share, "ahead": asked_ahead},
    MOSAICS: {"pointing": pointing},
}
FAITHFULNESS = {"insertion": insertion, "deletion": deletion, "infidelity": infidelity_of}

_TIMED_PASSES = 3


@dataclass(frozen=True)
class Sizes:
    """How many queries of each kind are looked at.

    Attributes:
        slow: With slow methods,
        faithful: of these, with insertion, deletion and infidelity,
        sensitive: and of these, with sensitivity.
    """

    slow: int
    faithful: int
    sensitive: int


@dataclass(frozen=True)
class Scores:
    """What a method scores on n queries of one kind.

    Attributes:
        rows: Which queries of the kind, shape (n,).
        pictures: The picture of each, shape (n,).
        values: By measure, shape (n,) or fewer.
        seconds: For one picture, by batch.
        pass_seconds: For a forward-backward pass over one picture, by batch.
    """

    rows: NDArray[np.int64]
    pictures: NDArray[np.int64]
    values: Mapping[str, NDArray[np.float64]]
    seconds: Sequence[float]
    pass_seconds: Sequence[float]


@dataclass(frozen=True)
class MethodScores:
    """What a method scores on all kinds of queries.

    Attributes:
        name: Of the method.
        kinds: Its scores by kind.
    """

    name: str
    kinds: Mapping[str, Scores]

    def all(self, measure: str) -> NDArray[np.float64]:
        """Return the values of a measure on all kinds that have it."""
        found = [one.values[measure] for one in self.kinds.values() if measure in one.values]
        return np.concatenate([*found, np.empty(0)])

    def seconds(self) -> float:
        """Return the median time for a picture."""
        return float(np.median([t for one in self.kinds.values() for t in one.seconds]))

    def passes(self) -> float:
        """Return that time in forward-backward passes over one picture."""
        unit = np.median([t for one in self.kinds.values() for t in one.pass_seconds])
        return self.seconds() / float(unit)


def score_method(
    network: nn.Module, method: Method, queries: Mapping[str, QueryPictures], sizes: Sizes
) -> MethodScores:
    """Return what a method scores.

    Args:
        network: With frozen parameters, in eval mode.
        method: The method.
        queries: By kind, one of `MEASURES`.
        sizes: How many of them are looked at.
    """
    some = next(iter(queries.values()))
    explain = method.of(network, some.inputs[:1])
    kinds = {}
    for kind, ones in queries.items():
        rows = evenly(len(ones), sizes.slow if method.slow else len(ones))
        kinds[kind] = _score_kind(network, explain, ones, rows, kind, sizes)
    return MethodScores(method.name, kinds)


def _score_kind(
    network: nn.Module,
    explain: Callable[[Tensor, Tensor], Tensor],
    queries: QueryPictures,
    rows: NDArray[np.int64],
    kind: str,
    sizes: Sizes,
) -> Scores:
    seen = queries.take(rows)
    maps, seconds, pass_seconds = timed_maps(network, explain, seen)
    values = {name: measure(maps, seen.masks) for name, measure in MEASURES[kind].items()}
    if kind != MOSAICS:
        # The same queries for slow methods and for all others.
        nested = evenly(len(queries), sizes.slow)
        few = nested[evenly(len(nested), sizes.faithful)]
        at = np.flatnonzero(np.isin(rows, few))
        parts = seen.inputs[at], seen.targets[at], maps[at]
        values |= {name: measure(network, *parts) for name, measure in FAITHFULNESS.items()}
        fewer = at[evenly(len(at), sizes.sensitive)]
        values["sensitivity"] = sensitivity(explain, seen.inputs[fewer], seen.targets[fewer])
    return Scores(rows, seen.pictures, values, seconds, pass_seconds)


def timed_maps(
    network: nn.Module, explain: Callable[[Tensor, Tensor], Tensor], queries: QueryPictures
) -> tuple[Tensor, list[float], list[float]]:
    """Return maps (n, height, width), and the seconds a picture and a pass over one took.

    Pictures go in batches of 8; before each of the first of them a forward-backward pass is timed.
    """
    maps, seconds, pass_seconds = [], [], []
    batches = zip(queries.inputs.split(BATCH_SIZE), queries.targets.split(BATCH_SIZE), strict=True)
    for i, (inputs, targets) in enumerate(batches):
        if i < _TIMED_PASSES:
            input_gradient(network, inputs, targets)  # The first pass of its shape is slower.
            started = time.perf_counter()
            input_gradient(network, inputs, targets)
            pass_seconds.append((time.perf_counter() - started) / len(inputs))
        started = time.perf_counter()
        maps.append(explain(inputs, targets))
        seconds.append((time.perf_counter() - started) / len(inputs))
    return torch.cat(maps), seconds, pass_seconds


def input_gradient(network: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """Return the gradient of each picture's class probability: one forward-backward pass."""
    asked = inputs.clone().requires_grad_()
    chosen = torch.softmax(network(asked), dim=1).gather(1, targets[:, None])
    (gradient,) = torch.autograd.grad(chosen.sum(), asked)
    return gradient

"""The work of a labelling, cut into units of neurons, and done on as many threads as torch has."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from invert_captum._log import progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from invert_captum.neuron_columns import NeuronColumns

    Done = TypeVar("Done")

# A unit's activations: 64 MB as float32.
_VALUES_PER_UNIT = 2**24
_MAX_NEURONS = 16
# A search makes one pass over all labels for so many neurons at once.
_LANES = 8


@dataclass(frozen=True, slots=True)
class Unit:
    """Some neurons of a layer, worked on together.

    Attributes:
        number: The unit's place among all units.
        layer: The layer's name.
        neurons: The columns of its activations.
    """

    number: int
    layer: str | None
    neurons: tuple[int, ...]


def cut_into_units(
    layers: dict[str | None, NeuronColumns],
    chosen: dict[str | None, list[int]],
    block_size: int | None,
) -> list[Unit]:
    """Cut the neurons of all layers into units, in order.

    Args:
        layers: The activations of every layer.
        chosen: The neurons to work on, by layer.
        block_size: How many neurons a unit has; None to choose what suits memory and storage.
    """
    return cut(chosen, unit_sizes(layers, block_size))


def unit_sizes(
    layers: dict[str | None, NeuronColumns], block_size: int | None
) -> dict[str | None, int]:
    """Return how many neurons a unit has, by layer; arguments as for `cut_into_units`."""
    return {name: block_size or _default_size(columns) for name, columns in layers.items()}


def cut(chosen: dict[str | None, list[int]], sizes: dict[str | None, int]) -> list[Unit]:
    """Cut the chosen neurons of all layers into units of these sizes, in order."""
    units: list[Unit] = []
    for layer, neurons in chosen.items():
        for start in range(0, len(neurons), sizes[layer]):
            units.append(Unit(len(units), layer, tuple(neurons[start : start + sizes[layer]])))
    return units


def _default_size(columns: NeuronColumns) -> int:
    if columns.neurons_at_once is not None:
        return columns.neurons_at_once
    fitting = min(_VALUES_PER_UNIT // columns.n_samples, _MAX_NEURONS) // _LANES * _LANES
    return max(_LANES, fitting)


def run_on_threads(
    work: Callable[[Unit], Done], units: Sequence[Unit], *, show: bool
) -> Iterator[tuple[Unit, Done]]:
    """Do the work of all units on torch's number of threads, and yield what is done in order.

    Args:
        work: What is to be done; it leaves Python's lock for most of its time.
        units: The units.
        show: Whether to draw a progress bar on standard error.
    """
    yield from progress(
        _run_on_threads(work, units), show=show, description="blocks of neurons", total=len(units)
    )


def _run_on_threads(
    work: Callable[[Unit], Done], units: Sequence[Unit]
) -> Iterator[tuple[Unit, Done]]:
    import torch

    n_threads = torch.get_num_threads()
    waiting = iter(units)
    running: deque[tuple[Unit, Future[Done]]] = deque()
    with ThreadPoolExecutor(n_threads) as pool:
        try:
            # One more than threads, so that none waits for the next unit.
            for unit in islice(waiting, n_threads + 1):
                running.append((unit, pool.submit(work, unit)))
            while running:
                unit, future = running.popleft()
                done = future.result()
                for following in islice(waiting, 1):
                    running.append((following, pool.submit(work, following)))
                yield unit, done
        finally:
            for _, future in running:
                future.cancel()

"""Activations of all inputs in one pass, kept in memory."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from invert_captum._log import logger, progress
from invert_captum.activations.batches import (
    Inputs,
    check_inputs,
    count_batches,
    count_samples,
    input_batches,
)
from invert_captum.activations.forward import Recipe, check_same_neurons, forward_pass
from invert_captum.activations.work_units import extract_in_units

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from concurrent.futures import Executor

    from torch import Tensor, nn

    from invert_captum.activations.reducers import Reducer


@dataclass(frozen=True)
class Extraction:
    """Activations of some layers on some inputs.

    Args:
        activations: By layer name, a tensor of shape (n, d) on the CPU.
        sample_ids: Which sample each row is, if the inputs told.
    """

    activations: dict[str, Tensor]
    sample_ids: list[str] | None = None


def extract_activations(
    model: nn.Module,
    layers: Mapping[str, nn.Module],
    inputs: Inputs,
    *,
    reduce: Reducer = "mean",
    neuron_dim: int | None = None,
    batch_size: int = 64,
    dtype: torch.dtype | None = None,
    device_ids: Sequence[int] | None = None,
    additional_forward_args: object = None,
    attribute_to_layer_input: bool = False,
    executor: Executor | None = None,
    show_progress: bool = False,
) -> Extraction:
    """Run ``model`` once over ``inputs`` and return the activations of all ``layers``.

    The model runs in eval mode and without gradients on its own device, and is afterwards as it
    was before, also after an error.

    Args:
        model: The model.
        layers: Module by name, as `resolve_layers` gives them.
        inputs: A tensor, a tuple of tensors, a loader, or a map-style data set; see
            `input_batches`.
        reduce: How a layer's output becomes (n, d); see `reduce_output`.
        neuron_dim: Axis of the neurons in a layer's output; see `reduce_output`.
        batch_size: How many samples of tensors and data sets go through the model at once.
        dtype: Floating type in which activations are kept; None: as they come.
        device_ids: Devices of a `torch.nn.DataParallel` model inside another module.
        additional_forward_args: Further arguments by position, after the inputs; of whole
            tensors, those with one row per sample are cut along.
        attribute_to_layer_input: Take what the layer gets instead of what it gives.
        executor: Runs blocks of rows in other threads, processes or machines; with tensors and
            data sets only.
        show_progress: Draw a progress bar.

    Returns:
        Activations by layer name, and sample ids if the inputs give them.

    Raises:
        TypeError: an argument has the wrong type.
        ValueError: an argument has no valid value; a layer is called several times or not at all
            in one forward pass, or does not give one row per sample; a loader shuffles without
            telling sample ids.

    Examples:
        >>> from torch import nn
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(inplace=True))
        >>> extraction = extract_activations(
        ...     model, {"0": model[0], "1": model[1]}, torch.randn(10, 3, 6, 6), reduce="max"
        ... )
        >>> {name: tuple(rows.shape) for name, rows in extraction.activations.items()}
        {'0': (10, 8), '1': (10, 8)}
    """
    recipe = Recipe(reduce, neuron_dim, batch_size, dtype, device_ids, attribute_to_layer_input)
    recipe.check()
    check_inputs(inputs)
    started = time.perf_counter()
    if executor is None:
        blocks = _run_batches(model, layers, inputs, recipe, additional_forward_args, show_progress)
    else:
        blocks = extract_in_units(
            executor, model, layers, inputs, recipe, additional_forward_args, show_progress
        )
    rows = {name: _Rows(name, count_samples(inputs)) for name in layers}
    sample_ids: list[str] = []
    # Closed at once, because the model has hooks as long as the batches are open.
    with closing(blocks):
        for activations, ids in blocks:
            for one, block in zip(rows.values(), activations, strict=True):
                one.append(block)
            sample_ids += ids or []
    extraction = Extraction({name: one.tensor() for name, one in rows.items()}, sample_ids or None)
    _log_shapes(extraction.activations, time.perf_counter() - started)
    return extraction


def _run_batches(
    model: nn.Module,
    layers: Mapping[str, nn.Module],
    inputs: Inputs,
    recipe: Recipe,
    additional_forward_args: object,
    show_progress: bool,
) -> Generator[tuple[list[Tensor], list[str] | None]]:
    """Yield the activations of all layers and the sample ids, batch by batch."""
    batches = progress(
        input_batches(inputs, recipe.batch_size, additional_forward_args),
        show=show_progress,
        description="activations",
        total=count_batches(inputs, recipe.batch_size),
    )
    with forward_pass(model, layers, recipe) as activations:
        for batch in batches:
            yield activations(batch), batch.sample_ids


class _Rows:
    """Rows of one layer, gathered batch by batch without holding them twice if n is known."""

    def __init__(self, layer: str, n_samples: int | None) -> None:
        self.layer = layer
        self.n_samples = n_samples
        self.filled = 0
        self.buffer: Tensor | None = None

    def append(self, block: Tensor) -> None:
        """Add the activations of some rows."""
        if self.buffer is None:
            size = (len(block) if self.n_samples is None else self.n_samples, block.shape[1])
            self.buffer = torch.empty(size, dtype=block.dtype)
        check_same_neurons(self.layer, block.shape[1], self.buffer.shape[1], self.filled)
        end = self.filled + len(block)
        if end > len(self.buffer):
            grown = self.buffer.new_empty((max(end, 2 * self.filled), block.shape[1]))
            grown[: self.filled] = self.buffer[: self.filled]
            self.buffer = grown
        self.buffer[self.filled : end] = block
        self.filled = end

    def tensor(self) -> Tensor:
        """Return all rows."""
        if self.buffer is None or not self.filled:
            raise ValueError("inputs has no samples; expected at least one")
        exact = len(self.buffer) == self.filled
        return self.buffer if exact else self.buffer[: self.filled].clone()


def _log_shapes(activations: Mapping[str, Tensor], seconds: float) -> None:
    shapes = ", ".join(
        f"{name!r}: {len(rows):,} x {rows.shape[1]:,}" for name, rows in activations.items()
    )
    logger.info("extracted activations in %.1f s; %s", seconds, shapes)

"""Activations of all inputs in one pass, through `captum.attr.LayerActivation`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import torch
from captum.attr import LayerActivation

from invert_captum._log import logger, progress
from invert_captum._validation import check_integer
from invert_captum.activations.batches import (
    Batch,
    Inputs,
    check_inputs,
    count_batches,
    count_samples,
    input_batches,
)
from invert_captum.activations.evaluation import evaluating
from invert_captum.activations.probes import LayerProbe, probing
from invert_captum.activations.reducers import Reducer, check_reducer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor, nn

STORED_DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


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
    show_progress: bool = False,
) -> Extraction:
    """Run ``model`` once over ``inputs`` and return the activations of all ``layers``.

    The model runs in eval mode and without gradients on its own device, and is afterwards as it
    was before, also after an error.

    Args:
        model: The model.
        layers: Module by name, as `resolve_layers` gives them.
        inputs: A tensor, a tuple of tensors, or a loader; see `input_batches`.
        reduce: How a layer's output becomes (n, d); see `reduce_output`.
        neuron_dim: Axis of the neurons in a layer's output; see `reduce_output`.
        batch_size: How many samples of whole tensors go through the model at once.
        dtype: Floating type in which activations are kept; None: as they come.
        device_ids: Devices of a `torch.nn.DataParallel` model inside another module.
        additional_forward_args: Further arguments by position, after the inputs; of whole
            tensors, those with one row per sample are cut along.
        attribute_to_layer_input: Take what the layer gets instead of what it gives.
        show_progress: Draw a progress bar.

    Returns:
        Activations by layer name, and sample ids if the loader gives them.

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
    check_reducer(reduce, neuron_dim)
    check_integer("batch_size", batch_size, minimum=1)
    check_dtype(dtype)
    check_inputs(inputs)
    started = time.perf_counter()
    rows = {name: _Rows(name, count_samples(inputs), dtype) for name in layers}
    sample_ids: list[list[str] | None] = []
    with (
        evaluating(model),
        probing(layers, reduce, neuron_dim, at_input=attribute_to_layer_input) as probes,
    ):
        forward = _layer_activation(model, probes, device_ids)
        device = model_device(model)
        for batch in progress(
            input_batches(inputs, batch_size, additional_forward_args),
            show=show_progress,
            description="activations",
            total=count_batches(inputs, batch_size),
        ):
            blocks = forward.attribute((), additional_forward_args=batch.to(device))
            for one, block in zip(rows.values(), blocks, strict=True):
                one.append(block, batch.n_samples)
            sample_ids.append(batch.sample_ids)
    activations = {name: one.tensor() for name, one in rows.items()}
    _log_shapes(activations, time.perf_counter() - started)
    known = [ids for ids in sample_ids if ids is not None]
    return Extraction(activations, list(chain.from_iterable(known)) if known else None)


def model_device(model: nn.Module) -> torch.device | None:
    """Return the device of the model's first parameter or buffer, or None if it has neither."""
    tensor = next(chain(model.parameters(), model.buffers()), None)
    return None if tensor is None else tensor.device


def check_dtype(dtype: object) -> None:
    """Raise `TypeError` unless ``dtype`` is None or a floating type that can be ranked."""
    if dtype is not None and dtype not in STORED_DTYPES:
        listed = ", ".join(map(str, STORED_DTYPES))
        raise TypeError(f"dtype is {dtype!r}; expected None or one of {listed}")


def _layer_activation(
    model: nn.Module, probes: list[LayerProbe], device_ids: Sequence[int] | None
) -> LayerActivation:
    """Captum's `LayerActivation` at the probes, for a `Batch` as the one forward argument."""

    def forward(batch: Batch) -> object:
        output = model(*batch.positional, **batch.keywords)
        for probe in probes:
            probe.check_calls()
        return output

    ids = device_ids if device_ids is not None else getattr(model, "device_ids", None)
    return LayerActivation(forward, probes, ids)


class _Rows:
    """Rows of one layer, gathered batch by batch without holding them twice if n is known."""

    def __init__(self, layer: str, n_samples: int | None, dtype: torch.dtype | None) -> None:
        self.layer = layer
        self.n_samples = n_samples
        self.dtype = dtype
        self.filled = 0
        self.buffer: Tensor | None = None

    def append(self, block: Tensor, n_expected: int) -> None:
        """Add the activations of one batch, which must be one row per sample."""
        if len(block) != n_expected:
            raise ValueError(
                f"layer {self.layer!r} gives {len(block)} rows for a batch of {n_expected} "
                "samples; expected the samples on the first axis, or a callable `reduce` that "
                "returns (n, d)"
            )
        if self.buffer is None:
            size = (n_expected if self.n_samples is None else self.n_samples, block.shape[1])
            self.buffer = torch.empty(size, dtype=self.dtype or block.dtype)
        if block.shape[1] != self.buffer.shape[1]:
            raise ValueError(
                f"layer {self.layer!r} has {block.shape[1]} neurons after row {self.filled} and "
                f"{self.buffer.shape[1]} before; expected the same number for every input"
            )
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

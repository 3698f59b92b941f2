"""One forward pass per batch, through `captum.attr.LayerActivation`."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import torch
from captum.attr import LayerActivation

from invert_captum._validation import check_integer
from invert_captum.activations.channels_last import warn_of_channels_last
from invert_captum.activations.evaluation import evaluating
from invert_captum.activations.probes import LayerProbe, probing
from invert_captum.activations.reducers import Reducer, check_reducer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from torch import Tensor, nn

    from invert_captum.activations.batch import Batch

KEPT_DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


@dataclass(frozen=True)
class Recipe:
    """How activations are made of inputs.

    Args:
        reduce: How a layer's output becomes (n, d); see `reduce_output`.
        neuron_dim: Axis of the neurons in a layer's output; see `reduce_output`.
        batch_size: How many samples of tensors and data sets go through the model at once.
        dtype: Floating type in which activations are kept; None: as they come.
        device_ids: Devices of a `torch.nn.DataParallel` model inside another module.
        attribute_to_layer_input: Take what the layer gets instead of what it gives.
    """

    reduce: Reducer = "mean"
    neuron_dim: int | None = None
    batch_size: int = 64
    dtype: torch.dtype | None = None
    device_ids: Sequence[int] | None = None
    attribute_to_layer_input: bool = False

    def check(self) -> None:
        """Raise `TypeError` or `ValueError` unless everything has a valid value."""
        check_reducer(self.reduce, self.neuron_dim)
        check_integer("batch_size", self.batch_size, minimum=1)
        if self.dtype is not None and self.dtype not in KEPT_DTYPES:
            listed = ", ".join(map(str, KEPT_DTYPES))
            raise TypeError(f"dtype is {self.dtype!r}; expected None or one of {listed}")


@contextmanager
def forward_pass(
    model: nn.Module, layers: Mapping[str, nn.Module], recipe: Recipe
) -> Iterator[Callable[[Batch], list[Tensor]]]:
    """Give a function from a batch to the activations of every layer, (n, d) each, on the CPU.

    Inside the ``with`` block the model is in eval mode and has hooks; afterwards it is as it was.
    The first batch tells whether layers look channels-last.

    Args:
        model: The model.
        layers: Module by name.
        recipe: How activations are made.
    """
    at_input = recipe.attribute_to_layer_input
    with (
        evaluating(model),
        probing(layers, recipe.reduce, recipe.neuron_dim, at_input=at_input) as probes,
    ):
        forward = _layer_activation(model, probes, recipe.device_ids)
        device = model_device(model)
        unseen = list(probes)

        def activations(batch: Batch) -> list[Tensor]:
            blocks = forward.attribute((), additional_forward_args=batch.to(device))
            while unseen:
                warn_of_channels_last(unseen.pop(0), batch)
            for name, block in zip(layers, blocks, strict=True):
                _check_rows(name, block, batch.n_samples)
            pairs = zip(layers, blocks, strict=True)
            return [_kept(name, block, recipe.dtype).to("cpu") for name, block in pairs]

        yield activations


def model_device(model: nn.Module) -> torch.device | None:
    """Return the device of the model's first parameter or buffer, or None if it has neither."""
    tensor = next(chain(model.parameters(), model.buffers()), None)
    return None if tensor is None else tensor.device


def check_same_neurons(layer: str, n_neurons: int, expected: int, row: int) -> None:
    """Raise `ValueError` unless a layer has as many neurons as in the rows before ``row``."""
    if n_neurons != expected:
        raise ValueError(
            f"layer {layer!r} has {n_neurons} neurons after row {row} and {expected} before; "
            "expected the same number for every input"
        )


def _check_rows(layer: str, block: Tensor, n_expected: int) -> None:
    if len(block) != n_expected:
        raise ValueError(
            f"layer {layer!r} gives {len(block)} rows for a batch of {n_expected} samples; "
            "expected the samples on the first axis, or a callable `reduce` that returns (n, d)"
        )


def _kept(layer: str, block: Tensor, dtype: torch.dtype | None) -> Tensor:
    """Return the activations in ``dtype``, or raise `ValueError` if they leave its range."""
    if dtype in (None, block.dtype):
        return block
    kept = block.to(dtype)
    lost = kept.isinf() & block.isfinite()
    if lost.any():
        largest = block[lost].abs().max().item()
        wider = [str(one) for one in KEPT_DTYPES if torch.finfo(one).max >= largest]
        raise ValueError(
            f"dtype is {dtype}, but layer {layer!r} gives {largest:.6g}, which is infinite in it; "
            f"expected one of {', '.join(wider)}"
        )
    return kept


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

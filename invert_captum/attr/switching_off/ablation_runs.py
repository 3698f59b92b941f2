"""A model on the same inputs many times, with other neurons switched off each time."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import torch

from invert_captum._log import progress
from invert_captum.activations.evaluation import evaluating
from invert_captum.activations.forward import model_device
from invert_captum.attr.fresh_arguments import fresh
from invert_captum.attr.switching_off.ablation import Replacement, counting, replacing

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

    import numpy as np
    from numpy.typing import NDArray
    from torch import nn

    from invert_captum.activations.batch import Batch
    from invert_captum.attr.layer_neurons import NamedLayer
    from invert_captum.attr.switching_off.prediction_scores import PredictionScore

Columns: TypeAlias = tuple[int, ...]


def batch_scores(
    model: nn.Module,
    layer: NamedLayer,
    batches: Iterable[Batch],
    runs: Mapping[Columns, Replacement],
    score: PredictionScore,
    *,
    n_batches: int | None = None,
    at_input: bool = False,
    show_progress: bool = False,
) -> Generator[dict[Columns, NDArray[np.float64]]]:
    """Score every sample, undisturbed and with each set of neurons switched off.

    Inputs are read once: every batch goes through all runs before the next one comes.

    Args:
        model: The model; in eval mode and without gradients until the generator is closed.
        layer: The layer of the neurons.
        batches: The inputs.
        runs: What becomes of the layer's output, by the neurons that are switched off.
        score: Scores outputs.
        n_batches: How many batches there are, if that is known.
        at_input: Whether ``runs`` replace what the layer gets.
        show_progress: Whether to draw a progress bar on standard error.

    Yields:
        For a batch of b samples, scores of shape (b,) by neurons; ``()`` is the undisturbed model.

    Raises:
        ValueError: the layer is not called, or outputs or neurons do not fit.
    """
    everything: tuple[Columns, ...] = ((), *runs)
    pairs = ((batch, columns) for batch in batches for columns in everything)
    total = None if n_batches is None else n_batches * len(everything)
    start, device = 0, model_device(model)
    scores: dict[Columns, NDArray[np.float64]] = {}
    with evaluating(model), torch.no_grad():
        for batch, columns in progress(
            pairs, show=show_progress, description="ablations", total=total
        ):
            if not columns:
                output = _undisturbed(model, layer, batch, device)
                targets = score.targets_of(output, start, batch.n_samples)
            else:
                with replacing(layer.module, runs[columns], at_input=at_input):
                    output = _forward(model, batch, device)
            scores[columns] = score(output, targets)
            if len(scores) == len(everything):
                yield scores
                scores = {}
                start += batch.n_samples


def _undisturbed(
    model: nn.Module, layer: NamedLayer, batch: Batch, device: torch.device | None
) -> object:
    calls = [0]
    with counting(layer.module, calls):
        output = _forward(model, batch, device)
    if not calls[0]:
        raise ValueError(
            f"layer {layer.name!r} is not called in the forward pass of the model (a parent may "
            "use its weights without calling it); expected a layer that is called"
        )
    return output


def _forward(model: nn.Module, batch: Batch, device: torch.device | None) -> object:
    own = batch.to(device)
    output: object = model(*fresh(own.positional), **fresh(own.keywords))
    return output

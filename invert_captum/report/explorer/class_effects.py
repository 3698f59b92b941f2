"""What switching a neuron off does to the classes of a model, on the neuron's own top samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from invert_captum._log import progress
from invert_captum.activations.batch import to_device
from invert_captum.activations.evaluation import evaluating
from invert_captum.activations.forward import model_device
from invert_captum.attr.switching_off.ablation import ablate
from invert_captum.report.explorer.labeled_layers import known_reduction
from invert_captum.report.explorer.rounding import rounded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from invert_captum.report.explorer.labeled_layers import LabeledLayers
    from invert_captum.report.explorer.model_inputs import ModelInputs
    from invert_captum.report.explorer.top_neurons import TopNeuron
    from invert_captum.result import LabelingResult

_FALLING, _RISING = 4, 2

_MEASURED = (
    "The mean change of the model's scores on the neuron's top samples when the neuron is set to "
    "zero: the classes whose scores fall most, and those whose scores rise most."
)
_NO_CLASSES = (
    "No effects on classes: the model does not give a score for each of several classes, a tensor "
    "(n, k), for n inputs."
)
_NO_REDUCTION = (
    "No effects on classes: activations were made by a function, so that it is not known which "
    "part of the layer a neuron is."
)


@dataclass(frozen=True)
class ClassEffects:
    """What switching neurons off does to classes.

    Attributes:
        by_row: For the neuron's row in the table, names of classes and mean changes of their
            scores: the most negative ones first, then the most positive.
        note: How that was measured, or why it was not; None if nobody asked.
    """

    by_row: dict[str, list[list[Any]]]
    note: str | None


def class_effects(
    model: nn.Module,
    layers: LabeledLayers,
    result: LabelingResult,
    neurons: Sequence[TopNeuron],
    inputs: ModelInputs,
    *,
    class_names: Sequence[str] | None = None,
    batch_size: int = 32,
    show_progress: bool = False,
) -> ClassEffects:
    """Measure what switching each neuron off does to the model's outputs (n, k), k ≥ 2.

    The model runs in eval mode and is afterwards as it was.

    Args:
        model: The model.
        layers: Its labelled layers.
        result: The labels.
        neurons: Which neurons, and on which samples.
        inputs: What the model takes.
        class_names: k names; None: ``class 0`` …
        batch_size: How many samples go through the model at once.
        show_progress: Draw a progress bar.

    Raises:
        ValueError: If there are not k names.
    """
    reduction = known_reduction(result)
    if reduction is None:
        return ClassEffects({}, _NO_REDUCTION)
    by_row: dict[str, list[list[Any]]] = {}
    with evaluating(model), torch.no_grad():
        needed = sorted({row for one in neurons for row in one.samples})
        undisturbed = _scores(model, inputs, needed, batch_size, show_progress=show_progress)
        if undisturbed is None:
            return ClassEffects({}, _NO_CLASSES)
        names = _names(class_names, undisturbed.shape[1])
        places = {row: place for place, row in enumerate(needed)}
        for one in progress(neurons, show=show_progress, description="effects on classes"):
            before = undisturbed[[places[row] for row in one.samples]]
            module, neuron = layers.module(one.explanation.layer), one.explanation.neuron
            with ablate(model, module, [neuron], **reduction):
                after = _scores(model, inputs, one.samples, batch_size)
            if after is not None:
                by_row[str(one.row)] = _largest(names, (after - before).mean(0))
    return ClassEffects(by_row, _MEASURED)


def _scores(
    model: nn.Module,
    inputs: ModelInputs,
    rows: Sequence[int],
    batch_size: int,
    *,
    show_progress: bool = False,
) -> Tensor | None:
    """Return the outputs (n, k) for some samples in float64; None if the model has no such ones."""
    device = model_device(model)
    blocks = []
    starts = range(0, len(rows), batch_size)
    for start in progress(
        starts, show=show_progress, description="scores of classes", total=len(starts)
    ):
        batch = rows[start : start + batch_size]
        arguments = (*inputs.take(batch), *inputs.take_further(batch))
        output = model(*to_device(arguments, device))
        is_scores = isinstance(output, Tensor) and output.ndim == 2 and len(output) == len(batch)
        if not is_scores or output.shape[1] < 2 or output.is_complex():
            return None
        blocks.append(output.cpu().double())
    return torch.cat(blocks) if blocks else None


def _names(class_names: Sequence[str] | None, n_classes: int) -> list[str]:
    if class_names is None:
        return [f"class {index}" for index in range(n_classes)]
    if len(class_names) != n_classes:
        raise ValueError(
            f"class_names has {len(class_names):,} names, but the model gives {n_classes:,} "
            "scores; expected one name each"
        )
    return [str(name) for name in class_names]


def _largest(names: Sequence[str], changes: Tensor) -> list[list[Any]]:
    order = torch.argsort(changes, stable=True).tolist()
    falling = [place for place in order[:_FALLING] if changes[place] < 0]
    rising = [place for place in order[::-1][:_RISING] if changes[place] > 0]
    return [[names[place], rounded(float(changes[place]))] for place in (*falling, *rising)]

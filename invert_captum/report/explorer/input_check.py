"""Whether the inputs of a page are those that its activations were made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from invert_captum.activations import extract_activations
from invert_captum.report.explorer.labeled_layers import known_reduction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from invert_captum.report.explorer.labeled_layers import LabeledLayers
    from invert_captum.report.explorer.model_inputs import ModelInputs
    from invert_captum.report.explorer.top_neurons import TopNeuron
    from invert_captum.result import LabelingResult

# Devices, batch sizes and half precision change activations by less, another preprocessing or
# another sample by more.
_TOLERANCE = 0.03


def check_same_inputs(
    model: nn.Module,
    layers: LabeledLayers,
    result: LabelingResult,
    neurons: Sequence[TopNeuron],
    inputs: ModelInputs,
) -> None:
    """Run the top samples of one neuron of each layer, and compare with their activations.

    Nothing is checked if activations were made by a function, of which a result has only the name.

    Raises:
        ValueError: If an activation differs by more than a few hundredths of the largest.
    """
    reduction = known_reduction(result)
    if reduction is None:
        return
    first = {one.explanation.layer: one for one in reversed(neurons) if one.samples}
    for layer, one in first.items():
        rows = extract_activations(
            model,
            {str(layer): layers.module(layer)},
            inputs.take(one.samples),
            additional_forward_args=inputs.take_further(one.samples) or None,
            **reduction,
        ).activations[str(layer)]
        given = torch.tensor(one.activations, dtype=torch.float64)
        found = rows[:, one.explanation.neuron].double()
        apart = (found - given).abs()
        if not bool((apart <= _TOLERANCE * given.abs().max()).all()):
            place = int(apart.argmax())
            raise ValueError(
                f"inputs gives neuron {one.explanation.neuron} the activation {found[place]:.4g} "
                f"on sample {one.samples[place]}, activations has {given[place]:.4g}: the rows "
                "must be the same inputs in the same order, preprocessed as for the extraction"
            )

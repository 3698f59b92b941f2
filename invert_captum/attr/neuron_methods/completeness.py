"""Whether what DeepLIFT attributes adds up to the change of the neuron, as it should."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from invert_captum._log import warn

if TYPE_CHECKING:
    from invert_captum.attr.layer_shape import ReducedLayer

_TOLERANCE = 0.01
"""Greatest gap that is rounding, as a part of all that was attributed; more in half precision."""


def warn_of_gap(
    layer: ReducedLayer,
    neuron: int,
    inputs: tuple[Tensor, ...],
    baselines: Any,
    attributions: tuple[Tensor, ...],
    additional_forward_args: object = None,
) -> None:
    """Warn if attributions do not add up to the neuron's change from the baselines.

    Summation to delta (Shrikumar et al., ICML 2017, eq. 1) fails where something bends on the way
    without a trace in the autograd graph, such as a product with a mask of the inputs.

    Args:
        layer: The layer and its reduction.
        neuron: Column of the activations.
        inputs: The inputs.
        baselines: As Captum takes them: numbers or tensors, as many as inputs. None: zero.
        attributions: One per input.
        additional_forward_args: Further arguments of the model by position.

    Warns:
        InvertCaptumWarning: the sum misses the change of some sample by more than rounding.

    Examples:
        >>> from invert_captum.attr.layer_shape import ReducedLayer
        >>> model = torch.nn.Sequential(torch.nn.Linear(3, 2))
        >>> x = torch.ones(1, 3)
        >>> part = (x * model[0].weight[1]).detach()
        >>> warn_of_gap(ReducedLayer(model, model[0]), 1, (x,), 0, (part,))
    """
    given = baselines if isinstance(baselines, tuple) else (baselines,) * len(inputs)
    start = tuple(
        torch.zeros_like(tensor) + (0 if one is None else one)
        for tensor, one in zip(inputs, given, strict=True)
    )

    def see(output: object) -> Tensor:
        return layer.rows(output)[:, neuron : neuron + 1].to(torch.float64)

    end, begin = (layer.run(place, see, additional_forward_args)[:, 0] for place in (inputs, start))
    by_input = [one.to("cpu", torch.float64).flatten(1) for one in attributions]
    total = sum(one.sum(1) for one in by_input)
    size = sum(one.abs().sum(1) for one in by_input) + end.abs() + begin.abs()
    coarsest = max(torch.finfo(one.dtype).eps for one in inputs if one.is_floating_point())
    gap = (end - begin - total).abs() / size.clamp(min=1e-30)
    n_incomplete = int((gap > max(_TOLERANCE, 10 * coarsest)).sum())
    if n_incomplete:
        warn(
            f"DeepLIFT misses the change of neuron {neuron} of layer {layer.name!r} on "
            f"{n_incomplete} of {len(gap)} samples, by up to {float(gap.nan_to_num().max()):.0%} "
            "of what it attributes: some function on the way has no rule; "
            "NeuronIntegratedGradients needs none"
        )

"""One layer as a user looks at it: which of its axes are neurons, and what a reduction picks."""

from __future__ import annotations

import numbers
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from invert_captum.activations.extraction import extract_activations
from invert_captum.activations.reducers import (
    Reducer,
    neuron_axis,
    neurons_first,
    only_tensor,
    position_index,
    reduce_output,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import nn


@dataclass(frozen=True)
class ReducedLayer:
    """A layer of a model and how its output becomes one number per neuron.

    Args:
        model: The model.
        layer: A module of it.
        name: Name of the layer, for error messages.
        reduce: As in `reduce_output`.
        neuron_dim: As in `reduce_output`.
        device_ids: Devices of a `torch.nn.DataParallel` model inside another module.
        at_input: Look at what the layer gets instead of what it gives.
    """

    model: nn.Module
    layer: nn.Module
    name: str = "layer"
    reduce: Reducer = "mean"
    neuron_dim: int | None = None
    device_ids: Sequence[int] | None = None
    at_input: bool = False

    def rows(self, output: object) -> Tensor:
        """Return the activations, shape (n, d), of what the layer gives."""
        return reduce_output(output, self.reduce, self.neuron_dim, layer=self.name)

    def run(
        self,
        inputs: Tensor | tuple[Tensor, ...],
        see: Callable[[object], Tensor],
        additional_forward_args: object = None,
    ) -> Tensor:
        """Run the model once, without gradients, and return what ``see`` makes of the output.

        Args:
            inputs: A tensor or a tuple of tensors.
            see: Takes what the layer gives and returns one row per sample.
            additional_forward_args: Further arguments of the model by position.

        Returns:
            The rows of ``see``, on the CPU.
        """
        return extract_activations(
            self.model,
            {self.name: self.layer},
            inputs,
            reduce=see,
            batch_size=len(inputs if not isinstance(inputs, tuple) else inputs[0]),
            device_ids=self.device_ids,
            additional_forward_args=additional_forward_args,
            attribute_to_layer_input=self.at_input,
        ).activations[self.name]


@dataclass(frozen=True)
class LayerShape:
    """What a layer gives: axes without that of the inputs.

    Args:
        n_neurons: Number of columns of the activations.
        shape: Shape of the one tensor that the layer gives; None with a callable reduction.
        axis: Axis of the neurons.
        sizes: Sizes of the positions; None with a callable reduction.
        position: The one position that the reduction picks, or None if it mixes several.
        container: Type of what the layer gives where Captum cannot take it, because it is neither a
            tensor nor a tuple of nothing but tensors; None where it can.
    """

    n_neurons: int
    shape: tuple[int, ...] | None = None
    axis: int = 1
    sizes: tuple[int, ...] | None = None
    position: tuple[int, ...] | None = None
    container: type | None = None

    @classmethod
    def of(cls, output: object, layer: ReducedLayer) -> LayerShape:
        """Return the shape of what ``layer`` gives."""
        n_neurons = layer.rows(output).shape[1]
        parts = output if isinstance(output, tuple) else (output,)
        container = None if all(isinstance(one, Tensor) for one in parts) else type(output)
        if not isinstance(layer.reduce, str):
            return cls(n_neurons, container=container)
        tensor = only_tensor(output, layer.name)
        sizes = tuple(neurons_first(tensor, layer.neuron_dim, layer.name).shape[2:])
        return cls(
            n_neurons,
            tuple(tensor.shape),
            neuron_axis(tensor, layer.neuron_dim, layer.name),
            sizes,
            position_index(layer.reduce, sizes),
            container,
        )

    def captum_index(self, neuron: int) -> int | tuple[int, ...]:
        """Return ``neuron`` at the position as an index into one sample's output."""
        if not self.position:
            return neuron
        return (*self.position[: self.axis - 1], neuron, *self.position[self.axis - 1 :])


def observe_layer(
    layer: ReducedLayer, inputs: Tensor | tuple[Tensor, ...], additional_forward_args: object = None
) -> LayerShape:
    """Run the model once to see what the layer gives.

    Args:
        layer: The layer.
        inputs: A tensor or a tuple of tensors.
        additional_forward_args: Further arguments of the model by position.

    Returns:
        The shape of its output.

    Raises:
        ValueError: the layer does not run exactly once in a forward pass, or gives nothing that
            the reduction can take.

    Examples:
        >>> import torch
        >>> model = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3))
        >>> layer = ReducedLayer(model, model[0], reduce="center")
        >>> seen = observe_layer(layer, torch.rand(2, 1, 6, 6))
        >>> seen.sizes, seen.captum_index(3)
        ((4, 4), (3, 2, 2))
    """
    seen: list[LayerShape] = []

    def observe(output: object) -> Tensor:
        seen.append(LayerShape.of(output, layer))
        return layer.rows(output)

    layer.run(inputs, observe, additional_forward_args)
    return seen[0]


def check_neuron(neuron: object, n_neurons: int, name: str) -> int:
    """Return ``neuron`` as an `int`, or raise unless layer ``name`` has it."""
    if isinstance(neuron, bool) or not isinstance(neuron, numbers.Integral):
        raise TypeError(f"neuron_selector is {neuron!r}; expected an integer")
    column = int(neuron)
    if not 0 <= column < n_neurons:
        raise ValueError(
            f"neuron_selector is {neuron}, but layer {name!r} has {n_neurons} neurons; "
            f"expected 0 to {n_neurons - 1}"
        )
    return column

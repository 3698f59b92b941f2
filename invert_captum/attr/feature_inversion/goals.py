"""What stage 2 raises on the masked picture and lowers on the background: a class, or a neuron."""

from __future__ import annotations

import numbers
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import torch
from torch import Tensor

from invert_captum._log import warn
from invert_captum._validation import shown
from invert_captum.activations.reducers import reduce_output
from invert_captum.attr.feature_inversion.mask_layer import channel_axis, tensor_of
from invert_captum.attr.layer_shape import check_neuron
from invert_captum.attr.prediction import predicted_target, target_output

if TYPE_CHECKING:
    from collections.abc import Callable

    from invert_captum.attr.feature_inversion.watched_layers import WatchedLayer
    from invert_captum.attr.prediction import ChosenTarget

OutputKind = Literal["probability", "logit", "identity"]
NeuronSelector: TypeAlias = "int | tuple[int, ...] | Callable[[Any], Tensor]"


class Goal(Protocol):
    """One number per picture, from the model's output or, if it has one, from a layer."""

    @property
    def layer(self) -> WatchedLayer | None:
        """The layer that it is taken from."""

    @property
    def relative(self) -> bool:
        """Whether it is divided by its value on the undisturbed picture."""

    def settled(self, seen: Any) -> Goal:
        """Return the goal after a look at the undisturbed pictures."""

    def values(self, seen: Any) -> Tensor:
        """Return the numbers, shape (n,), from the model's output or the layer's."""


def check_selector(neuron_selector: object) -> None:
    """Raise `TypeError` unless ``neuron_selector`` may mean a neuron."""
    parts = neuron_selector if isinstance(neuron_selector, tuple) else (neuron_selector,)
    whole = all(isinstance(i, numbers.Integral) and not isinstance(i, bool) for i in parts)
    if not callable(neuron_selector) and not whole:
        raise TypeError(
            f"neuron_selector is {shown(neuron_selector)}; expected an integer, a tuple of "
            "integers or a function from what the layer gives to a tensor of shape (n,)"
        )


@dataclass(frozen=True)
class ClassGoal:
    """The target's probability, or output.

    Attributes:
        target: In Captum's forms, or ``"predicted"``.
        output: ``"probability"`` for the softmax over axis 1 of the output.
    """

    target: ChosenTarget
    output: OutputKind
    layer: None = None
    relative: bool = False

    def settled(self, seen: Any) -> ClassGoal:
        """Return the goal with the predicted classes in the place of the word."""
        if self.output == "probability" and _are_probabilities(seen):
            warn(
                'output is "probability", the softmax of what forward_func gives, but its rows are '
                'probabilities already; output="identity" takes them as they are'
            )
        if not isinstance(self.target, str):
            return self
        return replace(self, target=predicted_target(seen).tolist())

    def values(self, seen: Any) -> Tensor:
        """Return the target's probability or output."""
        if isinstance(self.target, str):
            raise TypeError("the predicted classes are not known yet; expected a settled goal")
        if self.output != "probability":
            return target_output(seen, self.target)
        if isinstance(seen, Tensor) and (seen.ndim < 2 or seen.shape[1] < 2):
            raise ValueError(
                f'output is "probability", but forward_func gives shape {tuple(seen.shape)}, of '
                'which the softmax is 1; expected (n, classes), or output="identity"'
            )
        wide = seen.float() if isinstance(seen, Tensor) and seen.itemsize < 4 else seen
        return target_output(wide.softmax(1) if isinstance(wide, Tensor) else wide, self.target)


@dataclass(frozen=True)
class NeuronGoal:
    """A neuron's activation.

    Attributes:
        layer: Its layer.
        selector: A column of the layer's mean over positions, the index of one number in a
            picture's output, or a function from the output to shape (n,).
        size: Height and width of the pictures.
    """

    layer: WatchedLayer
    selector: NeuronSelector
    size: tuple[int, int]
    relative: bool = True

    def settled(self, seen: Any) -> NeuronGoal:  # noqa: ARG002
        """Return the goal as it is."""
        return self

    def values(self, seen: Any) -> Tensor:
        """Return the neuron's activations."""
        if callable(self.selector):
            chosen: object = self.selector(seen)
            if not isinstance(chosen, Tensor) or chosen.ndim != 1:
                came = tuple(chosen.shape) if isinstance(chosen, Tensor) else type(chosen).__name__
                raise ValueError(
                    f"neuron_selector returned {came}; expected a tensor of shape (n,)"
                )
            return chosen
        output = tensor_of(seen, self.layer.name)
        if isinstance(self.selector, tuple):
            if len(self.selector) != output.ndim - 1:
                raise ValueError(
                    f"neuron_selector has {len(self.selector)} indices, but layer "
                    f"{self.layer.name!r} has shape {tuple(output.shape)}; expected "
                    f"{output.ndim - 1}"
                )
            for axis, index in enumerate(self.selector, start=1):
                if not 0 <= index < output.shape[axis]:
                    raise ValueError(
                        f"neuron_selector is {self.selector}, but layer {self.layer.name!r} has "
                        f"shape {tuple(output.shape)}; for axis {axis} expected 0 to "
                        f"{output.shape[axis] - 1}"
                    )
            place: tuple[Any, ...] = (slice(None), *self.selector)
            return output[place]
        remedy = "a tuple or a function as neuron_selector"
        neurons = channel_axis(output.shape, self.size, self.layer.name, remedy)
        rows = reduce_output(output, "mean", neurons, layer=self.layer.name)
        return rows[:, check_neuron(self.selector, rows.shape[1], self.layer.name)]


def _are_probabilities(output: object) -> bool:
    """Return whether all rows sum to 1 over axis 1, and nothing is below zero."""
    if not isinstance(output, Tensor) or output.ndim < 2 or not output.is_floating_point():
        return False
    sums = output.detach().to(torch.promote_types(output.dtype, torch.float32)).sum(1)
    near = (sums - 1).abs() <= max(1e-4, torch.finfo(output.dtype).eps)
    return bool((output >= 0).all() and near.all())

"""Captum's layer methods whose attributions add up to a change of the prediction."""

from __future__ import annotations

import numbers
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from captum.attr import (
    LayerAttribution,
    LayerConductance,
    LayerDeepLift,
    LayerGradientXActivation,
    LayerIntegratedGradients,
)
from torch import Tensor

from invert_captum._validation import check_integer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn


@dataclass(frozen=True)
class LayerMethod:
    """What one of Captum's layer methods takes, and what its attributions are split from.

    Attributes:
        attribution: The class.
        from_baselines: Whether they add up to the change from the prediction for ``baselines``;
            else to the change from the prediction with the layer set to zero.
        along_path: Whether it integrates, in steps.
        through_inputs: Whether the path is one between inputs, which need to be real numbers.
    """

    attribution: type[LayerAttribution]
    from_baselines: bool = True
    along_path: bool = False
    through_inputs: bool = False

    @property
    def name(self) -> str:
        """The name of the class."""
        return self.attribution.__name__


_METHODS = (
    LayerMethod(LayerConductance, along_path=True, through_inputs=True),
    LayerMethod(LayerIntegratedGradients, along_path=True),
    LayerMethod(LayerGradientXActivation, from_baselines=False),
    LayerMethod(LayerDeepLift),
)

# What autograd says where an output does not depend on a layer.
_WITHOUT_GRADIENT = ("does not require grad", "not have been used in the graph")


@dataclass(frozen=True)
class Steps:
    """How a path is cut.

    Args:
        n_steps: As in Captum.
        internal_batch_size: How many points go through the model at once; None for all.
    """

    n_steps: int = 50
    internal_batch_size: int | None = None

    def check(self) -> None:
        """Raise `TypeError` or `ValueError` unless both are positive integers."""
        check_integer("n_steps", self.n_steps, minimum=1)
        if self.internal_batch_size is not None:
            check_integer("internal_batch_size", self.internal_batch_size, minimum=1)

    def samples_at_once(self, method: LayerMethod, n_samples: int) -> int:
        """Return for how many samples all points of the path fit into a batch; at least one."""
        if self.internal_batch_size is None or not method.along_path:
            return n_samples
        return max(1, self.internal_batch_size // (self.n_steps + 1))

    def options(self, n_samples: int) -> dict[str, Any]:
        """Return the arguments of Captum's method for ``n_samples``."""
        fits = self.internal_batch_size is None or (
            n_samples * (self.n_steps + 1) <= self.internal_batch_size
        )
        return {
            "n_steps": self.n_steps,
            "internal_batch_size": None if fits else self.internal_batch_size,
        }


def layer_method(method: object) -> LayerMethod:
    """Return what is known of ``method``, or raise `TypeError` with the classes that will do.

    Examples:
        >>> layer_method(LayerDeepLift).along_path
        False
    """
    for known in _METHODS:
        if method is known.attribution:
            return known
    names = ", ".join(known.name for known in _METHODS)
    raise TypeError(
        f"method is {getattr(method, '__name__', repr(method))}; expected one of captum.attr's "
        f"{names}, whose attributions add up to a change of the prediction"
    )


def tensor_baselines(baselines: object, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Return baselines as tensors of the shapes of ``inputs``.

    Args:
        baselines: As in Captum: None for zeros, a number, a tensor of the shape of the input or
            with one row, or a tuple of one of these per input.
        inputs: The inputs.

    Raises:
        TypeError: a baseline is none of these.
        ValueError: there is another number of them than of inputs, or one has another shape.
    """
    several = baselines if isinstance(baselines, tuple) else (baselines,)
    if baselines is None:
        several = (None,) * len(inputs)
    if len(several) != len(inputs):
        raise ValueError(
            f"baselines has {len(several)} entries for {len(inputs)} inputs; expected one each"
        )
    return tuple(_as_tensor(one, tensor) for one, tensor in zip(several, inputs, strict=True))


def check_one_row(baselines: object) -> None:
    """Raise `ValueError` if a tensor among ``baselines`` has other than one row."""
    for one in baselines if isinstance(baselines, tuple) else (baselines,):
        if isinstance(one, Tensor) and (not one.ndim or len(one) != 1):
            raise ValueError(
                f"baselines has shape {tuple(one.shape)}; expected one row for a mean over samples"
            )


def _as_tensor(baseline: object, tensor: Tensor) -> Tensor:
    if baseline is None:
        return torch.zeros_like(tensor)
    if not isinstance(baseline, bool) and isinstance(baseline, numbers.Real):
        value = float(baseline)
        if not tensor.is_floating_point() and not value.is_integer():
            raise ValueError(
                f"baselines is {baseline} for inputs of {tensor.dtype}; expected a whole number"
            )
        return torch.full_like(tensor, value)
    if not isinstance(baseline, Tensor):
        raise TypeError(
            f"baselines has {type(baseline).__name__}; expected None, numbers or tensors"
        )
    if baseline.shape[1:] != tensor.shape[1:] or len(baseline) not in (1, len(tensor)):
        raise ValueError(
            f"baselines has shape {tuple(baseline.shape)} for an input of shape "
            f"{tuple(tensor.shape)}; expected that shape, or one row"
        )
    return baseline.detach().to(tensor).expand_as(tensor)


def layer_attribution(
    method: LayerMethod,
    model: nn.Module,
    layer: nn.Module,
    inputs: tuple[Tensor, ...],
    baselines: tuple[Tensor, ...],
    *,
    steps: Steps,
    device_ids: Sequence[int] | None = None,
    **options: Any,
) -> Tensor:
    """Return a method's attribution to the layer, in the shape of what the layer gives.

    Args:
        method: The method.
        model: The model, in eval mode.
        layer: The layer, which gives (or gets) one tensor.
        inputs: Detached inputs of the model on its device.
        baselines: As many tensors of the same shapes.
        steps: How a path is cut.
        device_ids: As in Captum.
        **options: ``target``, ``additional_forward_args`` and ``attribute_to_layer_input``.

    Raises:
        ValueError: the method needs real numbers and the inputs are none, Captum refuses an
            argument, or the output does not depend on the layer by a gradient.
    """
    if method.through_inputs and not all(one.is_floating_point() for one in inputs):
        kinds = ", ".join(str(one.dtype) for one in inputs)
        raise ValueError(
            f"inputs is of {kinds}, between which {method.name} has no path; expected floating "
            "point numbers, or LayerIntegratedGradients, whose path is in the layer"
        )
    in_constructor = {} if method.attribution is LayerDeepLift else {"device_ids": device_ids}
    if method.from_baselines:
        options["baselines"] = baselines
    if method.along_path:
        options |= steps.options(len(inputs[0]))
    with torch.enable_grad():
        try:
            attribution = method.attribution(model, layer, **in_constructor).attribute(
                _tracked(model, inputs), **options
            )
        except AssertionError as error:
            raise ValueError(f"{method.name} refuses its arguments: {error}") from error
        except RuntimeError as error:
            if not any(words in str(error) for words in _WITHOUT_GRADIENT):
                raise
            raise ValueError(
                f"the output at target has no gradient by the layer ({error}); expected a layer "
                "that leads to it, and a model that tracks gradients"
            ) from error
    only: Tensor = attribution[0] if isinstance(attribution, tuple) else attribution
    return only.detach()


def _tracked(model: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Return inputs behind which every layer has a gradient, also those of a frozen model."""
    tracked = tuple(one.requires_grad_(one.is_floating_point()) for one in inputs)
    if not any(one.requires_grad for one in tracked):
        for weight in model.parameters():
            # The caller's `evaluating` puts the flags back.
            weight.requires_grad_(weight.is_floating_point())
    return tracked

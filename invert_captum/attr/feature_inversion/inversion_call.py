"""From the arguments of a call to what the inversion found."""

from __future__ import annotations

import numbers
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from invert_captum._validation import shown
from invert_captum.activations.batch import to_device
from invert_captum.activations.forward import model_device
from invert_captum.attr.feature_inversion.inversion import Inversion
from invert_captum.attr.feature_inversion.inversion_details import InversionDetails
from invert_captum.attr.feature_inversion.model_runs import prepared
from invert_captum.attr.feature_inversion.undisturbed import check_finite
from invert_captum.attr.feature_inversion.watched_layers import WatchedLayer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from invert_captum.attr.feature_inversion.goals import Goal
    from invert_captum.attr.feature_inversion.inversion_settings import InversionSettings

_NEUTRAL = 0.5


def only_pictures(inputs: Tensor | tuple[Tensor, ...]) -> Tensor:
    """Return the pictures, or raise unless ``inputs`` are one tensor of them.

    Raises:
        TypeError: ``inputs`` are no tensor, or not of floating point.
        ValueError: there are several tensors, or the shape is not (n, channels, height, width),
            or there are values that are not finite.
    """
    if isinstance(inputs, tuple):
        if len(inputs) != 1:
            raise ValueError(
                f"inputs has {len(inputs)} tensors; expected one of pictures, and all others in "
                "additional_forward_args"
            )
        return only_pictures(inputs[0])
    if not isinstance(inputs, Tensor):
        raise TypeError(f"inputs is of type {type(inputs).__name__}; expected a tensor")
    if not inputs.is_floating_point():
        raise TypeError(f"inputs is of {inputs.dtype}; expected floating point")
    if inputs.ndim != 4 or not inputs.numel():
        raise ValueError(
            f"inputs has shape {tuple(inputs.shape)}; expected (n, channels, height, width), with "
            "n = 1 for a single picture: inputs[None]"
        )
    check_finite(inputs.detach(), "inputs has")
    return inputs


@dataclass(frozen=True)
class Call:
    """A model with the two layers of an inversion.

    Attributes:
        forward_func: The model, or a function that runs it.
        inversion_layer: The layer whose features are kept.
        mask_layer: The layer whose channels make the mask; None for the inversion layer.
        device_ids: The order in which a `torch.nn.DataParallel` model splits its inputs.
        channel_dim: Axis of the mask layer's channels, or None.
    """

    forward_func: Callable[..., Any]
    inversion_layer: WatchedLayer
    mask_layer: WatchedLayer | None
    device_ids: Sequence[int] | None
    channel_dim: int | None

    @classmethod
    def of(
        cls,
        forward_func: Callable[..., Any],
        inversion_layer: object,
        mask_layer: object,
        device_ids: Sequence[int] | None,
        channel_dim: int | None,
    ) -> Call:
        """Find the layers by module or dotted name.

        Raises:
            TypeError: ``forward_func`` cannot be called, a layer is neither, or ``channel_dim`` is
                no integer.
            ValueError: the model has no layer of this name.
        """
        if not callable(forward_func):
            raise TypeError(
                f"forward_func is of type {type(forward_func).__name__}; expected a "
                "torch.nn.Module or a function"
            )
        given_dim: object = channel_dim
        whole = isinstance(given_dim, numbers.Integral) and not isinstance(given_dim, bool)
        if given_dim is not None and not whole:
            raise TypeError(f"channel_dim is {shown(channel_dim)}; expected an integer or None")
        # The layers of a compiled model can be watched in the model that was compiled.
        model: Callable[..., Any] = getattr(forward_func, "_orig_mod", forward_func)
        inversion = WatchedLayer.of(model, "inversion_layer", inversion_layer)
        given = mask_layer is not None
        mask = WatchedLayer.of(model, "mask_layer", mask_layer) if given else None
        return cls(model, inversion, mask, device_ids, channel_dim)

    def run(
        self,
        inputs: Tensor | tuple[Tensor, ...],
        goal: Goal | None,
        settings: InversionSettings,
        additional_forward_args: object,
        *,
        at_input: bool,
        show_progress: bool,
        with_outputs: bool,
    ) -> InversionDetails:
        """Run both stages.

        Args:
            inputs: Pictures, or a tuple with them.
            goal: What stage 2 is about; None to stop after stage 1.
            settings: The constants.
            additional_forward_args: As in Captum.
            at_input: Take the channels from what the mask layer gets.
            show_progress: Draw progress bars.
            with_outputs: Whether to run the model on what the masks keep and leave over.
        """
        pictures = only_pictures(inputs)
        model = self.forward_func
        known = model_device(model) if isinstance(model, nn.Module) else None
        device = known or pictures.device
        inversion_layer, mask_layer = self.inversion_layer, self.mask_layer
        if mask_layer is None:
            inversion_layer = mask_layer = inversion_layer.at(at_input)
        layers = inversion_layer, mask_layer.at(at_input)
        extra = to_device(additional_forward_args, device)
        with prepared(model, device, extra, self.device_ids) as runs:
            own = to_device(pictures.detach(), device).clone()
            inversion = Inversion.of(runs, own, layers, goal, settings, self.channel_dim)
            causes = inversion.neutral()
            neutral = torch.stack(list(causes.values())).any(0)
            found = _both_stages(
                inversion, neutral, show_progress=show_progress, with_outputs=with_outputs
            )
        found.warn(causes)
        if isinstance(inputs, tuple) and isinstance(found.attributions, Tensor):
            return replace(found, attributions=(found.attributions,))
        return found


def _both_stages(
    inversion: Inversion, neutral: Tensor, *, show_progress: bool, with_outputs: bool
) -> InversionDetails:
    settled = inversion.undisturbed.goal
    first = last = inversion.invert(show_progress=show_progress)
    if settled is not None:
        last = inversion.pursue(settled, first.parameters, show_progress=show_progress)
    with torch.no_grad():
        # What stopped in stage 1 has no part in stage 2.
        stopped = first.interrupted.unsqueeze(1)
        parameters = torch.where(stopped, first.parameters, last.parameters)
        masks = inversion.masks(parameters)
        # Up-sampling may round beyond 1.
        masks = torch.where(neutral[:, None, None, None], _NEUTRAL, masks.clamp(0, 1))
        outputs: list[Tensor | None] = [None, None]
        if settled is not None and with_outputs:
            both = inversion.kept(masks), inversion.left_over(masks)
            outputs = [inversion.goal_values(settled, pictures) for pictures in both]
    pictures = inversion.pictures
    channels = inversion.settings.mask == "channels"
    return InversionDetails(
        attributions=masks.to(pictures.dtype).expand_as(pictures).contiguous(),
        mask=masks,
        channel_weights=parameters if channels else None,
        inversion_loss=first.losses,
        target_loss=last.losses if settled is not None else first.losses[:, :0],
        input_output=inversion.undisturbed.values,
        masked_output=outputs[0],
        background_output=outputs[1],
        collapsed=(first.collapsed | last.collapsed) & ~neutral,
        interrupted=(first.interrupted | last.interrupted) & ~neutral,
        neutral=neutral,
    )

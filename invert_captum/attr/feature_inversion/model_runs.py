"""A model prepared for many forward passes: frozen, in eval mode, with the caller's autocast."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from invert_captum._compat import uncompiled
from invert_captum.activations.evaluation import evaluating
from invert_captum.attr.feature_inversion.watched_layers import run_watched
from invert_captum.attr.fresh_arguments import fresh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor

    from invert_captum.attr.feature_inversion.watched_layers import WatchedLayer


@dataclass(frozen=True)
class ModelRuns:
    """Runs a model on pictures.

    Attributes:
        forward_func: The model, or a function that runs it.
        extra: Further arguments by position.
        device_ids: The order in which a `torch.nn.DataParallel` model splits its inputs.
        autocast: Arguments of `torch.autocast` as the caller had set it.
    """

    forward_func: Callable[..., Any]
    extra: tuple[object, ...]
    device_ids: Sequence[int] | None
    autocast: dict[str, Any]

    def __call__(
        self, pictures: Tensor, layers: Sequence[WatchedLayer], *, to_end: bool
    ) -> tuple[Any, list[Any]]:
        """Return the model's output and what layers give; see `run_watched`."""
        # A model may work in place on what it is given, and autograd takes no inference tensors.
        extra = fresh(self.extra)
        with torch.autocast(**self.autocast):
            return run_watched(
                lambda: self.forward_func(pictures, *extra),
                layers,
                to_end=to_end,
                device_ids=self.device_ids,
            )


@contextmanager
def prepared(
    forward_func: Callable[..., Any],
    device: torch.device,
    additional_forward_args: object,
    device_ids: Sequence[int] | None,
) -> Iterator[ModelRuns]:
    """Give a model to run, and leave it as it was.

    Inside the ``with`` block gradients are recorded, but not for the model's parameters, and
    autocast is off but for the model: masks and losses are computed in full.

    Args:
        forward_func: The model, or a function that runs it, of which no mode or parameters are
            known.
        device: Of the pictures.
        additional_forward_args: As in Captum.
        device_ids: The order in which a `torch.nn.DataParallel` model splits its inputs.

    Raises:
        ValueError: the model was made in inference mode.
    """
    given = additional_forward_args
    extra = () if given is None else given if isinstance(given, tuple) else (given,)
    autocast = {
        "device_type": device.type,
        "dtype": torch.get_autocast_dtype(device.type),
        "enabled": torch.is_autocast_enabled(device.type),
        # Kept weights would be those of a frozen model, for the caller, too.
        "cache_enabled": False,
    }
    known = getattr(forward_func, "device_ids", None)
    ids = device_ids if device_ids is not None else known
    with (
        torch.inference_mode(mode=False),
        torch.enable_grad(),
        torch.autocast(device.type, enabled=False),
        uncompiled(),
    ):
        runs = ModelRuns(forward_func, extra, ids, autocast)
        if not isinstance(forward_func, nn.Module):
            yield runs
            return
        _check_recordable(forward_func)
        with evaluating(forward_func):
            for weight in forward_func.parameters():
                weight.requires_grad = False
            yield runs


def _check_recordable(model: nn.Module) -> None:
    for name, tensor in chain(model.named_parameters(), model.named_buffers()):
        if tensor.is_inference():
            raise ValueError(
                f"forward_func has {name!r}, which was made in torch.inference_mode() and has no "
                "gradients; expected a model that was made, or loaded, outside of it"
            )

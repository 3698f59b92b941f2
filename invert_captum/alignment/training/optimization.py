"""A step of an optimizer on one or several batches, which either happens or leaves no trace."""

from __future__ import annotations

import math
import numbers
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from invert_captum._validation import shown
from invert_captum.alignment.loss.harmonization_loss import HarmonizationTerms
from invert_captum.alignment.loss.second_derivatives import attention_that_differentiates_twice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from torch.amp import GradScaler
    from torch.optim import Optimizer


class Batch(NamedTuple):
    """What the loss is given, and what its refusals call it; see `harmonization_step`."""

    images: Tensor
    labels: Tensor
    heatmaps: Tensor
    tokens: Tensor | None
    name: str | None = None


@dataclass(frozen=True)
class StepSettings:
    """How a step is made; see `harmonization_step`.

    Raises:
        TypeError: ``loss`` cannot be called, ``max_grad_norm`` is no number, or ``autocast_dtype``
            no dtype of PyTorch.
        ValueError: ``max_grad_norm`` is not above 0.
    """

    loss: Callable[..., HarmonizationTerms]
    max_grad_norm: float | None = None
    scaler: GradScaler | None = None
    autocast_dtype: torch.dtype | None = None

    def __post_init__(self) -> None:
        _check_loss(self.loss)
        _check_norm(self.max_grad_norm)
        dtype = self.autocast_dtype
        if dtype is not None and not isinstance(dtype, torch.dtype):
            raise TypeError(
                f"autocast_dtype is {shown(dtype)}; expected a dtype such as torch.bfloat16"
            )


def _check_loss(loss: object) -> None:
    if not callable(loss) or isinstance(loss, type):
        factor = loss if isinstance(loss, (int, float)) and not isinstance(loss, bool) else 1.0
        raise TypeError(
            f"loss is {shown(loss)}; expected a function of the model and a batch, such as "
            f"loss=HarmonizationLoss(lambda_harmonization={factor})"
        )


def _check_norm(norm: object) -> None:
    if norm is None:
        return
    if isinstance(norm, bool) or not isinstance(norm, numbers.Real):
        raise TypeError(f"max_grad_norm is {shown(norm)}; expected a number above 0")
    if not float(norm) > 0:
        raise ValueError(f"max_grad_norm is {norm}; expected a number above 0")


class StepOutcome(NamedTuple):
    """The loss of a step and what came of it.

    Args:
        terms: The terms of the loss, detached.
        grad_norm: Euclidean norm of the gradients before clipping.
        left_out: Whether the scaler left the step out.
    """

    terms: HarmonizationTerms
    grad_norm: float
    left_out: bool

    def advance(self, scheduler: LRScheduler) -> None:
        """Let a scheduler take one step, unless the scaler left this one out."""
        if not self.left_out:
            advance(scheduler, float(self.terms.total))


def advance(scheduler: LRScheduler, measure: float) -> None:
    """Let a scheduler take one step, by a measure if it needs one."""
    if isinstance(scheduler, ReduceLROnPlateau):
        scheduler.step(measure)
    else:
        scheduler.step()


def check_optimizer(model: nn.Module, optimizer: Optimizer) -> None:
    """Refuse an optimizer of another model, or one that calls the model itself."""
    if isinstance(optimizer, torch.optim.LBFGS):
        raise TypeError("optimizer is LBFGS, whose step needs a closure; expected one without")
    of_model = {id(parameter) for parameter in model.parameters()}
    if not any(id(parameter) in of_model for parameter in _parameters(optimizer)):
        raise ValueError(
            "optimizer has none of model's parameters; expected an optimizer made from "
            "model.parameters(), after the model was copied or wrapped"
        )


def check_scheduler(scheduler: LRScheduler | None, optimizer: Optimizer) -> None:
    """Refuse a scheduler that would leave the optimizer's learning rate as it is."""
    if scheduler is not None and getattr(scheduler, "optimizer", optimizer) is not optimizer:
        raise ValueError("scheduler is of another optimizer; expected one made from optimizer")


def optimize(
    model: nn.Module, optimizer: Optimizer, batches: Sequence[Batch], settings: StepSettings
) -> StepOutcome:
    """Take one step by the mean loss over the rows of all ``batches``.

    The loss of each batch is weighted by its share of the rows. The terms that are means over rows
    become those of the joined batch, and the weight decay counts once.

    Raises:
        FloatingPointError: the loss or, without a scaler, its gradient is not finite.
        ValueError: no parameter of the optimizer has a gradient.
    """
    scaler = settings.scaler if settings.scaler and settings.scaler.is_enabled() else None
    optimizer.zero_grad(set_to_none=True)
    # Parameters that the optimizer does not have would add up gradients from step to step.
    model.zero_grad(set_to_none=True)
    with _untouched_on_error(model, optimizer):
        terms = _backward(model, batches, settings, scaler)
        if all(parameter.grad is None for parameter in _parameters(optimizer)):
            raise ValueError(
                "none of optimizer's parameters got a gradient: they are frozen, or the loss does "
                "not depend on them"
            )
        if scaler is not None:
            scaler.unscale_(optimizer)
        norm = _clip(_parameters(optimizer), settings.max_grad_norm)
        if scaler is None and not math.isfinite(norm):
            raise FloatingPointError(
                f"the gradients' norm is {norm}, with a total loss of {float(terms.total)}; "
                "expected a finite number. The weights are as before the step"
            )
    if scaler is None:
        optimizer.step()
        return StepOutcome(terms, norm, left_out=False)
    scale = scaler.get_scale()
    scaler.step(optimizer)
    scaler.update()
    return StepOutcome(terms, norm, left_out=scaler.get_scale() < scale)


def _backward(
    model: nn.Module,
    batches: Sequence[Batch],
    settings: StepSettings,
    scaler: GradScaler | None,
) -> HarmonizationTerms:
    """Add up the gradients of all batches, and return the terms of the joined batch."""
    n_rows = sum(len(batch.images) for batch in batches)
    found: list[Tensor] = []
    for images, labels, heatmaps, tokens, name in batches:
        with _naming(name), _autocast(images, settings.autocast_dtype):
            terms = settings.loss(model, images, labels, heatmaps, tokens)
        _check_terms(terms)
        share = len(images) / n_rows
        total = terms.total * share
        # Parts of the model under torch.utils.checkpoint run again, and need the kernel again.
        with attention_that_differentiates_twice():
            (total if scaler is None else scaler.scale(total)).backward()  # type: ignore[no-untyped-call]
        found.append(torch.stack([term.detach() for term in terms]) * share)
    return HarmonizationTerms(*torch.stack(found).sum(0))


@contextmanager
def _naming(batch: str | None) -> Iterator[None]:
    """Put the name of a batch before what the block refuses."""
    try:
        yield
    except (TypeError, ValueError) as error:
        # Others of their kinds, such as UnicodeDecodeError, are not made of a message alone.
        if batch is None or type(error) not in (TypeError, ValueError):
            raise
        raise type(error)(f"{batch}: {error}") from error


def _autocast(images: Tensor, dtype: torch.dtype | None) -> AbstractContextManager[object]:
    return nullcontext() if dtype is None else torch.autocast(images.device.type, dtype)


def _check_terms(terms: HarmonizationTerms) -> None:
    if not isinstance(terms, HarmonizationTerms):
        raise TypeError(f"loss returned {type(terms).__name__}; expected HarmonizationTerms")
    if terms.total.ndim:
        raise ValueError(
            f"loss returned a total of shape {tuple(terms.total.shape)}; expected a tensor without "
            "axes. DataParallel may wrap the model, but not the loss"
        )
    if not torch.isfinite(terms.total):
        parts = ", ".join(f"{name} is {term.item()}" for name, term in terms._asdict().items())
        raise FloatingPointError(
            f"the loss is not finite: {parts}; expected finite numbers. The weights are as before "
            "the step. A lower learning rate or max_grad_norm may help"
        )


def _parameters(optimizer: Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _clip(parameters: Sequence[Tensor], max_norm: float | None) -> float:
    """Return the Euclidean norm of all gradients, after clipping them to ``max_norm``."""
    if max_norm is not None:
        return float(nn.utils.clip_grad_norm_(parameters, max_norm))
    norms = [torch.linalg.vector_norm(p.grad) for p in parameters if p.grad is not None]
    device = parameters[0].device
    return float(torch.linalg.vector_norm(torch.stack([norm.to(device) for norm in norms])))


@contextmanager
def _untouched_on_error(model: nn.Module, optimizer: Optimizer) -> Iterator[None]:
    """Put buffers back and drop gradients if the block fails."""
    # A forward pass in training mode moves the statistics of batch norm, also towards NaN.
    before = [(buffer, buffer.detach().clone()) for buffer in model.buffers()]
    try:
        yield
    except BaseException:
        with torch.no_grad():
            for buffer, value in before:
                buffer.copy_(value)
        optimizer.zero_grad(set_to_none=True)
        model.zero_grad(set_to_none=True)
        raise

"""One Adam for many pictures, each with a loss of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from invert_captum.attr.feature_inversion.mask_parameters import MaskParameters


@dataclass(frozen=True)
class Optimum:
    """Where an optimisation ended.

    Attributes:
        parameters: Shape (n, k).
        losses: Shape (n, n_steps): the loss before each step.
        collapsed: bool (n,): whether a step was left out because no mask would have been left.
        interrupted: bool (n,): whether the loss became NaN or infinite; such a row keeps the last
            parameters with a finite loss.
    """

    parameters: Tensor
    losses: Tensor
    collapsed: Tensor
    interrupted: Tensor


def minimise(
    start: Tensor,
    terms: Sequence[Callable[[Tensor], Tensor]],
    mask: MaskParameters,
    steps: Iterable[int],
    learning_rate: float,
    halve_every: int | None = None,
) -> Optimum:
    """Minimise the sum of some terms for every row at once.

    Rows do not know of each other: Adam works number by number, and every guard row by row.

    Args:
        start: Shape (n, k).
        terms: Functions from parameters (n, k) to losses (n,). Each is derived by itself, so that
            the graph of only one is kept.
        mask: Says which parameters are valid.
        steps: As many items as there are steps.
        learning_rate: Of Adam.
        halve_every: After so many steps the learning rate is halved; None: never.
    """
    parameters = start.detach().clone().requires_grad_()
    adam = torch.optim.Adam([parameters], lr=learning_rate)
    finite = start.detach().clone()
    none = torch.zeros(len(start), dtype=torch.bool, device=start.device)
    collapsed, interrupted = none, none
    losses: list[Tensor] = []
    for step in steps:
        if halve_every is not None:
            adam.param_groups[0]["lr"] = learning_rate * 0.5 ** (step // halve_every)
        loss, slopes = _derived(terms, parameters)
        losses.append(loss)
        interrupted = interrupted | ~(loss.isfinite() & slopes.isfinite().all(1))
        going = ~interrupted.unsqueeze(1)
        with torch.no_grad():
            finite = torch.where(going, parameters, finite)
            parameters.grad = torch.where(going, slopes, 0)
            adam.step()
            stepped = mask.clipped(parameters)
            flat = mask.are_flat(stepped) & ~interrupted
            collapsed = collapsed | flat
            parameters.copy_(torch.where(going & ~flat.unsqueeze(1), stepped, finite))
    curves = torch.stack(losses, 1) if losses else start.new_zeros(len(start), 0)
    return Optimum(parameters.detach(), curves, collapsed, interrupted)


def _derived(
    terms: Sequence[Callable[[Tensor], Tensor]], parameters: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the sum of the terms (n,) and its derivative (n, k)."""
    loss, slopes = parameters.new_zeros(len(parameters)), torch.zeros_like(parameters)
    for term in terms:
        value = term(parameters)
        if not value.requires_grad:
            raise ValueError(
                "forward_func gives something that has no gradient with respect to the inputs, as "
                "under torch.no_grad() or after detach(); expected a model that can be derived"
            )
        (slope,) = torch.autograd.grad(value.sum(), parameters)
        loss, slopes = loss + value.detach(), slopes + slope
    return loss, slopes

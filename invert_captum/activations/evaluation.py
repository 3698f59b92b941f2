"""A model in eval mode for a while, and afterwards exactly as it was."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put ``model`` into eval mode inside the ``with`` block and undo it, also after an error.

    Every submodule gets its own flag back, so that a frozen batch norm inside a model in training
    stays frozen; parameters get their own ``requires_grad`` and ``grad`` back.

    Args:
        model: The model.

    Examples:
        >>> from torch import nn
        >>> model = nn.Sequential(nn.Dropout(), nn.BatchNorm1d(3).eval())
        >>> with evaluating(model):
        ...     [module.training for module in model.modules()]
        [False, False, False]
        >>> [module.training for module in model.modules()]
        [True, True, False]
    """
    # The flag is set directly, because train() and eval() may be overridden with side effects
    # (LoRA layers merge their weights) that the opposite call would not undo one module at a time.
    training = [(module, module.training) for module in model.modules()]
    gradients = [(weight, weight.requires_grad, weight.grad) for weight in model.parameters()]
    try:
        for module, _ in training:
            module.training = False
        yield
    finally:
        for module, flag in training:
            module.training = flag
        for weight, requires_grad, grad in gradients:
            if weight.requires_grad != requires_grad:
                weight.requires_grad_(requires_grad)
            if weight.grad is not grad:
                weight.grad = grad

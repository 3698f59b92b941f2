"""Whether a model can be differentiated twice: the loss is trained through its gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    import torch
    from torch.autograd.graph import Node

# What torch.autograd puts where the derivative is not known, and where once_differentiable ends it.
_ENDS = ("NotImplemented", "Error")


def attention_that_differentiates_twice() -> AbstractContextManager[None]:
    """Choose the kernel of ``scaled_dot_product_attention`` that has a second derivative."""
    context: AbstractContextManager[None] = sdpa_kernel(SDPBackend.MATH)
    return context


def refuse_compiled(logits: torch.Tensor) -> None:
    """Refuse outputs of code that AOTAutograd has compiled, which differentiates only once.

    Raises:
        ValueError: If ``logits`` came through such code.
    """
    if any("CompiledFunction" in node.name() for node in _nodes(logits)):
        raise ValueError(
            "model is compiled through AOTAutograd (torch.compile), which has no second "
            "derivative; harmonize the model as it was before torch.compile "
            "(compiled._orig_mod) or model.compile(), or compile with backend='eager'"
        )


def refuse_single_derivatives(model: nn.Module, gradient: torch.Tensor) -> None:
    """Refuse a gradient through operations that have no second derivative.

    Raises:
        ValueError: If there is such an operation.
    """
    if any(node.name().rpartition("::")[2] in _ENDS for node in _nodes(gradient)):
        named = [name for name, part in model.named_modules() if isinstance(part, nn.Hardsigmoid)]
        cause = (
            f"Hardsigmoid at {', '.join(named)}" if named else "a function that torch does not name"
        )
        raise ValueError(
            f"model has operations without a second derivative ({cause}), so that its gradient "
            "cannot be trained; replace torch.nn.Hardsigmoid by relu6(x + 3) / 6, which is the "
            "same function, attention that was written for one kernel by "
            "torch.nn.functional.scaled_dot_product_attention, and a torch.autograd.Function with "
            "once_differentiable by operations of torch"
        )


def _nodes(tensor: torch.Tensor) -> Iterator[Node]:
    """Yield the operations that led to ``tensor``, each once."""
    seen: set[Node] = set()
    waiting = [tensor.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        yield node
        waiting += [before for before, _ in node.next_functions]

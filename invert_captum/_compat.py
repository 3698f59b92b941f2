"""What differs between the versions of torch that are allowed."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch


def uncompiled() -> AbstractContextManager[Any]:
    """Let compiled functions and modules run as they were written inside the ``with`` block.

    Compiled code does not see hooks that came after it. Before torch 2.6 nothing is done.
    """
    # What was never imported has compiled nothing, and importing it takes seconds.
    if "torch._dynamo" not in sys.modules:
        return nullcontext()
    set_stance = getattr(torch.compiler, "set_stance", None)
    return nullcontext() if set_stance is None else set_stance("force_eager")

"""Copies of a model's arguments, because a model may work in place on what it is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor


def fresh(value: Any) -> Any:
    """Return ``value`` with every tensor inside tuples, lists and mappings copied and detached.

    Examples:
        >>> import torch
        >>> given = (torch.zeros(2), {"shift": torch.ones(1)})
        >>> for own in (fresh(given), fresh(given)):
        ...     _ = own[1]["shift"].add_(1)
        >>> given[1]["shift"].item()
        1.0
    """
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, Mapping):
        return {key: fresh(item) for key, item in value.items()}
    if type(value) in (tuple, list):
        return type(value)(fresh(item) for item in value)
    return value

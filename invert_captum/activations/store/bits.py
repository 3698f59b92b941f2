"""Torch tensors as arrays of their bits, and back: NumPy has no bfloat16."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor


def to_bits(rows: Tensor) -> NDArray[Any]:
    """Return the values of a tensor on the CPU as an array; bfloat16 as uint16.

    Examples:
        >>> to_bits(torch.tensor([1.0], dtype=torch.bfloat16))
        array([16256], dtype=uint16)
    """
    if rows.dtype == torch.bfloat16:
        return rows.contiguous().view(torch.int16).numpy().view(np.uint16)
    return rows.numpy()


def from_bits(bits: NDArray[Any], dtype: str) -> Tensor:
    """Return the tensor whose bits these are, sharing their memory.

    Args:
        bits: Array as `to_bits` gives it.
        dtype: Name of the tensor's dtype, such as ``"bfloat16"``.
    """
    if dtype == "bfloat16":
        return torch.from_numpy(bits.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(bits)


def dtype_name(tensor: Tensor) -> str:
    """Return the name of a tensor's dtype without the package, such as ``"bfloat16"``."""
    return str(tensor.dtype).removeprefix("torch.")

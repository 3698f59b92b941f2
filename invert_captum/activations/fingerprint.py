"""Which weights a model had, as one short string."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import nn


def model_fingerprint(model: nn.Module) -> str:
    """Return the SHA-256 of the tensors in the model's state dict, in hexadecimal.

    Names (sorted), dtypes, shapes and bytes enter it; the device and the layout in memory do not.

    Args:
        model: The model.

    Returns:
        64 hexadecimal digits, the same for the same weights on every device.

    Examples:
        >>> weights = torch.nn.Linear(2, 1)
        >>> before = model_fingerprint(weights)
        >>> with torch.no_grad():
        ...     _ = weights.bias.add_(1)
        >>> before == model_fingerprint(weights)
        False
    """
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        # Modules may add state of any other type, whose bytes are not defined.
        if isinstance(value, torch.Tensor):
            digest.update(f"{name}\0{value.dtype}\0{tuple(value.shape)}\0".encode())
            dense = value.dequantize() if value.is_quantized else value.detach()
            dense = dense if dense.layout == torch.strided else dense.to_dense()
            flat = dense.to("cpu").contiguous().reshape(-1)
            # NumPy has no bfloat16: look at the bytes.
            digest.update(flat.view(torch.uint8).numpy().data)
    return digest.hexdigest()

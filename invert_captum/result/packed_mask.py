"""Splits of samples as text, so that they fit into a file."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def pack_mask(mask: NDArray[np.bool_]) -> str:
    """Return a boolean vector as text, eight samples a byte, base64."""
    return base64.b64encode(np.packbits(mask).tobytes()).decode("ascii")


def unpack_mask(packed: str, n_samples: int) -> NDArray[np.bool_]:
    """Return the boolean vector of shape (n_samples,) that `pack_mask` packed.

    Raises:
        ValueError: If ``packed`` is not of ``n_samples`` samples.
    """
    content = _decoded("heldout", packed)
    if len(content) != -(-n_samples // 8):
        raise ValueError(f"heldout has {len(content)} bytes, which do not fit {n_samples} samples")
    bits = np.unpackbits(np.frombuffer(content, dtype=np.uint8), count=n_samples)
    return bits.astype(np.bool_)


def pack_folds(folds: NDArray[np.int64]) -> str:
    """Return fold numbers from 0 to 255 as text, a byte a sample, base64."""
    return base64.b64encode(folds.astype(np.uint8).tobytes()).decode("ascii")


def unpack_folds(packed: str, n_samples: int) -> NDArray[np.int64]:
    """Return the fold numbers, int64 of shape (n_samples,), that `pack_folds` packed.

    Raises:
        ValueError: If ``packed`` is not of ``n_samples`` samples.
    """
    content = _decoded("folds", packed)
    if len(content) != n_samples:
        raise ValueError(f"folds has {len(content)} numbers for {n_samples} samples")
    return np.frombuffer(content, dtype=np.uint8).astype(np.int64)


def _decoded(name: str, packed: str) -> bytes:
    try:
        return base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"{name} is no base64 text") from error

"""Boolean vectors as text, so that a split fits into a file."""

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
    try:
        content = base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("heldout is no base64 text") from error
    if len(content) != -(-n_samples // 8):
        raise ValueError(f"heldout has {len(content)} bytes, which do not fit {n_samples} samples")
    bits = np.unpackbits(np.frombuffer(content, dtype=np.uint8), count=n_samples)
    return bits.astype(np.bool_)

"""Single chunks: the bytes that zarr's codecs transpose, bytes and crc32c give, and back.

Zarr itself reads a missing chunk as zeros and does not tell which chunk a checksum error is in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import google_crc32c
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from invert_captum.activations.store.layout import LayerLayout, Layout


def encode_chunk(rows: NDArray[Any], layer: LayerLayout, block_rows: int) -> tuple[bytes, int]:
    """Return the content of a chunk file and its checksum.

    Args:
        rows: The bits of the activations, shape (at most ``block_rows``, at most
            ``layer.chunk_neurons``); the rest of the chunk is zeros.
        layer: The layer.
        block_rows: Rows of a whole chunk.
    """
    # A row per neuron, because reading goes by neurons.
    whole = np.zeros((layer.chunk_neurons, block_rows), layer.bits)
    whole[: rows.shape[1], : rows.shape[0]] = rows.T
    values = whole.tobytes()
    checksum = int(google_crc32c.value(values))
    return values + checksum.to_bytes(4, "little"), checksum


def decode_chunk(content: bytes, layer: LayerLayout, layout: Layout, checksum: int) -> NDArray[Any]:
    """Return the bits of a chunk, a row per neuron: shape (chunk_neurons, block_rows).

    Args:
        content: Content of the chunk file.
        layer: The layer.
        layout: The layout of the store.
        checksum: The checksum in the record of the row block.

    Raises:
        ValueError: the content is not what was written.
    """
    expected = layout.chunk_bytes(layer)
    if len(content) != expected:
        raise ValueError(f"has {len(content):,} bytes; expected {expected:,}")
    if google_crc32c.value(content[:-4]) != int.from_bytes(content[-4:], "little"):
        raise ValueError("does not match its checksum: it was changed or damaged")
    if int.from_bytes(content[-4:], "little") != checksum:
        raise ValueError("is not the one that was written for these rows")
    shape = (layer.chunk_neurons, layout.block_rows)
    return np.frombuffer(content, layer.bits, count=shape[0] * shape[1]).reshape(shape)


def readable(bits: NDArray[Any], dtype: str) -> NDArray[Any]:
    """Return stored bits as numbers; bfloat16 as float32, which holds it exactly."""
    if dtype != "bfloat16":
        return bits
    return (bits.astype(np.uint32) << 16).view(np.float32)

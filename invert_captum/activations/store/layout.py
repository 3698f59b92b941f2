"""How the activations of a store are cut into chunks: row blocks × groups of neurons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

# The dtypes of activations, and how their bits are kept: zarr knows no bfloat16.
BITS = {
    "float16": "<f2",
    "bfloat16": "<u2",
    "float32": "<f4",
    "float64": "<f8",
    "int8": "|i1",
    "int16": "<i2",
    "int32": "<i4",
    "int64": "<i8",
    "uint8": "|u1",
    "bool": "|b1",
}

_CHUNK_BYTES = 2**21
_BLOCK_BYTES = 2**27
# So many neurons are read at once without reading anything twice.
_CHUNK_NEURONS = 64
_MAX_CHUNK_NEURONS = 256


@dataclass(frozen=True)
class LayerLayout:
    """How one layer is stored.

    Args:
        name: Name of the layer in the model.
        array: Name of the zarr array.
        n_neurons: Columns d.
        dtype: One of the keys of `BITS`.
        chunk_neurons: Columns in a chunk.
    """

    name: str
    array: str
    n_neurons: int
    dtype: str
    chunk_neurons: int

    @property
    def bits(self) -> np.dtype[np.generic]:
        """The dtype of the zarr array."""
        return np.dtype(BITS[self.dtype])

    @property
    def n_chunks(self) -> int:
        """How many chunks lie side by side in a row block."""
        return -(-self.n_neurons // self.chunk_neurons)

    def columns(self, chunk: int) -> slice:
        """Return the neurons of a chunk."""
        start = chunk * self.chunk_neurons
        return slice(start, min(start + self.chunk_neurons, self.n_neurons))

    def key(self, block: int, chunk: int) -> str:
        """Return where a chunk is kept inside the store."""
        return f"{self.array}/c/{block}/{chunk}"


@dataclass(frozen=True)
class Layout:
    """How all layers are stored.

    Args:
        layers: The layers.
        block_rows: Rows in a row block, that is in every chunk.
    """

    layers: tuple[LayerLayout, ...]
    block_rows: int

    def n_blocks(self, n_samples: int) -> int:
        """Return how many row blocks so many samples make."""
        return -(-n_samples // self.block_rows)

    def chunk_bytes(self, layer: LayerLayout) -> int:
        """Return the size of every chunk file of a layer: the values and a checksum."""
        return self.block_rows * layer.chunk_neurons * layer.bits.itemsize + 4


def plan_layout(
    layers: Sequence[tuple[str, int, str]], batch_size: int, n_samples: int | None
) -> Layout:
    """Choose chunks of about 2 MB, in row blocks of at most 128 MB that are whole batches.

    Args:
        layers: Name, number of neurons and dtype of every layer.
        batch_size: Samples in a batch; a row block has at least one batch.
        n_samples: Number of samples, if it is known.

    Examples:
        >>> layout = plan_layout([("fc", 512, "float32")], 64, 1_000_000)
        >>> layout.block_rows, layout.layers[0].chunk_neurons, layout.n_blocks(1_000_000)
        (8192, 64, 123)
    """
    sizes = [np.dtype(BITS[dtype]).itemsize for _, _, dtype in layers]
    row_bytes = sum(n * size for (_, n, _), size in zip(layers, sizes, strict=True))
    rows = min(_CHUNK_BYTES // (_CHUNK_NEURONS * max(sizes)), _BLOCK_BYTES // row_bytes)
    rows = max(rows // batch_size, 1) * batch_size
    if n_samples is not None:
        # Blocks of even size: the last one is filled up with zeros.
        n_batches = -(-n_samples // batch_size)
        n_blocks = -(-n_samples // rows)
        rows = min(n_samples, -(-n_batches // n_blocks) * batch_size)
    planned = []
    for index, ((name, n_neurons, dtype), size) in enumerate(zip(layers, sizes, strict=True)):
        most = max(_CHUNK_BYTES // (rows * size), 1)
        if n_samples is None or n_samples > rows:
            most = min(max(most, _CHUNK_NEURONS), _MAX_CHUNK_NEURONS)
        n_chunks = -(-n_neurons // most)
        width = -(-n_neurons // n_chunks)
        planned.append(LayerLayout(name, f"layer_{index}", n_neurons, dtype, width))
    return Layout(tuple(planned), rows)

"""What makes the store a zarr group that any reader of zarr v3 opens."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zarr.core.buffer import Buffer

    from invert_captum.activations.store.layout import Layout


def zarr_documents(layout: Layout, n_samples: int) -> dict[str, bytes]:
    """Return the ``zarr.json`` files of the group and its arrays, by key.

    Args:
        layout: How the layers are stored.
        n_samples: Rows of the arrays; 0 as long as their number is not known.
    """
    import zarr
    from zarr.codecs import BytesCodec, Crc32cCodec, TransposeCodec
    from zarr.storage import MemoryStore

    documents: dict[str, Buffer] = {}
    names = {layer.array: layer.name for layer in layout.layers}
    group = zarr.create_group(MemoryStore(documents), attributes={"layers": names}, zarr_format=3)
    for layer in layout.layers:
        group.create_array(
            layer.array,
            shape=(n_samples, layer.n_neurons),
            chunks=(layout.block_rows, layer.chunk_neurons),
            dtype=layer.bits,
            filters=[TransposeCodec(order=(1, 0))],
            serializer=BytesCodec(endian="little"),
            compressors=[Crc32cCodec()],
            fill_value=layer.bits.type(0),
            attributes={"layer": layer.name, "dtype": layer.dtype},
        )
    return {key: buffer.to_bytes() for key, buffer in documents.items()}

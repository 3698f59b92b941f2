"""The rows of a store: which of them are there, and their chunks, checked when they are read."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

from invert_captum.activations.store.chunks import decode_chunk
from invert_captum.activations.store.manifest import Manifest, content_sha256, read_manifest
from invert_captum.activations.store.records import BlockRecord, read_records, record_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from invert_captum.activations.store.folder import Folder
    from invert_captum.activations.store.layout import LayerLayout


class StoredRows:
    """What an `ActivationStore` reads its answers from.

    Args:
        folder: Where the store is.
        manifest: What its manifest says.
    """

    def __init__(self, folder: Folder, manifest: Manifest) -> None:
        self._folder = folder
        self._manifest = manifest
        self._checked_records: list[BlockRecord] | None = None

    def _chunks(
        self, layer: LayerLayout, chunks: list[int]
    ) -> Iterator[tuple[BlockRecord, int, NDArray[Any]]]:
        """Yield row block, chunk and bits of all rows of some chunks, read one after the other."""
        index = self._manifest.layout.layers.index(layer)
        wanted = list(product(self._complete_records(), chunks))
        keys = (layer.key(record.block, chunk) for record, chunk in wanted)
        contents = self._folder.read_each(keys)
        for (record, chunk), content in zip(wanted, contents, strict=True):
            try:
                if isinstance(content, Exception):
                    raise content
                checksum = record.chunks[index][chunk]
                bits = decode_chunk(content, layer, self._manifest.layout, checksum)
            except FileNotFoundError as error:
                raise self._damaged(layer, record, chunk, "is missing") from error
            except ValueError as error:
                raise self._damaged(layer, record, chunk, str(error)) from error
            except Exception as error:
                raise OSError(
                    f"chunk {layer.key(record.block, chunk)!r} of {self._folder.location!r} "
                    f"cannot be read: {error}"
                ) from error
            yield record, chunk, bits

    def _damaged(self, layer: LayerLayout, record: BlockRecord, chunk: int, what: str) -> Exception:
        columns = layer.columns(chunk)
        return ValueError(
            f"chunk {layer.key(record.block, chunk)!r} of {self._folder.location!r} {what} (layer "
            f"{layer.name!r}, rows {record.start:,} to {record.stop - 1:,}, neurons "
            f"{columns.start:,} to {columns.stop - 1:,}); delete {record_key(record.block)!r} "
            "there and extract again with the same arguments to compute these rows anew"
        )

    def _layer(self, name: str | None) -> LayerLayout:
        layers = self._manifest.layout.layers
        if name is None and len(layers) == 1:
            return layers[0]
        for layer in layers:
            if layer.name == name:
                return layer
        raise ValueError(f"layer is {name!r}; expected one of {[one.name for one in layers]}")

    def _current(self) -> Manifest:
        """Return the manifest; as long as the store is not complete, it may change."""
        if not self._manifest.complete:
            self._manifest = read_manifest(self._folder) or self._manifest
        return self._manifest

    def _whole(self) -> list[BlockRecord] | None:
        """Return the records if they are those of the finished extraction, read only once."""
        manifest = self._current()
        if self._checked_records is None and manifest.complete:
            records = list(read_records(self._folder, manifest).values())
            if content_sha256(records) == manifest.content_sha256:
                self._checked_records = records
        return self._checked_records

    def _complete_records(self) -> list[BlockRecord]:
        records = self._whole()
        if records is None:
            raise self._incomplete()
        return records

    def _incomplete(self) -> Exception:
        there, n_samples = len(read_records(self._folder, self._manifest)), self._manifest.n_samples
        if n_samples is None:
            missing = f"{there:,} row blocks are there, and it is not known how many are missing"
        else:
            n_blocks = self._manifest.layout.n_blocks(n_samples)
            missing = f"{n_blocks - there:,} of its {n_blocks:,} row blocks are missing"
            if there == n_blocks:
                missing = "its row blocks were not checked together"
        return ValueError(
            f"the activation store at {self._folder.location!r} is not complete: {missing}; "
            "extract again with the same arguments and the same store to go on with them"
        )

"""`ActivationStore`: activations that are kept in a folder or at a URL, and read by neurons."""

from __future__ import annotations

import hashlib
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from invert_captum._validation import as_list, check_integer
from invert_captum.activations.store.chunks import decode_chunk, readable
from invert_captum.activations.store.folder import open_folder
from invert_captum.activations.store.manifest import Manifest, content_sha256, read_manifest
from invert_captum.activations.store.records import BlockRecord, read_records, record_key

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    import torch
    from numpy.typing import NDArray

    from invert_captum.activations.store.folder import Folder
    from invert_captum.activations.store.layout import LayerLayout


class ActivationStore:
    """Activations of one or several layers, (n samples × d neurons) each, outside of memory.

    `NeuronConceptLabeler.extract` makes it. It is a zarr v3 group with one array per layer, a
    manifest, and a record for every block of rows that is finished. Every chunk is checked against
    its checksum when it is read. An object pickles as its path or URL.

    Examples:
        >>> import tempfile
        >>> import torch
        >>> from invert_captum import NeuronConceptLabeler
        >>> labeler = NeuronConceptLabeler(torch.nn.Sequential(torch.nn.Linear(4, 3)), "0")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     store = labeler.extract(torch.rand(10, 4), store=f"{folder}/activations")
        ...     again = ActivationStore.open(f"{folder}/activations")
        ...     again.layers, again.n_samples, again.n_neurons(), again.dtype()
        ...     again.read("0", [2, 0]).shape
        (('0',), 10, 3, 'float32')
        (2, 10)
    """

    def __init__(self, folder: Folder, manifest: Manifest) -> None:
        self._folder = folder
        self._manifest = manifest
        self._checked_records: list[BlockRecord] | None = None

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> ActivationStore:
        """Open the store at a path or any URL that fsspec knows, such as ``s3://bucket/store``.

        Args:
            path: Where it is. An unfinished store can be opened, but not read.

        Raises:
            TypeError: ``path`` is neither a string nor a path.
            FileNotFoundError: there is no store.
            ValueError: its manifest is damaged.
        """
        folder = open_folder(path, "path")
        manifest = read_manifest(folder)
        if manifest is None:
            raise FileNotFoundError(f"there is no activation store at {folder.location!r}")
        return cls(folder, manifest)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).open, (self._folder.address,)

    def __repr__(self) -> str:
        layers = ", ".join(
            f"{layer.name!r}: {layer.n_neurons:,} neurons" for layer in self._manifest.layout.layers
        )
        return f"ActivationStore({self._folder.location!r}, {layers})"

    @property
    def location(self) -> str:
        """Absolute path or URL of the store."""
        return self._folder.address

    @property
    def manifest(self) -> dict[str, Any]:
        """Model, layers, reduction, sizes and versions, as plain data."""
        return self._current().document()

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers."""
        return tuple(layer.name for layer in self._manifest.layout.layers)

    @property
    def keyed_by_layer(self) -> bool:
        """Whether a list of layers was extracted, so that neurons go by layer and column."""
        return bool(self._manifest.origin["keyed_by_layer"])

    @property
    def complete(self) -> bool:
        """Whether all rows are there."""
        return self._whole() is not None

    @property
    def in_order(self) -> bool | None:
        """Whether the inputs came in an order that the caller knows; not if a loader shuffled."""
        return self._manifest.in_order

    @property
    def n_samples(self) -> int:
        """Number of samples n; `ValueError` if the extraction stopped before it was known."""
        n_samples = self._current().n_samples
        if n_samples is None:
            raise self._incomplete()
        return n_samples

    @property
    def sample_ids(self) -> list[str] | None:
        """Which sample each row is; None if the inputs did not tell. The store must be complete."""
        records = self._complete_records()
        if records[0].sample_ids is None:
            return None
        return [one for record in records for one in record.sample_ids or ()]

    def n_neurons(self, layer: str | None = None) -> int:
        """Return the number of neurons d of a layer; None stands for the only one."""
        return self._layer(layer).n_neurons

    def dtype(self, layer: str | None = None) -> str:
        """Return the dtype of a layer's activations, such as ``"bfloat16"``."""
        return self._layer(layer).dtype

    def chunk_neurons(self, layer: str | None = None) -> int:
        """Return how many neurons lie in one chunk: blocks of these are read without waste."""
        return self._layer(layer).chunk_neurons

    def fingerprint(self, layer: str | None = None) -> str:
        """Return a SHA-256 that tells these activations from others, without reading them.

        It is made of the hashes that were taken when the rows were written, and depends on how
        many rows make a block.

        Raises:
            ValueError: the store is not complete.
        """
        kept = self._layer(layer)
        index = self._manifest.layout.layers.index(kept)
        rows = self._manifest.layout.block_rows
        parts = [kept.dtype, str(kept.n_neurons), str(self.n_samples), str(rows)]
        parts += [record.layers_sha256[index] for record in self._complete_records()]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def read(self, layer: str | None, neurons: Sequence[int]) -> NDArray[Any]:
        """Return the activations of some neurons, reading each chunk that they lie in once.

        Args:
            layer: Name of the layer; None if there is only one.
            neurons: Columns, in any order.

        Returns:
            Contiguous array of shape (len(neurons), n), in the stored dtype; bfloat16 comes as
            float32, which holds it exactly.

        Raises:
            TypeError: a neuron is not an integer.
            ValueError: there is no such layer or neuron; the store is not complete; a chunk is
                missing or not as it was written (the message names it).
        """
        kept = self._layer(layer)
        columns = [check_integer("neurons", one, minimum=0) for one in as_list("neurons", neurons)]
        if columns and max(columns) >= kept.n_neurons:
            raise ValueError(
                f"neurons has {max(columns)}; expected column indices below {kept.n_neurons}"
            )
        wanted = np.array(columns, dtype=np.intp)
        chunk_of = wanted // kept.chunk_neurons
        dtype = np.dtype(np.float32) if kept.dtype == "bfloat16" else kept.bits.newbyteorder("=")
        found = np.empty((len(columns), self.n_samples), dtype)
        for record, chunk, bits in self._chunks(kept, np.unique(chunk_of).tolist()):
            places = np.flatnonzero(chunk_of == chunk)
            inside = wanted[places] - chunk * kept.chunk_neurons
            rows = bits[inside, : record.stop - record.start]
            found[places, record.start : record.stop] = readable(rows, kept.dtype)
        return found

    def load(self, layer: str | None = None) -> torch.Tensor:
        """Return all activations of a layer in memory, in the stored dtype.

        Args:
            layer: Name of the layer; None if there is only one.

        Returns:
            Tensor of shape (n, d).

        Raises:
            ValueError: as for `read`.
        """
        import torch

        kept = self._layer(layer)
        found = np.empty((self.n_samples, kept.n_neurons), kept.bits.newbyteorder("="))
        for record, chunk, bits in self._chunks(kept, list(range(kept.n_chunks))):
            columns = kept.columns(chunk)
            rows = bits[: columns.stop - columns.start, : record.stop - record.start].T
            found[record.start : record.stop, columns] = rows
        if kept.dtype == "bfloat16":
            return torch.from_numpy(found.view(np.int16)).view(torch.bfloat16)
        return torch.from_numpy(found)

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
        raise ValueError(f"layer is {name!r}; expected one of {list(self.layers)}")

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

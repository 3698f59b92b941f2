"""`ActivationStore`: activations that are kept in a folder or at a URL, and read by neurons."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from invert_captum._validation import as_list, check_integer
from invert_captum.activations.store.chunks import readable
from invert_captum.activations.store.folder import open_folder
from invert_captum.activations.store.manifest import read_manifest
from invert_captum.activations.store.stored_rows import StoredRows

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    import torch
    from numpy.typing import NDArray


class ActivationStore(StoredRows):
    """Activations of one or several layers, (n samples × d neurons) each, outside of memory.

    `NeuronConceptLabeler.extract` makes it, and `open` finds it again. It is a zarr v3 group with
    one array per layer, a manifest, and a record for every block of rows that is finished. Every
    chunk is checked against its checksum when it is read. An object pickles as its path or URL.

    Args:
        folder: Where the store is.
        manifest: What its manifest says.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import torch
        >>> from invert_captum import NeuronConceptLabeler
        >>> labeler = NeuronConceptLabeler(torch.nn.Sequential(torch.nn.Linear(4, 3)), "0")
        >>> folder = tempfile.TemporaryDirectory()
        >>> made = labeler.extract(torch.rand(10, 4), store=f"{folder.name}/activations")
        >>> store = ActivationStore.open(f"{folder.name}/activations")
        >>> store.layers, store.n_samples, store.n_neurons(), store.dtype()
        (('0',), 10, 3, 'float32')
        >>> store.read("0", [2, 0]).shape, store.load().shape
        ((2, 10), torch.Size([10, 3]))
        >>> store.complete, store.in_order, store.keyed_by_layer, store.sample_ids is None
        (True, True, False, True)
        >>> store.manifest["block_rows"], store.chunk_neurons(), Path(store.location).name
        (10, 3, 'activations')
        >>> store.fingerprint() == made.fingerprint()
        True
        >>> folder.cleanup()
    """

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> ActivationStore:
        """Open the store at a path or any URL that fsspec knows, such as ``s3://bucket/store``.

        Args:
            path: Where it is. An unfinished store can be opened, but not read.

        Returns:
            *ActivationStore*: only its manifest has been read.

        Raises:
            TypeError: ``path`` is neither a string nor a path.
            FileNotFoundError: there is no store.
            ValueError: its manifest is damaged, or fsspec does not know this kind of URL.
            ImportError: fsspec lacks a package that this kind of URL needs.
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
        """Number of samples n.

        Raises:
            ValueError: the extraction stopped before it was known.
        """
        n_samples = self._current().n_samples
        if n_samples is None:
            raise self._incomplete()
        return n_samples

    @property
    def sample_ids(self) -> list[str] | None:
        """Which sample each row is; None if the inputs did not tell.

        Raises:
            ValueError: the store is not complete.
        """
        records = self._complete_records()
        if records[0].sample_ids is None:
            return None
        return [one for record in records for one in record.sample_ids or ()]

    def n_neurons(self, layer: str | None = None) -> int:
        """Return the number of neurons d of a layer.

        Args:
            layer: Name of the layer; None if there is only one.

        Returns:
            *int*: the number of columns.

        Raises:
            ValueError: there is no such layer.
        """
        return self._layer(layer).n_neurons

    def dtype(self, layer: str | None = None) -> str:
        """Return the type in which a layer's activations are kept.

        Args:
            layer: Name of the layer; None if there is only one.

        Returns:
            *str*: its name in torch, such as ``"bfloat16"``.

        Raises:
            ValueError: there is no such layer.
        """
        return self._layer(layer).dtype

    def chunk_neurons(self, layer: str | None = None) -> int:
        """Return how many neurons lie in one chunk: blocks of these are read without waste.

        Args:
            layer: Name of the layer; None if there is only one.

        Returns:
            *int*: at most the number of neurons.

        Raises:
            ValueError: there is no such layer.
        """
        return self._layer(layer).chunk_neurons

    def fingerprint(self, layer: str | None = None) -> str:
        """Return a SHA-256 that tells these activations from others, without reading them.

        It is made of the hashes that were taken when the rows were written, and depends on how
        many rows make a block.

        Args:
            layer: Name of the layer; None if there is only one.

        Returns:
            *str*: 64 hexadecimal digits.

        Raises:
            ValueError: there is no such layer, or the store is not complete.
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
            *numpy.ndarray*: contiguous, of shape (len(neurons), n), in the stored dtype; bfloat16
            comes as float32, which holds it exactly.

        Raises:
            TypeError: a neuron is not an integer.
            ValueError: there is no such layer or neuron; the store is not complete; a chunk is
                missing or not as it was written (the message names it).
            OSError: a chunk cannot be read.
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
            *Tensor* of shape (n, d).

        Raises:
            ValueError: there is no such layer, or as for `read`.
            OSError: as for `read`.
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

"""A row block that is being filled, batch by batch."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from invert_captum.activations.forward import check_same_neurons
from invert_captum.activations.store.bits import to_bits
from invert_captum.activations.store.chunks import encode_chunk
from invert_captum.activations.store.records import BlockRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from invert_captum.activations.store.folder import Folder
    from invert_captum.activations.store.manifest import Manifest


class RowBlock:
    """Rows of one block: what they were computed from, and their activations if these are missing.

    Args:
        index: Which block.
        manifest: Of the store.
        finished: The record of the block, if it has one; then no activations are gathered.
    """

    def __init__(self, index: int, manifest: Manifest, finished: BlockRecord | None) -> None:
        self.index = index
        self.finished = finished
        self.filled = 0
        self._manifest = manifest
        self._layout = layout = manifest.layout
        self._digest = hashlib.sha256()
        self._sample_ids: list[str] | None = None
        self._rows = [
            np.empty((0 if finished else layout.block_rows, layer.n_neurons), layer.bits)
            for layer in layout.layers
        ]

    @property
    def start(self) -> int:
        """The first row."""
        return self.index * self._layout.block_rows

    @property
    def room(self) -> int:
        """How many rows are still missing."""
        return self._layout.block_rows - self.filled

    @property
    def inputs_sha256(self) -> str:
        """Hash of the inputs and sample ids so far."""
        return self._digest.hexdigest()

    def add_inputs(self, part: slice, digest: str, sample_ids: Sequence[str] | None) -> None:
        """Add which rows of a batch come next, and what the batch is."""
        ids = None if sample_ids is None else list(sample_ids[part])
        self._digest.update(f"{part.start} {part.stop} {digest} {ids!r};".encode())
        if ids is not None:
            self._sample_ids = [*(self._sample_ids or ()), *ids]
        self.filled += part.stop - part.start

    def add_activations(self, part: slice, blocks: Sequence[Tensor]) -> None:
        """Add the activations of the rows of a batch that were added last."""
        rows = slice(self.filled - (part.stop - part.start), self.filled)
        for layer, kept, block in zip(self._layout.layers, self._rows, blocks, strict=True):
            row = self.start + rows.start
            check_same_neurons(layer.name, block.shape[1], layer.n_neurons, row)
            bits = to_bits(block)
            if bits.dtype != layer.bits:
                raise ValueError(
                    f"layer {layer.name!r} gives {block.dtype} after row {row} and {layer.dtype} "
                    "before; expected one dtype, such as dtype=torch.float32"
                )
            kept[rows] = bits[part]

    def check_inputs(self, location: str) -> None:
        """Raise `ValueError` unless the block was made from these inputs if it was ever made."""
        record, stop = self.finished, self.start + self.filled
        compared: list[tuple[str, object, object]] = []
        if record is not None:
            # Other inputs mostly have other ids as well, which tell more than hashes.
            compared += [
                ("rows", [record.start, record.stop], [self.start, stop]),
                ("sample ids", record.sample_ids, self._ids()),
                ("inputs with SHA-256", record.inputs_sha256, self.inputs_sha256),
            ]
        known = self._manifest.inputs_sha256[self.index : self.index + 1]
        compared += [("inputs with SHA-256", before, self.inputs_sha256) for before in known]
        for what, before, now in compared:
            if before != now:
                last = stop if record is None else record.stop
                raise ValueError(
                    f"the activation store at {location!r} was begun with another data set: rows "
                    f"{self.start:,} to {last - 1:,} had {what} {_short(before)} (now "
                    f"{_short(now)}); expected the same inputs in the same order and batches, "
                    "or another store"
                )

    def write_chunks(self, folder: Folder) -> BlockRecord:
        """Write all chunks of the block and return the record that says that they are there."""
        keys, checksums, hashes = [], [], []
        for layer, rows in zip(self._layout.layers, self._rows, strict=True):
            filled = rows[: self.filled]
            of_layer = []
            for chunk in range(layer.n_chunks):
                part = filled[:, layer.columns(chunk)]
                content, checksum = encode_chunk(part, layer, self._layout.block_rows)
                folder.write(layer.key(self.index, chunk), content)
                keys.append(layer.key(self.index, chunk))
                of_layer.append(checksum)
            checksums.append(tuple(of_layer))
            hashes.append(hashlib.sha256(filled.data).hexdigest())
        folder.settle(keys)
        return BlockRecord(
            self.index,
            self.start,
            self.start + self.filled,
            self._manifest.store_id,
            self.inputs_sha256,
            self._ids(),
            tuple(checksums),
            tuple(hashes),
        )

    def _ids(self) -> tuple[str, ...] | None:
        return None if self._sample_ids is None else tuple(self._sample_ids)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 70 else f"{text[:67]}..."

"""Records: one file per finished row block, written after its chunks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from invert_captum._log import logger
from invert_captum.activations.store.sealed_json import sealed, unsealed

if TYPE_CHECKING:
    from invert_captum.activations.store.folder import Folder
    from invert_captum.activations.store.manifest import Manifest

FOLDER = "records"


@dataclass(frozen=True)
class BlockRecord:
    """What is known of a finished row block.

    Args:
        block: Its index.
        start: Its first row.
        stop: The row after its last.
        store_id: That of the manifest.
        inputs_sha256: Of the inputs its rows were computed from and their ids, batch by batch.
        sample_ids: One per row, or None.
        chunks: By layer, the checksum of each chunk.
        layers_sha256: By layer, that of the activations.
    """

    block: int
    start: int
    stop: int
    store_id: str
    inputs_sha256: str
    sample_ids: tuple[str, ...] | None
    chunks: tuple[tuple[int, ...], ...]
    layers_sha256: tuple[str, ...]

    def content(self) -> bytes:
        """Return the record as a file."""
        return sealed(
            {
                "block": self.block,
                "rows": [self.start, self.stop],
                "store_id": self.store_id,
                "inputs_sha256": self.inputs_sha256,
                "sample_ids": None if self.sample_ids is None else list(self.sample_ids),
                "chunks_crc32c": [list(one) for one in self.chunks],
                "layers_sha256": list(self.layers_sha256),
            }
        )

    @property
    def sha256(self) -> str:
        """SHA-256 of the record."""
        return hashlib.sha256(self.content()).hexdigest()


def record_key(block: int) -> str:
    """Return where the record of a row block is kept inside the store."""
    return f"{FOLDER}/{block:08d}.json"


def read_record(
    content: bytes, block: int, manifest: Manifest, n_samples: int | None = None
) -> BlockRecord:
    """Return the record in a file's content.

    Args:
        content: The content.
        block: Which row block it is about.
        manifest: Of the store.
        n_samples: Number of samples, if it is known.

    Raises:
        ValueError: it is damaged or belongs to another block or store.
    """
    document = unsealed(content)
    try:
        start, stop = document["rows"]
        ids = document["sample_ids"]
        record = BlockRecord(
            document["block"],
            start,
            stop,
            document["store_id"],
            document["inputs_sha256"],
            None if ids is None else tuple(ids),
            tuple(tuple(one) for one in document["chunks_crc32c"]),
            tuple(document["layers_sha256"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError("the file is no record of a row block") from error
    if not (_has_types(record) and _fits(record, block, manifest, n_samples)):
        raise ValueError("the record does not fit the store")
    return record


def _has_types(record: BlockRecord) -> bool:
    numbers = [record.block, record.start, record.stop, *chain.from_iterable(record.chunks)]
    texts = [record.store_id, record.inputs_sha256, *record.layers_sha256]
    texts += record.sample_ids or ()
    return all(type(one) is int for one in numbers) and all(isinstance(one, str) for one in texts)


def _fits(record: BlockRecord, block: int, manifest: Manifest, n_samples: int | None) -> bool:
    layout, ids = manifest.layout, record.sample_ids
    first, stop = block * layout.block_rows, (block + 1) * layout.block_rows
    inputs = manifest.inputs_sha256[block : block + 1]
    return (
        record.block == block
        and record.store_id == manifest.store_id
        and record.start == first < record.stop <= stop
        and (n_samples is None or record.stop == min(stop, n_samples))
        # Once all were there, a record of other inputs is of a writer that came too late.
        and (not manifest.inputs_sha256 or inputs == (record.inputs_sha256,))
        and [len(one) for one in record.chunks] == [layer.n_chunks for layer in layout.layers]
        and len(record.layers_sha256) == len(layout.layers)
        and (ids is None or len(ids) == record.stop - record.start)
    )


def read_records(
    folder: Folder, manifest: Manifest, n_samples: int | None = None
) -> dict[int, BlockRecord]:
    """Return the records of all finished row blocks, by block, in order.

    A damaged record counts as none, so that its block is computed again.

    Args:
        folder: Where the store is.
        manifest: Its manifest.
        n_samples: Number of samples, if the manifest does not tell yet.
    """
    n_samples = manifest.n_samples if n_samples is None else n_samples
    names = (key.rpartition("/")[2].removesuffix(".json") for key in folder.sizes(FOLDER))
    listed = {int(name) for name in names if name.isdecimal()}
    # A listing may lack files that are there.
    blocks = sorted(listed | set(range(len(manifest.inputs_sha256))))
    records = {}
    for block, content in zip(blocks, folder.read_each(map(record_key, blocks)), strict=True):
        try:
            if isinstance(content, Exception):
                raise content
            records[block] = read_record(content, block, manifest, n_samples)
        except FileNotFoundError:
            continue
        except ValueError as error:
            logger.warning("%s of %s: %s", record_key(block), folder.location, error)
    return records


def only_finished(
    folder: Folder, manifest: Manifest, records: dict[int, BlockRecord]
) -> dict[int, BlockRecord]:
    """Return the records of blocks whose chunks are all there and have their size."""
    layout = manifest.layout
    sizes: dict[str, int] = {}
    for layer in layout.layers:
        sizes |= folder.sizes(layer.array)
    finished = {}
    for block, record in records.items():
        wrong = [
            layer.key(block, chunk)
            for layer in layout.layers
            for chunk in range(layer.n_chunks)
            if sizes.get(layer.key(block, chunk)) != layout.chunk_bytes(layer)
            and not _has_size(folder, layer.key(block, chunk), layout.chunk_bytes(layer))
        ]
        if wrong:
            logger.warning(
                "chunk %s of %s is missing or cut short: its rows are computed again",
                wrong[0],
                folder.location,
            )
        else:
            finished[block] = record
    return finished


def _has_size(folder: Folder, key: str, size: int) -> bool:
    # A listing may lack files that are there.
    try:
        return len(folder.read(key)) == size
    except FileNotFoundError:
        return False

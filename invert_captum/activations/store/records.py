"""Records: one file per finished row block, written after its chunks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from invert_captum._log import logger
from invert_captum.activations.store.sealed_json import sealed, unsealed

if TYPE_CHECKING:
    from collections.abc import Iterable

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
        origin_sha256: Of the origin in the manifest.
        inputs_sha256: Of the inputs its rows were computed from, batch by batch.
        sample_ids: One per row, or None.
        chunks: By layer, the checksum of each chunk.
        layers_sha256: By layer, that of the activations.
    """

    block: int
    start: int
    stop: int
    origin_sha256: str
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
                "origin_sha256": self.origin_sha256,
                "inputs_sha256": self.inputs_sha256,
                "sample_ids": None if self.sample_ids is None else list(self.sample_ids),
                "chunks_crc32c": [list(one) for one in self.chunks],
                "layers_sha256": list(self.layers_sha256),
            }
        )


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
            document["origin_sha256"],
            document["inputs_sha256"],
            None if ids is None else tuple(ids),
            tuple(tuple(one) for one in document["chunks_crc32c"]),
            tuple(document["layers_sha256"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError("the file is no record of a row block") from error
    layout = manifest.layout
    first = block * layout.block_rows
    fits = (
        record.block == block
        and record.origin_sha256 == manifest.origin_sha256
        and record.start == first < record.stop <= first + layout.block_rows
        and (n_samples is None or record.stop == min(first + layout.block_rows, n_samples))
        and [len(one) for one in record.chunks] == [layer.n_chunks for layer in layout.layers]
        and len(record.layers_sha256) == len(layout.layers)
        and (ids is None or (len(ids) == stop - start and _all_strings(ids)))
        and _all_strings([record.inputs_sha256, *record.layers_sha256])
    )
    if not fits:
        raise ValueError("the record does not fit the store")
    return record


def _all_strings(values: Iterable[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


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
    blocks = sorted(int(name) for name in names if name.isdecimal())
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


def drop_unfinished(
    folder: Folder, manifest: Manifest, records: dict[int, BlockRecord]
) -> dict[int, BlockRecord]:
    """Delete the records of blocks whose chunks are missing or cut short; return the others."""
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
        ]
        if wrong:
            logger.warning(
                "chunk %s of %s is missing or cut short: its rows are computed again",
                wrong[0],
                folder.location,
            )
            folder.delete(record_key(block))
        else:
            finished[block] = record
    return finished

"""Writing activations into a store, from the beginning or from where a run was stopped."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from invert_captum._log import logger
from invert_captum.activations.batches import check_ids_of_parts
from invert_captum.activations.store.bits import dtype_name
from invert_captum.activations.store.layout import BITS, plan_layout
from invert_captum.activations.store.manifest import same_store
from invert_captum.activations.store.records import read_records, record_key
from invert_captum.activations.store.row_block import RowBlock
from invert_captum.activations.store.zarr_metadata import zarr_documents

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from torch import Tensor

    from invert_captum.activations.store.folder import Folder
    from invert_captum.activations.store.hashed_batch import HashedBatch
    from invert_captum.activations.store.layout import Layout
    from invert_captum.activations.store.manifest import Manifest
    from invert_captum.activations.store.records import BlockRecord


def check_free(folder: Folder) -> None:
    """Raise `FileExistsError` unless a new store can be made here: nothing, or an empty folder."""
    try:
        others = list(folder.sizes())
    except NotADirectoryError:
        others = [""]
    if "" in others:
        raise FileExistsError(
            f"store is {folder.location!r}, which is a file; expected a new or empty folder, or "
            "an activation store"
        )
    if others:
        raise FileExistsError(
            f"store is {folder.location!r}, which holds {others[0]!r} and no activation store; "
            "expected a new or empty folder, or an activation store"
        )


def layout_for(
    layers: Iterable[str], blocks: Sequence[Tensor], batch_size: int, n_samples: int | None
) -> Layout:
    """Choose the layout for layers of which the activations of the first batch are known."""
    for name, block in zip(layers, blocks, strict=True):
        if dtype_name(block) not in BITS:
            raise TypeError(
                f"layer {name!r} gives {block.dtype} activations, which a store cannot keep; "
                "expected a dtype such as torch.float32"
            )
        if not block.shape[1]:
            raise ValueError(f"layer {name!r} gives no neurons; expected at least one")
    shapes = [(name, b.shape[1], dtype_name(b)) for name, b in zip(layers, blocks, strict=True)]
    return plan_layout(shapes, batch_size, n_samples)


def begin(folder: Folder, manifest: Manifest) -> None:
    """Write what a store has before its first row block."""
    with resumable(folder, manifest):
        manifest.write(folder)


def reopen(folder: Folder, manifest: Manifest) -> Manifest:
    """Say in a store that it is not complete any more; return its manifest."""
    reopened = manifest.reopened()
    with resumable(folder, manifest):
        reopened.write(folder)
        # Zarr would read what is missing as zeros.
        for key in zarr_documents(manifest.layout, 0):
            folder.delete(key)
    return reopened


class Written(NamedTuple):
    """What was gone through.

    Args:
        stop: The row after the last.
        records: SHA-256 of the record of every row block, by its index.
    """

    stop: int
    records: dict[int, str]


def write_batches(
    folder: Folder,
    manifest: Manifest,
    records: Mapping[int, BlockRecord],
    batches: Iterable[HashedBatch],
    first_row: int = 0,
) -> Written:
    """Compute and write the row blocks that have no record; check the inputs of all others.

    Only one row block is in memory. A batch is run only if some of its rows are missing.

    Args:
        folder: Where the store is.
        manifest: Its manifest.
        records: Of its finished row blocks.
        batches: The inputs from ``first_row`` on.
        first_row: Row of the first sample, where a row block begins.

    Returns:
        The row after the last, and the hash of every block's record.

    Raises:
        ValueError: the inputs are not those that the store was begun with.
        OSError: a file cannot be written; what was finished stays.
    """
    writer = _BlockWriter(folder, manifest, records, first_row)
    for batch in batches:
        writer.add(batch)
    return Written(writer.close(), writer.written)


class _BlockWriter:
    """Fills one row block after the other and writes each when it is whole."""

    def __init__(
        self,
        folder: Folder,
        manifest: Manifest,
        records: Mapping[int, BlockRecord],
        first_row: int,
    ) -> None:
        self._folder = folder
        self._manifest = manifest
        self._records = records
        self._unchecked = set(records)
        # Records of blocks between finished ones wait until it is sure that the inputs are those
        # of all finished ones: a store must never become complete out of two data sets.
        self._waiting: list[BlockRecord] = []
        self.written: dict[int, str] = {}
        self._row = first_row
        self._block: RowBlock | None = None

    def add(self, batch: HashedBatch) -> None:
        """Add a batch, which may begin and end inside of row blocks."""
        self._check_room(batch.n_samples)
        start = 0
        while start < batch.n_samples:
            block = self._block = self._block or self._next_block()
            part = slice(start, min(batch.n_samples, start + block.room))
            block.add_inputs(part, batch.digest, batch.sample_ids)
            if block.finished is None:
                block.add_activations(part, batch.activations)
            self._row += part.stop - start
            start = part.stop
            if not block.room:
                self._finish_block(block)

    def close(self) -> int:
        """Write the last row block, which may be shorter, and return the number of rows."""
        if self._block is not None:
            self._finish_block(self._block)
        if self._unchecked:
            row = max(self._records[block].stop for block in self._unchecked)
            raise _other_number(self._folder, f"at least {row:,}", f"{self._row:,}")
        return self._row

    def _next_block(self) -> RowBlock:
        index = self._row // self._manifest.layout.block_rows
        return RowBlock(index, self._manifest, self._records.get(index))

    def _finish_block(self, block: RowBlock) -> None:
        self._block = None
        block.check_inputs(self._folder.location)
        record = block.finished
        if record is None:
            same_store(self._folder, self._manifest.store_id)
            with resumable(self._folder, self._manifest):
                record = block.write_chunks(self._folder)
            self._waiting.append(record)
        self._unchecked.discard(block.index)
        self.written[block.index] = record.sha256
        if not self._unchecked:
            with resumable(self._folder, self._manifest):
                for one in self._waiting:
                    self._folder.write(record_key(one.block), one.content())
            self._waiting = []

    def _check_room(self, n_samples: int) -> None:
        expected, row = self._manifest.n_samples, self._row + n_samples
        if expected is not None and row > expected:
            raise _other_number(self._folder, f"{expected:,}", f"at least {row:,}")


def check_same_samples(
    folder: Folder, manifest: Manifest, n_samples: int, counted: int | None = None
) -> None:
    """Raise `ValueError` unless the inputs have as many samples as when the store was begun.

    Args:
        folder: Where the store is.
        manifest: Its manifest.
        n_samples: How many samples the inputs hold, or were gone through.
        counted: How many they said that they hold when the store was begun.
    """
    before = manifest.n_samples if counted is None else counted
    if before not in (None, n_samples):
        raise _other_number(folder, f"{before:,}", f"{n_samples:,}")


def _other_number(folder: Folder, before: str, now: str) -> Exception:
    return ValueError(
        f"the activation store at {folder.location!r} was begun with another data set: it had "
        f"{before} samples (now {now}); expected the same inputs, or another store"
    )


def finish(folder: Folder, manifest: Manifest, written: Written) -> Manifest:
    """Write into the manifest that the store is complete, once all row blocks are there.

    Args:
        folder: Where the store is.
        manifest: Its manifest.
        written: All inputs.

    Returns:
        The manifest.

    Raises:
        ValueError: there are no samples, their number is another one than when the store was
            begun, or sample ids are not unique.
        RuntimeError: a row block is missing or of other inputs: another process writes here.
    """
    n_samples = written.stop
    if not n_samples:
        raise ValueError("inputs has no samples; expected at least one")
    check_same_samples(folder, manifest, n_samples)
    records = read_records(folder, manifest, n_samples)
    if {block: record.sha256 for block, record in records.items()} != written.records:
        raise RuntimeError(
            f"the activation store at {folder.location!r} does not hold what was written: another "
            "process writes other activations there; expected one extraction for one store"
        )
    check_ids_of_parts([record.sample_ids for record in records.values()])
    finished = manifest.completed(n_samples, records.values())
    same_store(folder, manifest.store_id)
    with resumable(folder, manifest):
        _update_zarr(folder, manifest.layout, n_samples)
        if finished != manifest:
            finished.write(folder)
    folder.tidy()
    logger.info("activation store at %s is complete: %s samples", folder.location, f"{n_samples:,}")
    return finished


def _update_zarr(folder: Folder, layout: Layout, n_samples: int) -> None:
    for key, content in zarr_documents(layout, n_samples).items():
        # A complete store may be where nothing can be written.
        before = None
        with suppress(FileNotFoundError):
            before = folder.read(key)
        if before != content:
            folder.write(key, content)


@contextmanager
def resumable(folder: Folder, manifest: Manifest) -> Iterator[None]:
    """Say in errors of writing what was finished, and that the same call goes on."""
    try:
        yield
    except OSError as error:
        done = ""
        with suppress(OSError):
            there = sum(key.endswith(".json") for key in folder.sizes("records"))
            n_samples = manifest.n_samples
            known = f" of {manifest.layout.n_blocks(n_samples):,}" if n_samples is not None else ""
            done = f"{there:,}{known} row blocks are finished and stay; "
        message = (
            f"the activation store at {folder.location!r} cannot be written: "
            f"{error.strerror or error}. {done}the same call goes on with the rest"
        )
        given = (message,) if error.errno is None else (error.errno, message)
        raise OSError(*given) from error

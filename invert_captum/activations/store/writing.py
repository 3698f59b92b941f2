"""Writing activations into a store, from the beginning or from where a run was stopped."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from invert_captum._log import logger
from invert_captum.activations.batch import batch_digest
from invert_captum.activations.batches import check_ids_of_parts
from invert_captum.activations.store.bits import dtype_name
from invert_captum.activations.store.layout import BITS, plan_layout
from invert_captum.activations.store.records import read_records, record_key
from invert_captum.activations.store.row_block import RowBlock
from invert_captum.activations.store.zarr_metadata import zarr_documents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from torch import Tensor

    from invert_captum.activations.batch import Batch
    from invert_captum.activations.store.folder import Folder
    from invert_captum.activations.store.layout import Layout
    from invert_captum.activations.store.manifest import Manifest
    from invert_captum.activations.store.records import BlockRecord


def check_free(folder: Folder) -> None:
    """Raise `FileExistsError` unless a new store can be made here: nothing, or an empty folder."""
    others = list(folder.sizes())
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
        _update_zarr(folder, manifest.layout, manifest.n_samples or 0)


class Written(NamedTuple):
    """What was gone through.

    Args:
        stop: The row after the last.
        inputs_sha256: Of every row block, by its index.
    """

    stop: int
    inputs_sha256: dict[int, str]


def write_batches(
    folder: Folder,
    manifest: Manifest,
    records: Mapping[int, BlockRecord],
    batches: Iterable[Batch],
    activations: Callable[[Batch], Sequence[Tensor]],
    first_row: int = 0,
) -> Written:
    """Compute and write the row blocks that have no record; check the inputs of all others.

    Only one row block is in memory. A batch is run only if some of its rows are missing.

    Args:
        folder: Where the store is.
        manifest: Its manifest.
        records: Of its finished row blocks.
        batches: The inputs from ``first_row`` on.
        activations: From a batch to the activations of all layers.
        first_row: Row of the first sample, where a row block begins.

    Returns:
        The row after the last, and the hash of every block's inputs.

    Raises:
        ValueError: the inputs are not those that the store was begun with.
        OSError: a file cannot be written; what was finished stays.
    """
    writer = _BlockWriter(folder, manifest, records, first_row)
    for batch in batches:
        writer.add(batch, activations)
    return Written(writer.close(), writer.inputs_sha256)


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
        self.inputs_sha256: dict[int, str] = {}
        self._row = first_row
        self._block: RowBlock | None = None

    def add(self, batch: Batch, activations: Callable[[Batch], Sequence[Tensor]]) -> None:
        """Add a batch, which may begin and end inside of row blocks."""
        # Before the model runs, which may work in place.
        digest, n_samples = batch_digest(batch), batch.n_samples
        self._check_room(n_samples)
        computed: Sequence[Tensor] | None = None
        start = 0
        while start < n_samples:
            block = self._block = self._block or self._next_block()
            part = slice(start, min(n_samples, start + block.room))
            block.add_inputs(part, digest, batch.sample_ids)
            if block.finished is None:
                computed = activations(batch) if computed is None else computed
                block.add_activations(part, computed)
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
        self.inputs_sha256[block.index] = block.inputs_sha256
        if block.finished is not None:
            block.check_inputs(self._folder.location)
            self._unchecked.discard(block.index)
        else:
            with resumable(self._folder, self._manifest):
                self._waiting.append(block.write_chunks(self._folder))
        if not self._unchecked:
            with resumable(self._folder, self._manifest):
                for record in self._waiting:
                    self._folder.write(record_key(record.block), record.content())
            self._waiting = []

    def _check_room(self, n_samples: int) -> None:
        expected, row = self._manifest.n_samples, self._row + n_samples
        if expected is not None and row > expected:
            raise _other_number(self._folder, f"{expected:,}", f"at least {row:,}")


def check_same_samples(folder: Folder, manifest: Manifest, n_samples: int) -> None:
    """Raise `ValueError` unless the inputs have as many samples as when the store was begun."""
    if manifest.n_samples not in (None, n_samples):
        raise _other_number(folder, f"{manifest.n_samples:,}", f"{n_samples:,}")


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
    there = {block: record.inputs_sha256 for block, record in records.items()}
    if there != written.inputs_sha256:
        raise RuntimeError(
            f"the activation store at {folder.location!r} does not hold what was written: another "
            "process writes other activations there; expected one extraction for one store"
        )
    check_ids_of_parts([record.sample_ids for record in records.values()])
    finished = manifest.completed(n_samples)
    with resumable(folder, manifest):
        _update_zarr(folder, manifest.layout, n_samples)
        if finished != manifest:
            finished.write(folder)
    folder.tidy()
    logger.info("activation store at %s is complete: %s samples", folder.location, f"{n_samples:,}")
    return finished


def _update_zarr(folder: Folder, layout: Layout, n_samples: int) -> None:
    there = folder.sizes()
    for key, content in zarr_documents(layout, n_samples).items():
        # A complete store may be where nothing can be written.
        if key not in there or folder.read(key) != content:
            folder.write(key, content)


@contextmanager
def resumable(folder: Folder, manifest: Manifest) -> Iterator[None]:
    """Say in errors of writing what was finished, and that the same call goes on."""
    try:
        yield
    except OSError as error:
        there = sum(key.endswith(".json") for key in folder.sizes("records"))
        n_samples = manifest.n_samples
        known = f" of {manifest.layout.n_blocks(n_samples):,}" if n_samples is not None else ""
        reason = error.strerror or str(error)
        raise OSError(
            error.errno,
            f"the activation store at {folder.location!r} cannot be written: {reason}. "
            f"{there:,}{known} row blocks are finished and stay; the same call goes on with the "
            "rest",
        ) from error

"""Work units that compute a row block and write it into the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invert_captum.activations.forward import forward_pass
from invert_captum.activations.store.folder import open_folder
from invert_captum.activations.store.hashed_batch import HashedBatch
from invert_captum.activations.store.manifest import same_store
from invert_captum.activations.store.records import BlockRecord, read_record, record_key
from invert_captum.activations.store.writing import Written, write_batches
from invert_captum.activations.work_units import SharedJob, Units, run_units, share_job

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from invert_captum.activations.store.folder import Folder
    from invert_captum.activations.store.manifest import Manifest
    from invert_captum.activations.tensor_rows import TensorRows


def write_in_units(
    executor: Executor,
    folder: Folder,
    manifest: Manifest,
    finished: dict[int, BlockRecord],
    units: Units,
    *,
    show_progress: bool,
) -> Written:
    """Check the inputs of the finished row blocks on ``executor``, then write all others.

    Args:
        executor: The executor.
        folder: Where the store is.
        manifest: Its manifest.
        finished: Records of its finished row blocks.
        units: The inputs.
        show_progress: Draw a progress bar.

    Returns:
        The number of samples, and the hash of every block's record.
    """
    size = manifest.layout.block_rows
    blocks = range(manifest.layout.n_blocks(units.n_samples))
    shared = share_job(executor, units.job)
    written: dict[int, str] = {}
    # All checks come first: a store must never be made of two data sets.
    for some, shown in (
        ([block for block in blocks if block in finished], False),
        ([block for block in blocks if block not in finished], show_progress),
    ):
        calls = [
            (
                write_block,
                (
                    shared,
                    (folder.address, manifest.store_id),
                    block,
                    block in finished,
                    *units.rows(block * size, (block + 1) * size),
                ),
            )
            for block in some
        ]
        advice = f"the same call goes on with the store at {folder.location!r}"
        written |= run_units(executor, calls, show_progress=shown, advice=advice)
    return Written(units.n_samples, written)


def write_block(
    shared: SharedJob,
    store: tuple[str, str],
    block: int,
    finished: bool,
    rows: range,
    tensors: TensorRows | None,
) -> tuple[int, str]:
    """Compute a row block and write it; if it is finished, only check its inputs.

    Args:
        shared: What all units have in common.
        store: Where the store is, and its id.
        block: Which row block.
        finished: Whether it has a record and all its chunks.
        rows: Its rows.
        tensors: Its inputs, if the data set is not in the job.

    Returns:
        The row block, and the hash of its record.

    Raises:
        ValueError: the inputs are not those that the block was made from.
        OSError: a file cannot be written.
        RuntimeError: another store is there.
    """
    address, store_id = store
    folder = open_folder(address)
    manifest = same_store(folder, store_id)
    records: dict[int, BlockRecord] = {}
    if finished:
        records[block] = read_record(folder.read(record_key(block)), block, manifest)
    job = shared.job()
    with forward_pass(job.model, job.modules(), job.recipe) as activations:
        batches = (HashedBatch(batch, activations) for batch in job.batches(rows, tensors))
        written = write_batches(folder, manifest, records, batches, rows.start)
    return block, written.records[block]

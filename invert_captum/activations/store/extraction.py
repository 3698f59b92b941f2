"""Extraction into a store: begin it or go on with it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from torch.utils.data import DataLoader

from invert_captum._log import logger, progress
from invert_captum.activations.batches import (
    Inputs,
    check_inputs,
    count_batches,
    count_samples,
    input_batches,
    keeps_order,
)
from invert_captum.activations.forward import Recipe, forward_pass
from invert_captum.activations.store.activation_store import ActivationStore
from invert_captum.activations.store.folder import Folder, open_folder
from invert_captum.activations.store.hashed_batch import HashedBatch
from invert_captum.activations.store.manifest import Manifest, read_manifest
from invert_captum.activations.store.origin import (
    check_same_origin,
    describe_origin,
    package_versions,
    warn_of_other_versions,
)
from invert_captum.activations.store.records import only_finished, read_records
from invert_captum.activations.store.write_units import write_in_units
from invert_captum.activations.store.writing import (
    Written,
    begin,
    check_free,
    check_same_samples,
    finish,
    layout_for,
    reopen,
    write_batches,
)
from invert_captum.activations.work_units import Units

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping, Sequence
    from concurrent.futures import Executor

    import torch
    from torch import nn

    from invert_captum.activations.batch import Batch
    from invert_captum.activations.reducers import Reducer
    from invert_captum.activations.store.records import BlockRecord


def extract_to_store(
    model: nn.Module,
    layers: Mapping[str, nn.Module],
    inputs: Inputs,
    store: str | os.PathLike[str],
    *,
    keyed_by_layer: bool = True,
    reduce: Reducer = "mean",
    neuron_dim: int | None = None,
    batch_size: int = 64,
    dtype: torch.dtype | None = None,
    device_ids: Sequence[int] | None = None,
    additional_forward_args: object = None,
    attribute_to_layer_input: bool = False,
    executor: Executor | None = None,
    show_progress: bool = False,
) -> ActivationStore:
    """Run ``model`` over ``inputs`` and keep the activations of all ``layers`` in a store.

    If there is a store already, only its missing row blocks are computed, after a check that
    model, layers, reduction and inputs are the same; a store that lacks nothing is returned
    without running the model. One row block is in memory at a time.

    Args:
        model: As for `extract_activations`.
        layers: As for `extract_activations`.
        inputs: As for `extract_activations`. Inputs of finished row blocks are read again, to
            see that they are the same, but not run through the model.
        store: Path of a folder, or any URL that fsspec knows.
        keyed_by_layer: Whether neurons of the store go by layer and column.
        reduce: As for `extract_activations`; a callable needs a name.
        neuron_dim: As for `extract_activations`.
        batch_size: As for `extract_activations`.
        dtype: As for `extract_activations`.
        device_ids: As for `extract_activations`.
        additional_forward_args: As for `extract_activations`.
        attribute_to_layer_input: As for `extract_activations`.
        executor: As for `extract_activations`; its workers write into the store themselves.
        show_progress: Draw a progress bar.

    Returns:
        The complete store.

    Raises:
        TypeError: an argument has the wrong type.
        ValueError: as for `extract_activations`; the store was begun with another model, layer,
            reduction or data set.
        OSError: the store cannot be written, or something else is there. What was finished stays.
        RuntimeError: a worker of ``executor`` died, and with it the executor.

    Examples:
        >>> import tempfile
        >>> import torch
        >>> model = torch.nn.Sequential(torch.nn.Linear(4, 3))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     store = extract_to_store(model, {"0": model[0]}, torch.rand(9, 4), f"{folder}/a")
        ...     store.load("0").shape
        torch.Size([9, 3])
    """
    recipe = Recipe(reduce, neuron_dim, batch_size, dtype, device_ids, attribute_to_layer_input)
    recipe.check()
    check_inputs(inputs)
    started = time.perf_counter()
    folder = open_folder(store)
    origin = describe_origin(model, layers, inputs, recipe, keyed_by_layer=keyed_by_layer)
    task = _Task(model, layers, inputs, recipe, additional_forward_args, folder, origin)
    manifest = task.manifest()
    if executor is None:
        manifest, written = task.run_in_order(manifest, show_progress=show_progress)
    else:
        manifest, written = task.run_in_units(manifest, executor, show_progress=show_progress)
    manifest = finish(folder, manifest, written)
    logger.info("extracted activations in %.1f s", time.perf_counter() - started)
    return ActivationStore(folder, manifest)


@dataclass(frozen=True)
class _Task:
    """What to extract, and where it goes."""

    model: nn.Module
    layers: Mapping[str, nn.Module]
    inputs: Inputs
    recipe: Recipe
    extra: object
    folder: Folder
    origin: dict[str, Any]

    def manifest(self) -> Manifest | None:
        """Return the manifest if there is a store, after a check that it can be gone on with."""
        manifest = read_manifest(self.folder)
        if manifest is None:
            check_free(self.folder)
        else:
            check_same_origin(manifest.origin, self.origin, self.folder.location)
            counted = count_samples(self.inputs)
            if counted is not None:
                check_same_samples(self.folder, manifest, counted, manifest.counted)
        return manifest

    def run_in_order(
        self, manifest: Manifest | None, *, show_progress: bool
    ) -> tuple[Manifest, Written]:
        """Go through the batches; return the manifest and what was gone through."""
        batches: Iterator[Batch] = progress(
            self._batches(),
            show=show_progress,
            description="activations",
            total=count_batches(self.inputs, self.recipe.batch_size),
        )
        with forward_pass(self.model, self.layers, self.recipe) as activations:
            hashed = (HashedBatch(batch, activations) for batch in batches)
            first = [] if manifest else [_first(hashed)]
            manifest = manifest or self._begin(first[0])
            manifest, finished = self._finished(manifest)
            written = write_batches(self.folder, manifest, finished, chain(first, hashed))
        return manifest, written

    def run_in_units(
        self, manifest: Manifest | None, executor: Executor, *, show_progress: bool
    ) -> tuple[Manifest, Written]:
        """Give the row blocks to ``executor``; return the manifest and what was gone through."""
        units = Units.of(self.model, self.layers, self.inputs, self.recipe, self.extra)
        if manifest is None:
            with forward_pass(self.model, self.layers, self.recipe) as activations:
                hashed = (HashedBatch(batch, activations) for batch in self._batches())
                manifest = self._begin(_first(hashed))
        manifest, finished = self._finished(manifest)
        written = write_in_units(
            executor, self.folder, manifest, finished, units, show_progress=show_progress
        )
        return manifest, written

    def _batches(self) -> Iterator[Batch]:
        return input_batches(self.inputs, self.recipe.batch_size, self.extra)

    def _known_samples(self) -> int | None:
        # A loader may leave samples out, or add some, when it puts them together.
        return None if isinstance(self.inputs, DataLoader) else count_samples(self.inputs)

    def _begin(self, first: HashedBatch) -> Manifest:
        """Begin the store, now that the shapes of a first batch can be known."""
        size = self.origin["batch_size"] or first.n_samples
        counted = count_samples(self.inputs)
        layout = layout_for(self.layers, first.activations, max(size, 1), counted)
        manifest = Manifest(
            self.origin,
            layout,
            self._known_samples(),
            counted,
            keeps_order(self.inputs),
            package_versions(),
        )
        begin(self.folder, manifest)
        return manifest

    def _finished(self, manifest: Manifest) -> tuple[Manifest, dict[int, BlockRecord]]:
        """Return the manifest and what is finished; a store that lost some is not complete."""
        records = read_records(self.folder, manifest)
        finished = only_finished(self.folder, manifest, records)
        if len(finished) < len(manifest.inputs_sha256):
            manifest = reopen(self.folder, manifest)
        if not manifest.complete:
            warn_of_other_versions(manifest.versions)
        if finished:
            logger.info(
                "going on with the activation store at %s: %s row blocks are finished",
                self.folder.location,
                f"{len(finished):,}",
            )
        return manifest, finished


def _first(batches: Iterator[HashedBatch]) -> HashedBatch:
    first = next(batches, None)
    if first is None:
        raise ValueError("inputs has no samples; expected at least one")
    return first

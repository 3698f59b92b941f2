"""Labelling all units: those that a checkpoint has are taken from it, the others worked on."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from invert_captum._log import progress
from invert_captum.labeling.distributed import run_on_executor
from invert_captum.labeling.units import run_on_threads
from invert_captum.labeling.worker import SharedByUnits
from invert_captum.search.block_search import digest_rows

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from concurrent.futures import Executor

    from invert_captum.labeling.block import BlockLabeler, LabeledBlock
    from invert_captum.labeling.checkpoint import Checkpoint
    from invert_captum.labeling.units import Unit
    from invert_captum.neuron_columns import NeuronColumns
    from invert_captum.neuron_columns.stores import StoredMatrix
    from invert_captum.search import ActivationRows


@dataclass(frozen=True)
class UnitLabeling:
    """Labelling of units: on threads, or on an executor; with a checkpoint, or without.

    Attributes:
        labeler: Labels a unit.
        layers: The activations of every layer.
        stored: The same, if they are in a store; else empty.
        checkpoint: Where finished units are kept, or None.
        executor: Where units are worked on; None for torch's number of threads.
    """

    labeler: BlockLabeler
    layers: dict[str | None, NeuronColumns]
    stored: Mapping[str | None, StoredMatrix]
    checkpoint: Checkpoint | None
    executor: Executor | None

    def label(self, units: Sequence[Unit], *, show: bool) -> list[LabeledBlock]:
        """Return what came out for every unit, in the order of the units.

        Args:
            units: All units.
            show: Whether to draw a progress bar on standard error.

        Raises:
            OSError: If a finished unit cannot be kept.
            RuntimeError: If the executor cannot go on.
            ValueError: If the checkpoint's units are of other activations.
        """
        with closing(self._labeled(units)) as labeled:
            shown = progress(labeled, show=show, description="blocks of neurons", total=len(units))
            blocks = {unit.number: block for unit, block in shown}
        return [blocks[unit.number] for unit in units]

    def _labeled(self, units: Sequence[Unit]) -> Generator[tuple[Unit, LabeledBlock]]:
        known = set()
        for unit, block in self._kept(units):
            known.add(unit.number)
            yield unit, block
        missing = [unit for unit in units if unit.number not in known]
        if self.executor is None:
            yield from run_on_threads(self._label_and_keep, missing, show=False)
            return
        with closing(self._run_on(self.executor, missing)) as labeled:
            for unit, block in labeled:
                self._keep(unit, block)
                yield unit, block

    def _kept(self, units: Sequence[Unit]) -> Generator[tuple[Unit, LabeledBlock]]:
        if self.checkpoint is None:
            return
        finished = self.checkpoint.finished(units)
        for unit, block in run_on_threads(self._load, finished, show=False):
            if block is not None:
                yield unit, block

    def _load(self, unit: Unit) -> LabeledBlock | None:
        """Return a finished unit, if it is whole and of the same activations."""
        checkpoint = cast("Checkpoint", self.checkpoint)
        block = checkpoint.load(unit)
        # A store's fingerprint is part of the run's identity.
        if block is not None and not self.stored:
            digests = digest_rows(self._rows(unit))
            if block.digests != tuple(digests.tolist()):
                raise checkpoint.other_activations(unit)
        return block

    def _label_and_keep(self, unit: Unit) -> LabeledBlock:
        activations = self.layers[unit.layer].block(unit.neurons)
        block = self.labeler.label(unit.layer, unit.neurons, activations)
        self._keep(unit, block)
        return block

    def _keep(self, unit: Unit, block: LabeledBlock) -> None:
        if self.checkpoint is not None:
            self.checkpoint.save(unit, block)

    def _run_on(
        self, executor: Executor, units: Sequence[Unit]
    ) -> Generator[tuple[Unit, LabeledBlock]]:
        shared = SharedByUnits(self.labeler, self.stored)
        rows_of = None if self.stored else self._rows
        advice = "make the call again with a new one"
        if self.checkpoint is not None:
            advice += f": it goes on from checkpoint {str(self.checkpoint.folder)!r}"
        return run_on_executor(executor, units, shared, rows_of, advice=advice)

    def _rows(self, unit: Unit) -> ActivationRows:
        return self.layers[unit.layer].rows(unit.neurons)

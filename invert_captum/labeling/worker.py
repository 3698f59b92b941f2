"""What an executor runs: one unit, on a worker that may not have the labels yet."""

from __future__ import annotations

import os
import socket
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock, get_ident
from typing import TYPE_CHECKING

from invert_captum._version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from invert_captum.labeling.block import BlockLabeler, LabeledBlock
    from invert_captum.labeling.units import Unit
    from invert_captum.neuron_columns.stores import StoredMatrix
    from invert_captum.search import ActivationRows

# A worker keeps what the last few runs share, so that runs side by side do not displace each other.
_MOST_KEPT = 4
_kept: OrderedDict[str, SharedByUnits] = OrderedDict()
_lock = Lock()


@dataclass(frozen=True, slots=True)
class SharedByUnits:
    """What all units of a run need, sent to every worker once.

    Attributes:
        labeler: The labels and settings.
        stored: The activations of every layer, if they are in a store, which workers read
            themselves; else empty.
    """

    labeler: BlockLabeler
    stored: Mapping[str | None, StoredMatrix]


@dataclass(frozen=True, slots=True)
class UnitTask:
    """A unit as it is sent to a worker.

    Attributes:
        run: The run's key, under which a worker keeps what is shared.
        number: Of the task within the run; a unit that is sent again is another task.
        unit: The unit.
        rows: The unit's activations; None if they are in a store.
        shared: What is shared, for a worker that said it lacks it; else None.
        version: The version of this package that sends the task.
    """

    run: str
    number: int
    unit: Unit
    rows: ActivationRows | None
    shared: SharedByUnits | None = None
    version: str = __version__

    @property
    def n_bytes(self) -> int:
        """How much memory the activations take."""
        return 0 if self.rows is None else self.rows.values.nbytes

    def __dask_tokenize__(self) -> str:
        """Return what Dask tells tasks apart by, so that it need not look into the arrays."""
        return f"{self.run}-{self.number}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a worker returns.

    Attributes:
        process: Which process answers: its host and number.
        thread: Which of its threads.
        block: The labelled unit; None if the process lacks what its run shares.
    """

    process: str
    thread: int
    block: LabeledBlock | None


def label_unit(task: UnitTask) -> Answer:
    """Label a unit, unless this process lacks what the run's units share.

    The outcome depends on the task alone: it may be run again, anywhere, at any time.

    Raises:
        RuntimeError: If the worker has another version of this package.
    """
    if task.version != __version__:
        raise RuntimeError(
            f"the worker {socket.gethostname()} has invert-captum {__version__}; expected "
            f"{task.version}, which the caller has"
        )
    shared = _find_shared(task)
    block = None
    if shared is not None:
        unit = task.unit
        rows = task.rows or shared.stored[unit.layer].rows(unit.neurons)
        block = shared.labeler.label(unit.layer, unit.neurons, rows)
    return Answer(f"{socket.gethostname()}:{os.getpid()}", get_ident(), block)


def _find_shared(task: UnitTask) -> SharedByUnits | None:
    with _lock:
        if task.shared is not None:
            _kept.setdefault(task.run, task.shared)
        if task.run not in _kept:
            return None
        _kept.move_to_end(task.run)
        while len(_kept) > _MOST_KEPT:
            _kept.popitem(last=False)
        return _kept[task.run]

"""Units on any `concurrent.futures.Executor`: threads, processes, or the workers of a cluster.

What all units share, the labels above all, reaches every worker process about once. An executor
tells neither how many workers it has nor which of them takes a task, so they are found by asking:
a task goes out with the run's key only; a process that has nothing under this key says so, and one
task is sent again with what is shared. Every answer tells which thread of which process it comes
from, and the number of tasks under way grows with the number of threads seen.
"""

from __future__ import annotations

import secrets
import warnings
from collections import deque
from concurrent.futures import BrokenExecutor, CancelledError
from queue import SimpleQueue
from typing import TYPE_CHECKING

from invert_captum._validation import listed
from invert_captum.labeling.worker import UnitTask, label_unit

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from concurrent.futures import Executor, Future

    from invert_captum.labeling.block import LabeledBlock
    from invert_captum.labeling.units import Unit
    from invert_captum.labeling.worker import Answer, SharedByUnits
    from invert_captum.search import ActivationRows

# Two units a thread, so that none waits for the next, and two to find further threads with.
_UNITS_PER_THREAD, _UNITS_BEYOND = 2, 2
_MOST_UNITS = 4096
# What is on its way is held in memory, here and by a scheduler.
_MOST_BYTES_OF_ROWS = 2**29
_MOST_PROMISES = 16


def run_on_executor(
    executor: Executor,
    units: Sequence[Unit],
    shared: SharedByUnits,
    rows_of: Callable[[Unit], ActivationRows] | None,
    *,
    advice: str,
) -> Generator[tuple[Unit, LabeledBlock]]:
    """Label units on an executor, and yield each as soon as it is done, in any order.

    Args:
        executor: The executor; it is left running.
        units: The units.
        shared: What all of them need.
        rows_of: Returns the activations of a unit; None if workers read them from a store.
        advice: What to do when the executor cannot go on, for the message.

    Raises:
        RuntimeError: If the executor cannot go on, such as a pool of which a process was killed.
    """
    run = _Run(executor, units, shared, rows_of)
    try:
        yield from run.blocks()
    except (BrokenExecutor, CancelledError) as error:
        raise RuntimeError(
            f"executor: the {type(executor).__name__} cannot go on, because a worker died or it "
            f"was closed ({type(error).__name__}: {error}); {advice}"
        ) from error
    finally:
        run.cancel()


class _Run:
    """The units of a run: those that wait, and those under way."""

    def __init__(
        self,
        executor: Executor,
        units: Sequence[Unit],
        shared: SharedByUnits,
        rows_of: Callable[[Unit], ActivationRows] | None,
    ) -> None:
        self._executor = executor
        self._waiting = deque(units)
        self._shared = shared
        self._key = secrets.token_hex(8)
        self._rows_of = rows_of
        self._n_sent = 0
        self._under_way: dict[Future[Answer], UnitTask] = {}
        self._n_bytes = 0
        self._done: SimpleQueue[Future[Answer]] = SimpleQueue()
        self._threads: set[tuple[str, int]] = set()
        # The process that each task with the shared content was sent for.
        self._promises: dict[Future[Answer], str] = {}
        self._held_back = 0

    def blocks(self) -> Generator[tuple[Unit, LabeledBlock]]:
        """Yield every unit when it is done."""
        while self._waiting or self._under_way:
            while self._waiting and self._has_room():
                unit = self._waiting.popleft()
                self._send(unit, None if self._rows_of is None else self._rows_of(unit))
            done = [self._done.get()]
            while not self._done.empty():
                done.append(self._done.get())
            # What is done counts, even if another unit failed meanwhile.
            for future in sorted(done, key=_has_failed):
                task, answer = self._take(future)
                if answer.block is None:
                    self._send_again(task, answer.process)
                else:
                    yield task.unit, answer.block

    def cancel(self) -> None:
        """Give up all tasks under way."""
        for future in self._under_way:
            future.cancel()

    def _has_room(self) -> bool:
        most = min(_UNITS_PER_THREAD * len(self._threads) + _UNITS_BEYOND, _MOST_UNITS)
        has_room = len(self._under_way) < most - self._held_back
        return not self._under_way or (has_room and self._n_bytes < _MOST_BYTES_OF_ROWS)

    def _send(
        self, unit: Unit, rows: ActivationRows | None, shared: SharedByUnits | None = None
    ) -> Future[Answer]:
        self._n_sent += 1
        task = UnitTask(self._key, self._n_sent, unit, rows, shared)
        with warnings.catch_warnings():
            # Dask's advice, to scatter large arguments first, is not open to an executor.
            warnings.filterwarnings("ignore", "Sending large graph")
            future = self._executor.submit(label_unit, task)
        self._under_way[future] = task
        self._n_bytes += task.n_bytes
        future.add_done_callback(self._done.put)
        return future

    def _take(self, future: Future[Answer]) -> tuple[UnitTask, Answer]:
        task = self._under_way.pop(future)
        self._n_bytes -= task.n_bytes
        self._promises.pop(future, None)
        try:
            answer = future.result()
        except Exception as error:
            error.add_note(f"This came of labelling the neurons {listed(task.unit.neurons)}.")
            raise
        self._threads.add((answer.process, answer.thread))
        if answer.block is not None:
            self._held_back = 0
        return task, answer

    def _send_again(self, task: UnitTask, process: str) -> None:
        """Send a unit again that came to a process without the shared content.

        One task brings it to the process. Meanwhile others that come back are not sent again at
        once, or they would go to and fro while that task is on its way.
        """
        if process in self._promises.values() or len(self._promises) >= _MOST_PROMISES:
            self._waiting.appendleft(task.unit)
            self._held_back += 1
        else:
            self._promises[self._send(task.unit, task.rows, self._shared)] = process


def _has_failed(future: Future[Answer]) -> bool:
    return future.cancelled() or future.exception() is not None

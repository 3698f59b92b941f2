"""The loop of `harmonize`: epochs of steps, each logged, and kept in the checkpoint when due."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from invert_captum._log import progress
from invert_captum.activations.evaluation import evaluating
from invert_captum.alignment.training.optimization import (
    StepOutcome,
    StepSettings,
    advance,
    optimize,
)
from invert_captum.alignment.training.random_state import random_state, restore_random_state
from invert_captum.alignment.training.run_settings import (
    loss_settings,
    optimizer_settings,
    scheduler_settings,
)
from invert_captum.alignment.training.training_batches import (
    batch_groups,
    generators,
    iterate,
    n_batches,
    set_epoch,
    skip,
)
from invert_captum.alignment.training.training_checkpoint import (
    Progress,
    RunState,
    Trained,
    TrainingCheckpoint,
)
from invert_captum.alignment.training.training_log import TrainingLog, check_measures

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Mapping

    import pandas as pd
    import torch
    from torch import nn

    from invert_captum.alignment.training.optimization import Batch

    PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class Course:
    """How a run goes on from step to step; see `harmonize`."""

    n_epochs: int
    scheduler_interval: str
    accumulate: int
    checkpoint_every: int | None


class TrainingLoop:
    """A run from its first or from any later step to its end; see `harmonize`.

    Args:
        trained: What the run changes.
        data: Batches, gone through once for each epoch.
        step: How a step is made.
        course: How the run goes on from step to step.
        device: Where batches are moved.
        validate: Called with the model after every epoch.
        show_progress: Whether to draw a progress bar for every epoch.
    """

    def __init__(
        self,
        trained: Trained,
        data: object,
        step: StepSettings,
        course: Course,
        device: torch.device,
        validate: Callable[[nn.Module], Mapping[str, float]] | None,
        *,
        show_progress: bool,
    ) -> None:
        self._trained = trained
        self._data = data
        self._generators = generators(data)
        self._step_settings = step
        self._course = course
        self._device = device
        self._validate = validate
        self._show_progress = show_progress
        self._progress = Progress()
        self._epoch_start = random_state(self._generators)

    def run(self, checkpoint: PathLike | None, log: PathLike | None) -> pd.DataFrame:
        """Start, or go on where the checkpoint ends, and return the log."""
        self._file = (
            None
            if checkpoint is None
            else TrainingCheckpoint(checkpoint, self._trained, self._settings())
        )
        if self._file is not None and self._file.path.exists():
            now = self._go_on(self._file, log)
        else:
            now = None
            self._start(log)
        while self._progress.epoch < self._course.n_epochs:
            self._run_epoch(now)
            self._end_epoch()
            now = None
        return self._log.table()

    def _start(self, log: PathLike | None) -> None:
        if log is not None and Path(log).exists():
            raise FileExistsError(
                f"log {str(log)!r} exists, but no checkpoint from which its run could go on; "
                "expected a new path"
            )
        self._log = TrainingLog(log)
        # Before the first step, because a run of days should not fail at its first checkpoint.
        if self._file is not None:
            self._file.save_first(self._state())
        self._log.start()

    def _go_on(self, file: TrainingCheckpoint, log: PathLike | None) -> dict[str, Any] | None:
        """Return the random state after the last step, or None at the start of an epoch."""
        state, content = file.read(self._course.n_epochs)
        self._log = TrainingLog(log, state.log_columns, state.log_rows)
        self._log.check_own()
        self._trained.load(content)
        self._log.start()
        self._progress = state.progress
        restore_random_state(state.epoch_start, self._generators)
        return state.now if state.progress.batches else None

    def _run_epoch(self, now: dict[str, Any] | None) -> None:
        at = self._progress
        set_epoch(self._data, at.epoch)
        self._epoch_start = random_state(self._generators)
        batches = iterate(self._data)
        skip(batches, at.batches, at.epoch + 1)
        if now is not None:
            restore_random_state(now, self._generators)
        started = time.perf_counter()
        for group in self._groups(batches):
            rate = float(self._trained.optimizer.param_groups[0]["lr"])
            outcome = self._take_step(group)
            terms = {name: float(term) for name, term in outcome.terms._asdict().items()}
            self._append(started, **terms, learning_rate=rate, grad_norm=outcome.grad_norm)
            every = self._course.checkpoint_every
            if every is not None and at.step % every == 0:
                self._save()
            started = time.perf_counter()
        if not at.batches:
            raise ValueError(
                f"data has no batches in epoch {at.epoch + 1}; expected at least one, in every "
                "epoch anew"
            )

    def _groups(self, batches: Iterator[object]) -> Iterator[list[Batch]]:
        at, size = self._progress, self._course.accumulate
        number = at.epoch + 1
        n = n_batches(self._data)
        return progress(
            batch_groups(batches, size, done=at.batches, epoch=number, device=self._device),
            show=self._show_progress,
            description=f"epoch {number} of {self._course.n_epochs}",
            total=None if n is None else -(-max(n - at.batches, 0) // size),
        )

    def _take_step(self, group: list[Batch]) -> StepOutcome:
        at, trained = self._progress, self._trained
        try:
            outcome = optimize(trained.model, trained.optimizer, group, self._step_settings)
        except Exception as error:
            error.add_note(f"in step {at.step + 1} of the training, in epoch {at.epoch + 1}")
            raise
        if trained.scheduler is not None and self._course.scheduler_interval == "step":
            outcome.advance(trained.scheduler)
        n_rows = sum(len(batch.images) for batch in group)
        at.step += 1
        at.batches += len(group)
        at.n_rows += n_rows
        at.total += float(outcome.terms.total) * n_rows
        return outcome

    def _end_epoch(self) -> None:
        at, trained = self._progress, self._trained
        if trained.scheduler is not None and self._course.scheduler_interval == "epoch":
            advance(trained.scheduler, at.total / at.n_rows)
        if self._validate is not None:
            started = time.perf_counter()
            with evaluating(trained.model):
                measures = check_measures(self._validate(trained.model))
            self._append(started, **measures)
        at.end_epoch()
        self._epoch_start = random_state(self._generators)
        self._save()

    def _append(self, started: float, **numbers: float) -> None:
        at = self._progress
        place = {"epoch": at.epoch + 1, "step": at.step}
        self._log.append({**place, **numbers, "seconds": time.perf_counter() - started})

    def _save(self) -> None:
        if self._file is not None:
            self._file.save(self._state())

    def _state(self) -> RunState:
        return RunState(
            self._progress,
            self._epoch_start,
            random_state(self._generators),
            list(self._log.columns),
            self._log.rows(),
        )

    def _settings(self) -> dict[str, str]:
        """Return what a run that goes on must have in common with the one before."""
        step, course, trained = self._step_settings, self._course, self._trained
        own = {
            "accumulate": course.accumulate,
            "max_grad_norm": step.max_grad_norm,
            "autocast_dtype": step.autocast_dtype,
            "scheduler_interval": trained.scheduler and course.scheduler_interval,
            "len(data)": n_batches(self._data),
            "generators of data": len(self._generators),
        }
        return {
            **{name: str(value) for name, value in own.items()},
            **loss_settings(step.loss),
            **optimizer_settings(trained.optimizer, trained.scheduler),
            **scheduler_settings(trained.scheduler),
        }

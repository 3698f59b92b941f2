"""The state of a training run in one file, with which it goes on as if it had not stopped."""

from __future__ import annotations

import io
import pickle
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from invert_captum._files import replacing
from invert_captum.alignment.training.run_settings import differing_settings

if TYPE_CHECKING:
    import os

    from torch.amp import GradScaler
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

_FORMAT = "invert-captum harmonization checkpoint"
_VERSION = 1


@dataclass
class Progress:
    """How far a run has come.

    Args:
        epoch: Epochs that are done.
        step: Optimisation steps that are done.
        batches: Batches of the running epoch that are done.
        total: Sum of the total loss over the running epoch's rows.
        n_rows: The running epoch's rows so far.
    """

    epoch: int = 0
    step: int = 0
    batches: int = 0
    total: float = 0.0
    n_rows: int = 0

    def end_epoch(self) -> None:
        """Count the running epoch as done."""
        self.epoch += 1
        self.batches, self.total, self.n_rows = 0, 0.0, 0


@dataclass(frozen=True)
class Trained:
    """What a run changes."""

    model: nn.Module
    optimizer: Optimizer
    scheduler: LRScheduler | None
    scaler: GradScaler | None

    def state(self) -> dict[str, Any]:
        """Return the state of all."""
        return {
            "model": dict(self.model.state_dict()),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": None if self.scheduler is None else self.scheduler.state_dict(),
            "scaler": None if self.scaler is None else self.scaler.state_dict(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take over what `state` returned."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.scheduler is not None:
            self.scheduler.load_state_dict(state["scheduler"])
        if self.scaler is not None:
            self.scaler.load_state_dict(state["scaler"])


@dataclass(frozen=True)
class RunState:
    """Everything that a checkpoint holds besides weights and settings.

    Args:
        progress: How far the run has come.
        epoch_start: Random state before the running epoch's first batch was asked for.
        now: Random state after the last step.
        log_columns: Columns of the log.
        log_rows: float64, shape (rows, columns).
    """

    progress: Progress
    epoch_start: dict[str, Any]
    now: dict[str, Any]
    log_columns: list[str]
    log_rows: Tensor


class TrainingCheckpoint:
    """The checkpoint of a run, in a file.

    Args:
        path: The file.
        trained: What the run changes.
        settings: What determines its course; see `run_settings`.
    """

    def __init__(
        self, path: str | os.PathLike[str], trained: Trained, settings: dict[str, str]
    ) -> None:
        self.path = Path(path)
        self._trained = trained
        self._settings = settings

    def save(self, state: RunState) -> None:
        """Write the file, instead of what it held before.

        Raises:
            OSError: It cannot be written; what it held before stays.
        """
        with replacing(self.path) as file:
            torch.save(self._content(state), file)

    def save_first(self, state: RunState) -> None:
        """Write the file, if it can be read back.

        Raises:
            OSError: It cannot be written.
            TypeError: The state has objects that are not read without running code.
        """
        content = io.BytesIO()
        torch.save(self._content(state), content)
        content.seek(0)
        try:
            torch.load(content, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            raise TypeError(
                "checkpoint would hold objects of model, optimizer or scheduler that "
                f"torch.load(weights_only=True) does not read: {error}"
            ) from error
        with replacing(self.path) as file:
            file.write(content.getbuffer())

    def read(self, n_epochs: int) -> tuple[RunState, dict[str, Any]]:
        """Return how far the run came, and the state for `Trained.load`; nothing changes yet.

        Raises:
            ValueError: The file is damaged, or of another run.
        """
        content = self._read()
        self._check(content, n_epochs)
        run = content["run"]
        return RunState(**{**run, "progress": Progress(**run["progress"])}), content

    def _content(self, state: RunState) -> dict[str, Any]:
        return {
            "format": _FORMAT,
            "version": _VERSION,
            "settings": self._settings,
            **self._trained.state(),
            # Not asdict(state), which would copy the log's rows.
            "run": {**vars(state), "progress": asdict(state.progress)},
        }

    def _read(self) -> dict[str, Any]:
        try:
            # torch.load does not compare the checksums that the file has.
            with zipfile.ZipFile(self.path) as archive:
                damaged = archive.testzip()
            if damaged is not None:
                raise ValueError(f"its part {damaged!r} does not have the checksum that it says")
            content = torch.load(self.path, map_location="cpu", weights_only=True)
        except (zipfile.BadZipFile, pickle.UnpicklingError, RuntimeError, EOFError) as error:
            raise ValueError(
                f"checkpoint {str(self.path)!r} cannot be read: it is damaged or something else"
            ) from error
        except ValueError as error:
            raise ValueError(f"checkpoint {str(self.path)!r} is damaged: {error}") from error
        if not isinstance(content, dict) or content.get("format") != _FORMAT:
            raise ValueError(f"checkpoint {str(self.path)!r} is not of the format {_FORMAT!r}")
        if content["version"] != _VERSION:
            raise ValueError(
                f"checkpoint {str(self.path)!r} has version {content['version']!r}; this release "
                f"reads version {_VERSION}"
            )
        return content

    def _check(self, content: dict[str, Any], n_epochs: int) -> None:
        differing = differing_settings(content["settings"], self._settings)
        own = _described(dict(self._trained.model.state_dict()))
        differing += differing_settings(_described(content["model"]), own)
        done = content["run"]["progress"]["epoch"]
        if n_epochs < done:
            differing.append(f"n_epochs is {n_epochs}, but {done} are done")
        if differing:
            first = "; ".join(differing[:5])
            more = f"; and {len(differing) - 5:,} more" if len(differing) > 5 else ""
            raise ValueError(
                f"checkpoint {str(self.path)!r} is of another run: {first}{more}; expected the "
                "arguments of that run, or another path"
            )


def _described(state: dict[str, Any]) -> dict[str, str]:
    """Return the shape and dtype of every entry of a model's state."""
    return {
        f"model's {name!r}": f"{tuple(value.shape)} {value.dtype}"
        if isinstance(value, Tensor)
        else type(value).__name__
        for name, value in state.items()
    }

"""Runs on several processes, each kept as a file as soon as it is done."""

from __future__ import annotations

import hashlib
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from benchmarks.harmonized_emoji.training import PictureScores, perform
from invert_captum._files import replacing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.harmonized_emoji.training import Run

_MAKING = ("emoji_classes", "sprites", "grounds", "scenes", "networks", "training")


def perform_all(runs: Sequence[Run], folder: Path, workers: int) -> dict[Run, PictureScores]:
    """Return what every run found; a run whose file is in the folder is read from there.

    The file's name has a digest of these modules. It does not know of changes of the package, such
    as its loss: begin with an empty folder after one.

    Args:
        runs: In the order in which they are begun.
        folder: Where files are kept; it is made if it does not exist.
        workers: Processes, one thread each; 1 means this process.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = [run for run in runs if not _path(run, folder).is_file()]
    if workers == 1:
        for run in missing:
            _keep(run, folder)
    elif missing:
        # Processes that are forked would share the state of PyTorch's threads.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(
            workers, mp_context=context, initializer=torch.set_num_threads, initargs=(1,)
        ) as pool:
            for done in as_completed([pool.submit(_keep, run, folder) for run in missing]):
                done.result()
    return {run: read_scores(_path(run, folder)) for run in runs}


def read_scores(path: Path) -> PictureScores:
    """Read what a run left."""
    with np.load(path) as file:
        return PictureScores(**file)


def _keep(run: Run, folder: Path) -> None:
    scores = perform(run)
    with replacing(_path(run, folder)) as file:
        np.savez(file, **scores._asdict())
    print(
        f"{run.name}: Spearman {scores.spearman.mean():.3f}, accuracy {scores.correct.mean():.3f}, "
        f"{float(scores.seconds):.0f} s",
        file=sys.stderr,
        flush=True,
    )


def _path(run: Run, folder: Path) -> Path:
    return folder / f"{run.name}-{_code()}.npz"


@cache
def _code() -> str:
    """Return a digest of what makes a run, so that other code never reads its file."""
    digest = hashlib.sha256()
    for name in _MAKING:
        digest.update(Path(__file__).with_name(f"{name}.py").read_bytes())
    return digest.hexdigest()[:8]

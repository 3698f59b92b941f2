"""The null table that all neurons without ties share, made once and kept."""

from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from invert_captum._files import replacing
from invert_captum._log import logger, progress
from invert_captum._version import __version__
from invert_captum.labeling.identity import sha256
from invert_captum.labeling.permutation_test import largest_draw
from invert_captum.result.packed_mask import pack_folds
from invert_captum.search import untied_row

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

    from invert_captum.concepts import ConceptSet
    from invert_captum.labeling.permutation_test import PermutationTest
    from invert_captum.labeling.settings import LabelingSettings
    from invert_captum.labeling.split import Split

_FORMAT = "invert-captum null table"
# Permutations of one task, and of all tasks between two writes.
_DRAW, _STEP = 64, 4096
# What the permuted searches of a neuron without ties depend on, besides labels and folds.
_RELEVANT = (
    "max_length", "beam_width", "min_fraction", "max_fraction", "min_positives", "sign",
    "n_folds", "fold_combination", "seed",
)  # fmt: skip
_kept: dict[str, NDArray[np.float64]] = {}
_lock = Lock()


def forget() -> None:
    """Forget the tables that this process keeps; those on disk stay."""
    with _lock:
        _kept.clear()


def table_key(concepts: ConceptSet, split: Split, settings: LabelingSettings) -> str:
    """Return what two calls share if and only if their neurons without ties share a null."""
    folds = None if split.folds is None else pack_folds(split.folds)
    relevant = {name: getattr(settings, name) for name in _RELEVANT}
    return sha256([__version__, concepts.fingerprint, concepts.n_samples, folds, relevant])


def shared_null(
    test: PermutationTest,
    key: str,
    folder: str | os.PathLike[str] | None,
    *,
    show: bool,
) -> NDArray[np.float64]:
    """Return the permuted statistics of a neuron without ties, float64 of shape (P,).

    Permutation p is the same whatever P, so that a longer table serves a call that asks for less,
    and a shorter one is only made longer.

    Args:
        test: The test whose permutations are searched.
        key: From `table_key`.
        folder: Where tables are kept on disk; None for this process's memory only.
        show: Whether to draw a progress bar on standard error.

    Raises:
        OSError: If the folder cannot be written.
    """
    n_permutations = test.n_permutations
    with _lock:
        table = _kept.get(key, np.empty(0))
        path = None if folder is None else Path(folder).expanduser() / f"{key[:32]}.json"
        on_disk = np.empty(0) if path is None else _read(path, key)
        if len(on_disk) > len(table):
            table = on_disk
        while len(table) < n_permutations:
            last = min(len(table) + _STEP, n_permutations)
            table = np.concatenate([table, _searched(test, len(table), last, show)])
            if path is not None:
                _write(path, key, table)
                on_disk = table
        _kept[key] = table
        if path is not None and len(on_disk) < len(table):
            _write(path, key, table)
    return table[:n_permutations].copy()


def _searched(test: PermutationTest, first: int, last: int, show: bool) -> NDArray[np.float64]:
    import torch

    row = untied_row(test.permutations.n_samples)

    at_once = min(_DRAW, largest_draw(test.permutations.n_samples))

    def work(start: int) -> NDArray[np.float64]:
        drawn = test.permutations.draw(start, min(start + at_once, last))
        scores: NDArray[np.float64] = test.procedure.permuted(row, drawn)[0]
        return scores

    starts = range(first, last, at_once)
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        done = progress(
            pool.map(work, starts), show=show, description="permutations", total=len(starts)
        )
        return np.concatenate(list(done))


def _read(path: Path, key: str) -> NDArray[np.float64]:
    """Return the table of a file; an empty one if there is none, or it is damaged."""
    if not path.exists():
        return np.empty(0)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        body = {name: content[name] for name in ("format", "key", "scores")}
        if content["sha256"] != sha256(body) or content["format"] != _FORMAT:
            raise ValueError("its content does not have the SHA-256 that it says")
        if content["key"] != key:
            raise ValueError("it is of other concepts or settings")
        scores = [math.nan if score is None else float(score) for score in content["scores"]]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        logger.warning("%s is damaged, its table is made again: %s", path, error)
        return np.empty(0)
    return np.array(scores)


def _write(path: Path, key: str, table: NDArray[np.float64]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    scores = [None if math.isnan(score) else score for score in table.tolist()]
    body: dict[str, Any] = {"format": _FORMAT, "key": key, "scores": scores}
    with replacing(path) as file:
        file.write(json.dumps({**body, "sha256": sha256(body)}, allow_nan=False).encode())

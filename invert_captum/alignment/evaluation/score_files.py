"""The file of scores: a compressed ``.npz`` of arrays and one JSON text, no pickle."""

from __future__ import annotations

import dataclasses
import json
import operator
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from invert_captum._files import replacing
from invert_captum._validation import check_choice, check_integer, listed, shown
from invert_captum.alignment.evaluation.attribution_maps import CHANNEL_REDUCTIONS
from invert_captum.alignment.evaluation.evaluation_settings import EvaluationSettings
from invert_captum.alignment.metrics.top_pixels import check_percentile

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

FORMAT = "invert-captum alignment scores"
VERSION = 1
_TYPES = {
    "spearman": "<f8",
    "dice": "<f8",
    "iou": "<f8",
    "labels": "<i8",
    "predicted": "<i8",
    "rows": "<i8",
    "fingerprints": "<u8",
}


class ScoreContent(NamedTuple):
    """What a file of scores holds.

    Attributes:
        arrays: By the names of `AlignmentScores`, each of shape (n,), ``fingerprints`` if it has
            them.
        n_left_out: How many rows of the data had no human map.
        human_ceiling: Mean Spearman correlation of people with each other.
        settings: How the images were scored.
    """

    arrays: Mapping[str, npt.NDArray[Any]]
    n_left_out: int
    human_ceiling: float
    settings: EvaluationSettings


def write_score_file(path: str | os.PathLike[str], content: ScoreContent) -> None:
    """Write scores to ``path`` in one step.

    Raises:
        OSError: If the file cannot be written; what it held before stays.
    """
    text = {
        "format": FORMAT,
        "version": VERSION,
        "n_left_out": content.n_left_out,
        "human_ceiling": content.human_ceiling,
        "settings": dataclasses.asdict(content.settings),
    }
    # Numbers may be NumPy's, which JSON does not know.
    encoded = json.dumps(text, default=operator.methodcaller("item")).encode("ascii")
    arrays: dict[str, Any] = {
        name: np.asarray(array, dtype=_TYPES[name]) for name, array in content.arrays.items()
    }
    # Given an open file, NumPy leaves the name as it is instead of appending .npz.
    with replacing(path) as file:
        np.savez_compressed(file, metadata=np.frombuffer(encoded, dtype=np.uint8), **arrays)


def read_score_file(path: str | os.PathLike[str]) -> ScoreContent:
    """Read scores, checking everything but whether they fit each other.

    Raises:
        OSError: If the file cannot be opened.
        ValueError: If it is not a complete file of scores; the message names the path.
    """
    with Path(path).open("rb") as file:
        try:
            return _checked(_arrays_in(file))
        except Exception as error:
            # A damaged archive can fail in any layer below: zip, zlib, NumPy's header, JSON.
            raise ValueError(
                f"{os.fspath(path)!r} is not a file that AlignmentScores.save has written: {error}"
            ) from error


def _arrays_in(file: Any) -> dict[str, npt.NDArray[Any]]:
    archive = np.load(file, allow_pickle=False)
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise TypeError("it holds a single array")
    with archive:
        return {name: archive[name] for name in ("metadata", *_TYPES) if name in archive}


def _checked(arrays: dict[str, npt.NDArray[Any]]) -> ScoreContent:
    missing = [name for name in ("metadata", *_TYPES) if name not in arrays]
    if missing not in ([], ["fingerprints"]):
        raise ValueError(f"it has no {listed(missing)}")
    text = _metadata(arrays.pop("metadata"))
    for name, array in arrays.items():
        if array.dtype != _TYPES[name] or array.ndim != 1:
            raise ValueError(f"its {name} is {array.dtype} of shape {array.shape}")
    return ScoreContent(
        {name: array.astype(array.dtype.newbyteorder("=")) for name, array in arrays.items()},
        check_integer("n_left_out", text.get("n_left_out"), minimum=0),
        # Checked where scores are made, with what the bootstrap needs.
        text["human_ceiling"],
        _settings(text.get("settings")),
    )


def _metadata(encoded: npt.NDArray[Any]) -> dict[str, Any]:
    if encoded.dtype != np.uint8 or encoded.ndim != 1:
        raise ValueError(f"its metadata is {encoded.dtype} of shape {encoded.shape}")
    text = json.loads(encoded.tobytes().decode("ascii"))
    if not isinstance(text, dict) or text.get("format") != FORMAT:
        raise ValueError(f"its metadata does not name the format {FORMAT!r}")
    if text.get("version") != VERSION:
        raise ValueError(
            f"it has version {text.get('version')!r} of the format, and this version of the "
            f"package reads version {VERSION}"
        )
    return text


def _settings(given: Any) -> EvaluationSettings:
    if not isinstance(given, dict):
        raise TypeError(f"its settings are {shown(given)}")
    names = [field.name for field in dataclasses.fields(EvaluationSettings)]
    if sorted(given) != sorted(names):
        raise ValueError(f"its settings are of {listed(list(given))}; expected {', '.join(names)}")
    settings = EvaluationSettings(**given)
    if not isinstance(settings.attribution, str):
        raise TypeError(f"its attribution is {shown(settings.attribution)}")
    check_choice("channel_reduction", settings.channel_reduction, CHANNEL_REDUCTIONS)
    check_percentile(settings.percentile)
    return settings

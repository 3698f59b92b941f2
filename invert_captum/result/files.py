"""Labelling results as JSON files: versioned, no pickle, checked when read."""

from __future__ import annotations

import base64
import binascii
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from invert_captum._files import replacing
from invert_captum.result.labeling_result import COLUMNS, Explanation, LabelingResult
from invert_captum.search import Formula

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

_FORMAT = "invert-captum labeling result"
_VERSION = 1

_INTEGERS = frozenset({"neuron", "rank", "length", "n_positive"})
_TEXTS = frozenset({"layer", "formula"})


def pack_mask(mask: NDArray[np.bool_]) -> str:
    """Return a boolean vector as text, eight samples a byte, base64."""
    return base64.b64encode(np.packbits(mask).tobytes()).decode("ascii")


def unpack_mask(packed: str, n_samples: int) -> NDArray[np.bool_]:
    """Return the boolean vector of shape (n_samples,) that `pack_mask` packed.

    Raises:
        ValueError: If ``packed`` is not of ``n_samples`` samples.
    """
    try:
        content = base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("heldout is no base64 text") from error
    if len(content) != -(-n_samples // 8):
        raise ValueError(f"heldout has {len(content)} bytes, which do not fit {n_samples} samples")
    bits = np.unpackbits(np.frombuffer(content, dtype=np.uint8), count=n_samples)
    return bits.astype(np.bool_)


def save(result: LabelingResult, path: str | os.PathLike[str]) -> None:
    """Write ``result`` to ``path``; see `LabelingResult.save`."""
    table = {
        name: [_to_json(getattr(one, name)) for one in result.explanations] for name in COLUMNS
    }
    content = {
        "format": _FORMAT,
        "version": _VERSION,
        "settings": result.settings,
        "table": table,
    }
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    with replacing(path) as file:
        file.write(text.encode())


def _to_json(value: object) -> object:
    if isinstance(value, Formula):
        return str(value)
    if isinstance(value, float) and math.isnan(value):
        return None
    return value


def load(path: str | os.PathLike[str]) -> LabelingResult:
    """Read the result at ``path``; see `LabelingResult.load`."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        _check_header(content)
        settings, table = content["settings"], content["table"]
        _check_settings(settings)
        return LabelingResult(_explanations(table), settings)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"{Path(path)} is not a readable labelling result: {error}") from error


def _check_header(content: Any) -> None:
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise ValueError(f"its format is not {_FORMAT!r}")
    version = content.get("version")
    if version != _VERSION:
        raise ValueError(f"its version is {version!r}; this release reads version {_VERSION}")
    for part in ("settings", "table"):
        if not isinstance(content.get(part), dict):
            raise ValueError(f"its {part!r} is missing")


def _check_settings(settings: dict[str, Any]) -> None:
    n_samples, names = settings.get("n_samples"), settings.get("concepts")
    if not isinstance(n_samples, int) or n_samples < 1:
        raise ValueError(f"settings: n_samples is {n_samples!r}")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("settings: concepts is not a list of names")
    for name in ("significance", "correction", "alpha", "heldout"):
        if name not in settings:
            raise ValueError(f"settings: {name} is missing")
    if settings["heldout"] is not None:
        unpack_mask(settings["heldout"], n_samples)


def _explanations(table: dict[str, Any]) -> tuple[Explanation, ...]:
    missing = [name for name in COLUMNS if not isinstance(table.get(name), list)]
    if missing:
        raise ValueError(f"the table has no column {missing[0]!r}")
    if len({len(table[name]) for name in COLUMNS}) != 1:
        raise ValueError("the table's columns differ in length")
    columns = [[_from_json(name, value) for value in table[name]] for name in COLUMNS]
    return tuple(Explanation(*row) for row in zip(*columns, strict=True))


def _from_json(name: str, value: Any) -> Any:
    if name in _TEXTS:
        valid = value is None or isinstance(value, str)
        if name == "formula" and isinstance(value, str):
            return Formula.parse(value)
    elif name == "significant":
        valid = value is None or isinstance(value, bool)
    elif name in _INTEGERS:
        valid = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    else:
        value = math.nan if value is None else value
        valid = isinstance(value, float)
    if not valid:
        raise ValueError(f"the table's column {name!r} holds {value!r}")
    return value

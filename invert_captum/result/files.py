"""Labelling results as JSON files: versioned, no pickle, checked when read."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from invert_captum._files import replacing
from invert_captum.result.explanation import COLUMNS
from invert_captum.result.file_content import check_settings, read_table
from invert_captum.result.labeling_result import LabelingResult
from invert_captum.result.null_scores import NullScores
from invert_captum.search import Formula

if TYPE_CHECKING:
    import os

_FORMAT = "invert-captum labeling result"
_VERSION = 2


def as_plain_data(result: LabelingResult) -> dict[str, Any]:
    """Return all that a result holds as data that JSON knows; None for NaN."""
    table = {
        name: [_to_json(getattr(one, name)) for one in result.explanations] for name in COLUMNS
    }
    table["scores"] = [_to_json(dict(one.scores)) for one in result.explanations]
    return {
        "format": _FORMAT,
        "version": _VERSION,
        "keyed_by_layer": result.keyed_by_layer,
        "settings": result.settings,
        "table": table,
        "null": None if result.null is None else asdict(result.null),
    }


def save(result: LabelingResult, path: str | os.PathLike[str]) -> None:
    """Write ``result`` to ``path``; see `LabelingResult.save`."""
    text = json.dumps(
        as_plain_data(result), ensure_ascii=False, allow_nan=False, separators=(",", ":")
    )
    with replacing(path) as file:
        file.write(text.encode())


def _to_json(value: object) -> object:
    if isinstance(value, Formula):
        return str(value)
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, tuple):
        return [_to_json(one) for one in value]
    if isinstance(value, dict):
        return {name: _to_json(one) for name, one in value.items()}
    return value


def load(path: str | os.PathLike[str]) -> LabelingResult:
    """Read the result at ``path``; see `LabelingResult.load`."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"), parse_constant=_refuse)
        _check_header(content)
        check_settings(content["settings"])
        explanations = read_table(content["table"], content["settings"])
        if content["keyed_by_layer"] and any(one.layer is None for one in explanations):
            raise ValueError("its layers have no names, by which its neurons are keyed")
        null = None if content["null"] is None else NullScores.checked(content["null"])
        return LabelingResult(explanations, content["settings"], content["keyed_by_layer"], null)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"{Path(path)} is not a readable labelling result: {error}") from error


def _refuse(constant: str) -> None:
    raise ValueError(f"it holds {constant}, which is no JSON")


def _check_header(content: Any) -> None:
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise ValueError(f"its format is not {_FORMAT!r}")
    version = content.get("version")
    if version != _VERSION:
        raise ValueError(f"its version is {version!r}; this release reads version {_VERSION}")
    for part, kind in (("settings", dict), ("table", dict), ("keyed_by_layer", bool)):
        if not isinstance(content.get(part), kind):
            raise ValueError(f"its {part!r} is missing")

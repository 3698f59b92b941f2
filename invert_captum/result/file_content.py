"""The check of what a result file says, before any of it is used."""

from __future__ import annotations

import math
import sys
from typing import Any

from invert_captum.result.explanation import COLUMNS, Explanation
from invert_captum.result.packed_mask import unpack_folds, unpack_mask
from invert_captum.search import SIGNS, Formula

_INTEGERS = frozenset({"neuron", "rank", "length", "n_positive", "n_permutations"})
_TEXTS = frozenset({"layer", "formula", "interval"})
_ANY = (-sys.float_info.max, sys.float_info.max)
# All other columns are of numbers from 0 to 1.
_RANGES = {"log10_p": (_ANY[0], 0.0), "statistic": _ANY}


def check_settings(settings: dict[str, Any]) -> None:
    """Raise `ValueError` unless the settings that a result reads are what they should be."""
    n_samples, names, alpha = (settings.get(key) for key in ("n_samples", "concepts", "alpha"))
    if not isinstance(n_samples, int) or n_samples < 1:
        raise ValueError(f"settings: n_samples is {n_samples!r}")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("settings: concepts is not a list of names")
    if len(set(names)) < len(names):
        raise ValueError("settings: concepts has a name twice")
    if settings.get("sign") not in SIGNS:
        raise ValueError(f"settings: sign is {settings.get('sign')!r}")
    if not isinstance(alpha, float) or not 0 < alpha < 1:
        raise ValueError(f"settings: alpha is {alpha!r}")
    n_folds = settings["n_folds"]
    if n_folds is not None and (not isinstance(n_folds, int) or n_folds < 1):
        raise ValueError(f"settings: n_folds is {n_folds!r}")
    texts = ("significance", "correction", "heldout", "folds", "fold_combination", "groups_sha256")
    for name in texts:
        if not isinstance(settings[name], (str, type(None))):
            raise ValueError(f"settings: {name} is {settings[name]!r}")
    if settings["heldout"] is not None:
        unpack_mask(settings["heldout"], n_samples)
    if settings["folds"] is not None:
        unpack_folds(settings["folds"], n_samples)


def read_table(table: dict[str, Any], settings: dict[str, Any]) -> tuple[Explanation, ...]:
    """Return the explanations of a table, a list a column.

    Raises:
        ValueError: If a column is missing, too short, or holds what it cannot.
    """
    names = (*COLUMNS, "scores")
    missing = [name for name in names if not isinstance(table.get(name), list)]
    if missing:
        raise ValueError(f"the table has no column {missing[0]!r}")
    if len({len(table[name]) for name in names}) != 1:
        raise ValueError("the table's columns differ in length")
    columns = [[_checked(name, value) for value in table[name]] for name in names]
    explanations = tuple(Explanation(*row) for row in zip(*columns, strict=True))
    known = set(settings["concepts"])
    expected_rank: dict[tuple[str | None, int], int] = {}
    for one in explanations:
        rank = expected_rank.get((one.layer, one.neuron), 0)
        if one.rank != rank:
            raise ValueError(f"the table has rank {one.rank} of neuron {one.neuron} out of order")
        expected_rank[one.layer, one.neuron] = rank + 1
        if one.length != (0 if one.formula is None else one.formula.length):
            raise ValueError(f"the table gives {str(one.formula)!r} the length {one.length}")
        formulas = [one for one in (one.formula, *(one.fold_formulas or ())) if one is not None]
        unknown = {name for formula in formulas for name in formula.concepts} - known
        if unknown:
            raise ValueError(f"the table has the concept {min(unknown)!r}, which settings lack")
        if one.n_positive > settings["n_samples"]:
            raise ValueError(f"the table has {one.n_positive} positives of fewer samples")
        if math.isnan(one.auc) != (one.formula is None):
            raise ValueError(
                f"the table has a formula without an AUC, or the reverse: {one.neuron}"
            )
    if not explanations:
        raise ValueError("the table is empty")
    return explanations


def _checked(name: str, value: Any) -> Any:
    if name in _TEXTS:
        valid = value is None or isinstance(value, str)
        if name == "formula" and isinstance(value, str):
            return Formula.parse(value)
    elif name == "fold_formulas":
        valid = value is None or isinstance(value, list)
        if value is not None:
            value = tuple(None if text is None else Formula.parse(text) for text in value)
    elif name == "scores":
        valid = isinstance(value, dict)
        if valid:
            value = {key: _number(key, score, _ANY) for key, score in value.items()}
    elif name == "significant":
        valid = value is None or isinstance(value, bool)
    elif name in _INTEGERS:
        valid = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    else:
        return _number(name, value, _RANGES.get(name, (0.0, 1.0)))
    if not valid:
        raise ValueError(f"the table's column {name!r} holds {value!r}")
    return value


def _number(name: str, value: Any, limits: tuple[float, float]) -> float:
    value = math.nan if value is None else value
    if not isinstance(value, float) or not (math.isnan(value) or limits[0] <= value <= limits[1]):
        raise ValueError(f"the table's column {name!r} holds {value!r}")
    return value

"""The explanations of a result as a data frame."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from invert_captum.result.explanation import COLUMNS

if TYPE_CHECKING:
    import pandas as pd

    from invert_captum.result.labeling_result import LabelingResult


def to_frame(result: LabelingResult) -> pd.DataFrame:
    """Return one row per neuron and rank; see `LabelingResult.to_frame`."""
    import pandas as pd

    columns: dict[str, Any] = {
        name: [getattr(explanation, name) for explanation in result.explanations]
        for name in COLUMNS
    }
    texts = [None if formula is None else str(formula) for formula in columns["formula"]]
    columns["formula"] = texts
    for name in ("layer", "formula", "interval"):
        columns[name] = pd.Series(columns[name], dtype=object)
    columns["significant"] = pd.array(columns["significant"], dtype="boolean")
    columns["fold_formulas"] = [
        None if formulas is None else tuple(None if f is None else str(f) for f in formulas)
        for formulas in columns["fold_formulas"]
    ]
    for name in dict.fromkeys(name for one in result.explanations for name in one.scores):
        columns[name] = [one.scores.get(name, math.nan) for one in result.explanations]
    return pd.DataFrame(columns)

"""What a result shows of itself: one line, its best labels, a small table."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from invert_captum.result.explanation import Explanation
    from invert_captum.result.labeling_result import LabelingResult

_SHOWN_ROWS = 10
_COLUMNS = ["layer", "neuron", "formula", "auc", "heldout_auc", "n_positive", "p_adjusted"]


def as_text(result: LabelingResult) -> str:
    """Return the summary and the best labels, a line each."""
    best = _best(result)
    lines = [f"LabelingResult: {_summary(result)}"]
    lines += [
        f"  {_name(one)}  {one.formula}  AUC {one.auc:.3f}"
        + (f", held out {one.heldout_auc:.3f}" if not math.isnan(one.heldout_auc) else "")
        + (f", adjusted p {one.p_adjusted:.2g}" if not math.isnan(one.p_adjusted) else "")
        for one in best
    ]
    return "\n".join(lines + (["  …"] if len(result) > len(best) else []))


def as_html(result: LabelingResult) -> str:
    """Return the summary and a table of the best labels."""
    best = type(result)(tuple(_best(result)), result.settings)
    table = best.to_frame()[_COLUMNS]
    if all(one.layer is None for one in best.explanations):
        table = table.drop(columns="layer")
    html = table.to_html(index=False, float_format="{:.3g}".format, na_rep="–")
    return f"<p>{escape(_summary(result))}; the best:</p>{html}"


def _summary(result: LabelingResult) -> str:
    tested = [one for one in result.explanations if one.significant is not None]
    count = sum(bool(one.significant) for one in tested)
    layers = "" if len(result.layers) == 1 else f" of {len(result.layers)} layers"
    if not tested:
        return f"{len(result):,} neurons{layers}, not tested"
    settings = result.settings
    folds = "" if settings["n_folds"] is None else f" over {settings['n_folds']} folds"
    test = f"{settings['significance']}{folds}, {settings['correction']}"
    level = f"alpha={settings['alpha']}"
    return f"{len(result):,} neurons{layers}, {count:,} significant ({test}, {level})"


def _best(result: LabelingResult) -> list[Explanation]:
    ranked = [one for one in result.explanations if one.rank == 0 and one.formula is not None]
    order = sorted(ranked, key=lambda one: (not one.significant, -result.evidence(one)))
    return order[:_SHOWN_ROWS]


def _name(explanation: Explanation) -> str:
    if explanation.layer is None:
        return f"neuron {explanation.neuron}"
    return f"{explanation.layer}[{explanation.neuron}]"

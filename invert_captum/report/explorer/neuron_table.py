"""The table of neurons of the page: one list a column, from the result alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from invert_captum.report.explorer.formula_tokens import formula_tokens
from invert_captum.report.explorer.rounding import rounded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from invert_captum.concepts import ConceptSet
    from invert_captum.result import Explanation, LabelingResult

# What is a number in [0, 1] or missing.
_SCORES = {
    "auc": "auc",
    "heldout_auc": "heldout_auc",
    "low": "auc_low",
    "high": "auc_high",
    "p_adjusted": "p_adjusted",
    "fraction": "fraction",
}
_LOG_DIGITS = 4


def layer_names(result: LabelingResult) -> list[str]:
    """Return the names of the layers; a layer without one is called ``layer``."""
    return ["layer" if layer is None else layer for layer in result.layers]


def neuron_columns(result: LabelingResult) -> dict[str, Any]:
    """Return the columns of the table, an entry a neuron, in the order of the result.

    Args:
        result: The labels.

    Returns:
        *dict*: lists of equal length by name, of plain data. A neuron that was set aside has None
        for its formula and its scores.
    """
    ranked = [result[key] for key in result]
    best = [explanations[0] for explanations in ranked]
    positions = {name: place for place, name in enumerate(result.settings["concepts"])}
    layers = {layer: place for place, layer in enumerate(result.layers)}
    names = layer_names(result)
    columns: dict[str, Any] = {
        "key": [f"{names[layers[one.layer]]}/{one.neuron}" for one in best],
        "layer": [layers[one.layer] for one in best],
        "neuron": [one.neuron for one in best],
        "formula": [
            None if one.formula is None else formula_tokens(one.formula, positions) for one in best
        ],
        "text": [None if one.formula is None else str(one.formula) for one in best],
        "length": [one.length for one in best],
        "log10_p": [rounded(one.log10_p, _LOG_DIGITS) for one in best],
        "significant": [None if one.significant is None else int(one.significant) for one in best],
        "n_positive": [one.n_positive for one in best],
        "evidence": [rounded(result.evidence(one)) for one in best],
        "low_label": [int(result.is_about_low_activation(one)) for one in best],
        "runners_up": [[_runner_up(one) for one in others] for _, *others in ranked],
    }
    for name, attribute in _SCORES.items():
        columns[name] = [rounded(getattr(one, attribute)) for one in best]
    return columns


def concept_columns(result: LabelingResult, concepts: ConceptSet | None) -> dict[str, Any]:
    """Return name, description and number of positives of every concept that was searched.

    Args:
        result: The labels.
        concepts: What they are made of; None if it is not at hand.
    """
    names = list(result.settings["concepts"])
    if concepts is None:
        return {"name": names, "description": None, "n_positive": None}
    counts = dict(zip(concepts.names, concepts.counts.tolist(), strict=True))
    described = _descriptions(concepts)
    return {
        "name": names,
        "description": None if described is None else [described[name] for name in names],
        "n_positive": [counts[name] for name in names],
    }


def _descriptions(concepts: ConceptSet) -> Mapping[str, str] | None:
    if concepts.descriptions is None:
        return None
    return dict(zip(concepts.names, concepts.descriptions, strict=True))


def _runner_up(explanation: Explanation) -> dict[str, Any]:
    return {
        "text": str(explanation.formula),
        "auc": rounded(explanation.auc),
        "heldout_auc": rounded(explanation.heldout_auc),
        "n_positive": explanation.n_positive,
    }

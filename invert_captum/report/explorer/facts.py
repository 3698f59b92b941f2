"""The facts at the head of the page: what was labelled, with what, and how it was tested."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from invert_captum.report.explorer.neuron_table import layer_names

if TYPE_CHECKING:
    from invert_captum.result import LabelingResult

_TESTS = {
    "holdout": "hold-out",
    "permutation": "permutation",
    "in_sample": "on the searched samples",
}
_SIGNS = {
    "negative": "low activation",
    "absolute_value": "high or low activation",
}


def default_title(result: LabelingResult) -> str:
    """Return a headline: the model, if the result knows it, and its layers."""
    model = (result.settings.get("model") or {}).get("class")
    named = [layer for layer in result.layers if layer is not None]
    parts = [str(model)] if model else []
    if named:
        parts.append(", ".join(named) if len(named) <= 3 else f"{len(named)} layers")
    return ", ".join(parts) or f"{len(result):,} labelled neurons"


def facts(result: LabelingResult) -> list[list[str]]:
    """Return labels and values of what a reader should know before any neuron."""
    settings = result.settings
    best = [result[key][0] for key in result]
    found = [
        ["samples", f"{settings['n_samples']:,}"],
        ["concepts", f"{len(settings['concepts']):,}"],
        ["neurons", f"{len(best):,}"],
    ]
    if settings["significance"] is not None:
        found.append(["significant", f"{sum(bool(one.significant) for one in best):,}"])
    found.append(["test", _test(settings)])
    found.append(["search", _search(settings)])
    reduce = (settings.get("extraction") or {}).get("reduce")
    if reduce:
        found.append(["over positions", str(reduce)])
    versions = settings.get("versions") or {}
    if "invert-captum" in versions:
        found.append(["invert-captum", str(versions["invert-captum"])])
    return found


def report_head(result: LabelingResult, title: str, credit: str | None) -> dict[str, Any]:
    """Return the part of the page's report that is about the result as a whole."""
    settings = result.settings
    return {
        "version": 1,
        "title": title,
        "facts": facts(result),
        "credit": credit,
        "alpha": settings["alpha"],
        "level": round(1 - settings["alpha"], 12),
        "tested": tested(settings),
        "layers": layer_names(result),
        "n_samples": settings["n_samples"],
    }


def tested(settings: dict[str, Any]) -> str | None:
    """Return how labels were tested: ``"folds"`` for a hold-out that every sample takes part in."""
    significance = settings["significance"]
    folds = significance == "holdout" and settings["n_folds"] is not None
    return "folds" if folds else significance


def _test(settings: dict[str, Any]) -> str:
    if settings["significance"] is None:
        return "none"
    name = _TESTS.get(settings["significance"], str(settings["significance"]))
    if settings["n_folds"] is not None:
        name += f" over {settings['n_folds']} folds"
    correction = str(settings["correction"]).replace("_", " ")
    shown = "Holm" if correction == "holm" else correction
    return f"{name}, {shown}, alpha {settings['alpha']:g}"


def _search(settings: dict[str, Any]) -> str:
    parts = []
    if "max_length" in settings:
        parts.append(f"length ≤ {settings['max_length']}")
    if "beam_width" in settings:
        parts.append(f"beam {settings['beam_width']}")
    if settings["sign"] in _SIGNS:
        parts.append(_SIGNS[settings["sign"]])
    return ", ".join(parts) or "beam"

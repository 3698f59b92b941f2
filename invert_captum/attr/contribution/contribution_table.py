"""Contributions as a table and as a sentence."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from invert_captum.attr.contribution.contributions import Contributions
    from invert_captum.result.explanation import Explanation


def to_frame(contributions: Contributions, sample: int) -> pd.DataFrame:
    """Return the table of `Contributions.to_frame`."""
    import pandas as pd

    values = contributions.label_contributions[sample]
    errors = contributions.standard_errors
    members = _members(contributions)
    rows = []
    for i in values.abs().argsort(descending=True, stable=True).tolist():
        of_label = members[i]
        rows.append(
            {
                "kind": "label",
                "label": str(contributions.labels[i]),
                "contribution": values[i].item(),
                "standard_error": math.nan if errors is None else errors.labels[i].item(),
                "n_neurons": len(of_label),
                "neurons": [contributions.keys[column] for column in of_label],
                "heldout_auc": _best_auc([contributions.explanations[j] for j in of_label]),
            }
        )
    rest = {
        "remainder": (contributions.remainder, errors.remainder if errors else math.nan),
        "delta": (contributions.delta, errors.delta if errors else math.nan),
    }
    for kind, (column, error) in rest.items():
        rows.append(
            {
                "kind": kind,
                "label": kind,
                "contribution": column[sample].item(),
                "standard_error": error,
                "n_neurons": 0,
                "neurons": [],
                "heldout_auc": math.nan,
            }
        )
    return pd.DataFrame(rows)


def describe(
    contributions: Contributions, sample: int, top: int, target_name: str | None = None
) -> str:
    """Return the sentence of `Contributions.describe`."""
    values = contributions.label_contributions[sample]
    order = values.abs().argsort(descending=True, stable=True).tolist()
    change = contributions.change[sample].item()
    rest = contributions.remainder[sample].item()
    decimals = _decimals([change, rest, *values.tolist()])

    def number(value: float) -> str:
        # Adding 0.0 turns a negative zero into a zero.
        return f"{round(value, decimals) + 0.0:+.{decimals}f}"

    named = [f"{contributions.labels[i]} ({number(values[i].item())})" for i in order[:top]]
    others = order[top:]
    more = []
    if others:
        what = "other label" if len(others) == 1 else "other labels"
        more.append(f"{len(others)} {what} ({number(values[others].sum().item())})")
    kind = "significant label" if contributions.significant_only else "label"
    more.append(f"neurons without a {kind} ({number(rest)})")
    more.append(f"minus the convergence delta ({number(contributions.delta[sample].item())})")
    parts = "; ".join(", ".join(some) for some in (named, more) if some)
    return f"{_headline(contributions, sample, number(change), target_name)} because of {parts}"


def _headline(
    contributions: Contributions, sample: int, change: str, target_name: str | None
) -> str:
    at_zero = contributions.method == "LayerGradientXActivation"
    start = "the layer at zero" if at_zero else "the baseline"
    averaged = contributions.n_samples > 1
    mean = f", mean of {contributions.n_samples:,} samples" if averaged else ""
    target = contributions.target
    if target_name is not None:
        name = f'called "{target_name}"'
    elif isinstance(target, str):
        name = "the predicted class"
    elif target is None:
        name = "the output"
    else:
        several = isinstance(target, list) or (isinstance(target, Tensor) and target.numel() > 1)
        own = target[sample] if several else target  # type: ignore[index]
        name = f"called class {own.item() if isinstance(own, Tensor) else own}"
    return f"{name} ({change} over {start}{mean})"


def _decimals(numbers: Sequence[float]) -> int:
    """Return how many decimals show three digits of the largest of ``numbers``."""
    largest = max((abs(number) for number in numbers if math.isfinite(number)), default=0.0)
    return max(0, 2 - math.floor(math.log10(largest))) if largest > 0 else 2


def _best_auc(explanations: Sequence[Explanation]) -> float:
    """Return the held-out AUC that lies farthest from ½ in the direction that its label claims."""
    known = [one for one in explanations if not math.isnan(one.heldout_auc)]
    if not known:
        return math.nan
    best = max(known, key=lambda one: (one.heldout_auc - 0.5) * math.copysign(1, one.auc - 0.5))
    return best.heldout_auc


def _members(contributions: Contributions) -> list[list[int]]:
    """Return the columns of each label."""
    place = {label: index for index, label in enumerate(contributions.labels)}
    members: list[list[int]] = [[] for _ in place]
    for column, explanation in enumerate(contributions.explanations):
        if explanation.formula is not None:
            members[place[explanation.formula]].append(column)
    return members

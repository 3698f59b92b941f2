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


MISSED = "missed by the method"


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
    rest = (
        ("remainder", "remainder", contributions.remainder, errors.remainder if errors else None),
        ("delta", MISSED, -contributions.delta, errors.delta if errors else None),
    )
    for kind, label, column, error in rest:
        rows.append(
            {
                "kind": kind,
                "label": label,
                "contribution": column[sample].item(),
                "standard_error": math.nan if error is None else error,
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

    def listed(of: list[int]) -> str:
        return ", ".join(f"{contributions.labels[i]} ({number(values[i].item())})" for i in of)

    named, others = order[:top], order[top:]
    along = [i for i in named if values[i].item() * change >= 0]
    against = [i for i in named if i not in along]
    more = []
    if others:
        what = "other label" if len(others) == 1 else "other labels"
        more.append(f"{len(others)} {what} ({number(values[others].sum().item())})")
    kind = "significant label" if contributions.significant_only else "label"
    more.append(f"neurons without a {kind} ({number(rest)})")
    more.append(f"{MISSED} ({number(-contributions.delta[sample].item())})")
    headline = _headline(contributions, sample, number(change), target_name)
    because = f" because of {listed(along)}" if along else ""
    despite = f", in spite of {listed(against)}" if against else ""
    return f"{headline}{because}{despite}; {', '.join(more)}"


def _headline(
    contributions: Contributions, sample: int, change: str, target_name: str | None
) -> str:
    at_zero = contributions.method == "LayerGradientXActivation"
    start = "the layer at zero" if at_zero else "the baseline"
    averaged = contributions.n_samples > 1
    mean = f", mean of {contributions.n_samples:,} samples," if averaged else ""
    side = "under" if change.startswith("-") else "over"
    name = target_words(contributions, sample) if target_name is None else target_name
    return f"{name}: {change} {side} {start}{mean}"


def target_words(contributions: Contributions, sample: int) -> str:
    """Return what was split, such as ``class 7``."""
    target = contributions.target
    if isinstance(target, str):
        return "the predicted class"
    if target is None:
        return "the output"
    plain = target.tolist() if isinstance(target, Tensor) else target
    if not isinstance(plain, list):
        return f"class {plain}"
    # A mean has one row, but may have the targets of all samples.
    own = plain if contributions.n_samples > 1 else [plain[sample]]
    return f"class {own[0]}" if len(set(own)) == 1 else "each sample's own class"


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

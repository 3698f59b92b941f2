"""A prediction's way from the baseline's, one contribution after the other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from invert_captum.attr.contribution.contribution_table import MISSED

if TYPE_CHECKING:
    from invert_captum.attr.contribution.contributions import Contributions

Kind = Literal["label", "rest", "total"]


@dataclass(frozen=True)
class Step:
    """One bar of a waterfall.

    Attributes:
        name: What it stands for.
        begin: The prediction before it,
        end: and after it.
        error: The standard error of the difference; NaN where it is not a mean.
        kind: ``"label"`` if ``name`` is one, ``"rest"`` for what no label of its own stands for,
            ``"total"`` for a prediction, which has no bar: it begins where it ends.
    """

    name: str
    begin: float
    end: float
    kind: Kind
    error: float = math.nan

    @property
    def text(self) -> str:
        """The difference with its sign; of a total, the prediction."""
        if self.kind == "total":
            return typeset(f"{self.end:.4g}")
        size = self.end - self.begin
        error = "" if math.isnan(self.error) else f" ± {self.error:.2g}"
        shown = f"{size:+.2f}" if 0.1 <= abs(size) < 1000 or size == 0 else f"{size:+.3g}"
        return typeset(f"{shown}{error}")


def waterfall(contributions: Contributions, sample: int, top: int) -> list[Step]:
    """Return the bars from the baseline's prediction to the prediction, both of them included.

    Args:
        contributions: What was found.
        sample: Which row.
        top: How many labels have a bar of their own.

    Raises:
        ValueError: If there is no such sample, or its numbers are not finite.
    """
    frame = contributions.to_frame(sample)
    begin = float(contributions.baseline_prediction[sample])
    if not np.isfinite([begin, *frame["contribution"]]).all():
        raise ValueError(f"contributions of sample {sample} are not all finite; expected numbers")
    labels = frame[frame["kind"] == "label"]
    parts: list[tuple[str, float, Kind, float]] = [
        (str(name), float(size), "label", float(error))
        for name, size, error in zip(
            labels["label"][:top],
            labels["contribution"][:top],
            labels["standard_error"][:top],
            strict=True,
        )
    ]
    others = labels["contribution"][top:]
    if len(others):
        words = "1 other label" if len(others) == 1 else f"{len(others):,} other labels"
        parts.append((words, float(others.sum()), "rest", math.nan))
    rest = "significant label" if contributions.significant_only else "label"
    for kind, words in (("remainder", f"neurons without a {rest}"), ("delta", MISSED)):
        row = frame[frame["kind"] == kind]
        error = float(row["standard_error"].iloc[0])
        parts.append((words, float(row["contribution"].iloc[0]), "rest", error))
    steps = [Step("baseline", begin, begin, "total")]
    for name, size, step_kind, error in parts:
        steps.append(Step(name, begin, begin + size, step_kind, error))
        begin += size
    return [*steps, Step("prediction", begin, begin, "total")]


def typeset(number: str) -> str:
    """Return the text of a number with the minus sign of typography."""
    return number.replace("-", "−")

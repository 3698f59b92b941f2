"""The points and pairs of a figure, checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from invert_captum._validation import as_list, listed, shown


@runtime_checkable
class ScoredModel(Protocol):
    """Accuracy, alignment and its interval, as `AlignmentScores` have them."""

    @property
    def accuracy(self) -> float:
        """A share in [0, 1]."""

    @property
    def alignment(self) -> float:
        """1 for the human ceiling."""

    @property
    def interval(self) -> tuple[float, float]:
        """The ends of the interval of `alignment`."""


class PlottedPoint(NamedTuple):
    """Accuracy, alignment and the ends of its interval, in percent; NaN without an interval."""

    accuracy: float
    alignment: float
    low: float = math.nan
    high: float = math.nan


def plotted_points(points: Any) -> dict[str, PlottedPoint]:
    """Return the points in percent by name, checked.

    Raises:
        TypeError: They are no mapping and no pandas.DataFrame.
        ValueError: There are none, or a value is not finite or out of its range.

    Examples:
        >>> plotted_points({"plain": (0.5, 0.25)})["plain"][:2]
        (50.0, 25.0)
    """
    if hasattr(points, "to_dict") and hasattr(points, "columns"):
        points = _rows(points)
    if not isinstance(points, Mapping):
        raise TypeError(
            f"points is {shown(points)}; expected a mapping from names to (accuracy, alignment) "
            "or AlignmentScores, or a pandas.DataFrame with these columns"
        )
    if not points:
        raise ValueError("points is empty; expected at least one model")
    return {str(name): _point(str(name), values) for name, values in points.items()}


def _rows(frame: Any) -> dict[str, list[float]]:
    columns = ["accuracy", "alignment", "low", "high"]
    if not {"accuracy", "alignment"} <= set(frame.columns):
        raise ValueError(
            f"points has the columns {list(frame.columns)}; expected accuracy and alignment, and "
            "low and high for intervals"
        )
    if not frame.index.is_unique:
        raise ValueError("points has a name twice in its index; expected one row for each name")
    has_interval = {"low", "high"} <= set(frame.columns)
    chosen = frame[columns if has_interval else columns[:2]]
    return {str(name): list(row) for name, row in zip(chosen.index, chosen.to_numpy(), strict=True)}


def _point(name: str, values: Any) -> PlottedPoint:
    if isinstance(values, ScoredModel):
        values = (values.accuracy, values.alignment, *values.interval)
    numbers = np.asarray(as_list(f"points[{name!r}]", values), dtype=np.float64)
    if numbers.shape not in ((2,), (4,)):
        raise ValueError(
            f"points[{name!r}] has {numbers.size} values; expected (accuracy, alignment) or "
            "(accuracy, alignment, low, high)"
        )
    if not np.isfinite(numbers[:2]).all() or np.isinf(numbers).any():
        raise ValueError(f"points[{name!r}] is {numbers.tolist()}; expected finite numbers")
    if not 0 <= numbers[0] <= 1:
        raise ValueError(
            f"points[{name!r}] has accuracy {numbers[0]:g}; expected a share in [0, 1], not percent"
        )
    if len(numbers) == 4 and not (np.isnan(numbers[2:]).all() or numbers[2] <= numbers[3]):
        raise ValueError(
            f"points[{name!r}] has the interval {numbers[2]:g} to {numbers[3]:g}; expected low <= "
            "high, or both NaN"
        )
    return PlottedPoint(*(100 * numbers).tolist())


def plotted_pairs(pairs: Any, points: Mapping[str, PlottedPoint]) -> list[tuple[str, str]]:
    """Return the pairs of names (before, after), checked.

    Raises:
        TypeError: They are no sequence of sequences.
        ValueError: A pair has not two names, or one that no point has.
    """
    joined = [tuple(as_list("pairs", pair)) for pair in as_list("pairs", pairs)]
    for pair in joined:
        if len(pair) != 2:
            raise ValueError(f"pairs has {pair}; expected (before, after)")
        for name in pair:
            if name not in points:
                raise ValueError(
                    f"pairs has {name!r}, which no point has; expected names of points: "
                    f"{listed(list(points))}"
                )
    return [(str(before), str(after)) for before, after in joined]

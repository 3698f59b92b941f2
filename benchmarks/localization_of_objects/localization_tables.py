"""The tables of `benchmarks.localization`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.localization_of_objects.inversion_cost import N_PASSES
from benchmarks.localization_of_objects.method_scores import MOSAICS, ONE, TWO
from benchmarks.localization_of_objects.object_methods import (
    CENTRE,
    INPUT_X_GRADIENT,
    NO_CLASS,
    SALIENCY,
)
from benchmarks.localization_of_objects.paired_bootstrap import mean_interval, paired_interval
from benchmarks.results import Table, show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from benchmarks.localization_of_objects.inversion_cost import Cost
    from benchmarks.localization_of_objects.method_scores import MethodScores
    from benchmarks.localization_of_objects.paired_bootstrap import Interval
    from benchmarks.results import Cell

LEAST_SHARE, LEAST_AHEAD, MOST_SINGLE, MOST_BATCH = 0.65, 0.8, 3.0, 1.1
# Which methods Guided Feature Inversion is to beat, by measure.
TO_BEAT = {"pointing": (CENTRE, SALIENCY, INPUT_X_GRADIENT), "share": (SALIENCY,)}
MEASURE_NAMES = {"pointing": "pointing, one and two objects", "share": "class share"}

METHOD_COLUMNS = [
    *("method", "queries", "s per picture", "passes per picture", "pointing, one object"),
    *("pointing, two objects", "pointing, mosaics", "localisation error", "inside"),
    *("class share", "asked-for ahead", "insertion", "deletion", "infidelity", "sensitivity"),
]
DIFFERENCE_COLUMNS = [
    *("measure", "minus", "queries", "pictures", "difference", "95 % from", "to"),
    "bar met",
]
# What gradients, and a mask that knows no class, reach by the same measure.
BESIDE_BARS = (NO_CLASS, SALIENCY)
BAR_COLUMNS = ["what", "found", "95 % from", "to", "bar", "bar met"]
COST_COLUMNS = [
    *("pictures", f"s for {N_PASSES} passes", "s alone", "s in a batch"),
    *(f"alone / {N_PASSES} passes", "batch / alone"),
]
ROUNDING_COLUMNS = [
    *("after", "largest mask difference", "median of the pictures' largest", "mean difference"),
]


def method_row(scores: MethodScores) -> list[Cell]:
    """Return a row of the table of all methods."""
    one, two, mosaics = (scores.kinds.get(kind) for kind in (ONE, TWO, MOSAICS))
    queries = sum(len(kind.rows) for kind in scores.kinds.values())
    of_kinds = [(kind, "pointing") for kind in (one, two, mosaics)]
    of_kinds += [(one, "error"), (one, "inside"), (two, "share"), (two, "ahead")]
    found = [_mean(kind.values[name] if kind else np.empty(0)) for kind, name in of_kinds]
    names = ("insertion", "deletion", "infidelity", "sensitivity")
    found += [_mean(scores.all(name)) for name in names]
    return [scores.name, queries, scores.seconds(), scores.passes(), *found]


def method_table(scores: Sequence[MethodScores]) -> Table:
    """Return the table of all methods."""
    return Table(METHOD_COLUMNS, [method_row(one) for one in scores])


def paired_difference(
    subject: MethodScores, other: MethodScores, measure: str
) -> tuple[Interval, int, int]:
    """Return the mean difference on the queries that both saw, how many, and of how many pictures.

    Kinds without the measure, and mosaics, are left out.
    """
    mine: list[NDArray[np.float64]] = []
    others: list[NDArray[np.float64]] = []
    pictures: list[NDArray[np.int64]] = []
    for kind in (ONE, TWO):
        if kind not in subject.kinds or measure not in subject.kinds[kind].values:
            continue
        a, b = subject.kinds[kind], other.kinds[kind]
        _, in_a, in_b = np.intersect1d(a.rows, b.rows, return_indices=True)
        mine.append(a.values[measure][in_a])
        others.append(b.values[measure][in_b])
        pictures.append(a.pictures[in_a])
    together = np.concatenate(pictures)
    interval = paired_interval(np.concatenate(mine), np.concatenate(others), together)
    return interval, len(together), len(np.unique(together))


def difference_table(scores: Sequence[MethodScores]) -> Table:
    """Return the first method minus every other, with intervals."""
    subject = scores[0]
    by_name = {one.name: one for one in scores}
    rows: list[list[Cell]] = []
    for measure, to_beat in TO_BEAT.items():
        for name, other in by_name.items():
            if name == subject.name:
                continue
            interval, queries, pictures = paired_difference(subject, other, measure)
            met = _yes(interval.low > 0) if name in to_beat else "–"
            found = [interval.mean, interval.low, interval.high]
            rows.append([MEASURE_NAMES[measure], name, queries, pictures, *found, met])
    return Table(DIFFERENCE_COLUMNS, rows)


def bar_table(scores: Sequence[MethodScores], cost: Cost | None) -> Table:
    """Return what Guided Feature Inversion has to reach by itself."""
    by_name = {one.name: one.kinds[TWO] for one in scores}
    rows: list[list[Cell]] = []
    for name, measure, bar in (
        ("class share, two objects", "share", LEAST_SHARE),
        ("asked-for object ahead, two objects", "ahead", LEAST_AHEAD),
    ):
        for method, two in by_name.items():
            if method not in (scores[0].name, *BESIDE_BARS):
                continue
            interval = mean_interval(two.values[measure], two.pictures)
            found = (show(interval.mean), show(interval.low), show(interval.high))
            of_bar = (
                [f"≥ {bar}", _yes(interval.mean >= bar)] if method == scores[0].name else ["–", "–"]
            )
            rows.append([f"{name}: {method}", *found, *of_bar])
    if cost is None:
        return Table(BAR_COLUMNS, rows)
    for name, ratio, most in (
        (f"seconds for a picture, in units of {N_PASSES} passes", cost.single_ratio, MOST_SINGLE),
        (
            f"seconds for a batch of {cost.n}, in units of {cost.n} pictures",
            cost.batch_ratio,
            MOST_BATCH,
        ),
    ):
        rows.append([name, show(ratio), "–", "–", f"≤ {most}", _yes(ratio <= most)])
    return Table(BAR_COLUMNS, rows)


def cost_table(cost: Cost) -> Table:
    """Return the seconds behind the ratios."""
    ratios = [cost.single_ratio, cost.batch_ratio]
    return Table(COST_COLUMNS, [[cost.n, cost.passes, cost.single, cost.batch, *ratios]])


def rounding_table(cost: Cost) -> Table:
    """Return how far masks of a batch are from those of single runs."""
    return Table(
        ROUNDING_COLUMNS,
        [
            [f"{one.stage}", f"{one.largest:.1e}", f"{one.median:.1e}", f"{one.mean:.1e}"]
            for one in cost.rounding
        ],
    )


def _mean(values: NDArray[np.float64]) -> Cell:
    return float(values.mean()) if len(values) else "–"


def _yes(met: bool) -> str:
    return "yes" if met else "no"

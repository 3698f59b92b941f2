"""`plot_accuracy_and_alignment`: what a model gets right against how far it looks like people."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from invert_captum.alignment.figures.figure_style import (
    AFTER,
    BEFORE,
    DPI,
    HAIRLINE,
    HEADING_SIZE,
    INK,
    MUTED,
    TEXT_SIZE,
    TITLE_SIZE,
    empty_figure,
    fitted,
)
from invert_captum.alignment.figures.label_places import place_labels
from invert_captum.alignment.figures.plotted_points import plotted_pairs, plotted_points

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from invert_captum.alignment.figures.plotted_points import PlottedPoint, ScoredModel

    Numbers = npt.NDArray[np.float64]

# Inches.
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _BOTTOM, _TOP = 8.0, 6.0, 0.95, 0.3, 0.75, 0.2
_TITLE_ROW, _TITLE_LINE, _LEGEND_ROW = 0.5, 0.27, 0.35
_WIDEST_NAME = 2.4
# Points.
_MARKER, _GAP = 9.0, 9.0


def plot_accuracy_and_alignment(
    points: Mapping[str, Iterable[float] | ScoredModel] | pd.DataFrame,
    *,
    pairs: Iterable[tuple[str, str]] = (),
    title: str = "",
) -> Figure:
    """Draw models by accuracy and alignment, with an arrow from before to after training.

    The figure of Fel et al., NeurIPS 2022: accuracy across, alignment upwards, both in percent.

    Args:
        points: For each name ``(accuracy, alignment)`` or ``(accuracy, alignment, low, high)``, as
            shares: accuracy in [0, 1], alignment 1 for the human ceiling; or `AlignmentScores`,
            which stand for ``(scores.accuracy, scores.alignment, *scores.interval)``. Or a
            pandas.DataFrame with these columns, the names in its index.
        pairs: Names ``(before, after)``, which an arrow joins.
        title: Above the figure; empty for none.

    Returns:
        *matplotlib.figure.Figure*, which ``savefig`` writes.

    Raises:
        TypeError: ``points`` or ``pairs`` are nothing of the kind.
        ValueError: There are no points, a value is not finite or out of its range, or a pair has a
            name that no point has.

    Examples:
        >>> points = {"plain": (0.67, 0.23, 0.20, 0.26), "harmonized": (0.69, 0.61, 0.58, 0.64)}
        >>> figure = plot_accuracy_and_alignment(points, pairs=[("plain", "harmonized")])
        >>> figure.axes[0].get_xlabel()
        'Accuracy (%)'
    """
    drawn = plotted_points(points)
    joined = plotted_pairs(pairs, drawn)
    figure = empty_figure(_WIDTH, _HEIGHT)
    heading = fitted(title, _WIDTH - _LEFT - _RIGHT, TITLE_SIZE, bold=True, lines=2)
    n_more = heading.count("\n")
    above = _TOP + _TITLE_ROW * bool(heading) + _TITLE_LINE * n_more + _LEGEND_ROW * bool(joined)
    axes = _axes(figure, drawn, heading, above)
    colours = dict.fromkeys(drawn, INK if not joined else MUTED)
    colours |= {before: BEFORE for before, _ in joined}
    colours |= {after: AFTER for _, after in joined}
    for before, after in joined:
        _draw_arrow(axes, drawn[before], drawn[after])
    for name, point in drawn.items():
        _draw_point(axes, point, colours[name])
    if joined:
        _draw_legend(axes)
    _write_names(axes, drawn, joined)
    return figure


def _axes(figure: Figure, points: Mapping[str, PlottedPoint], heading: str, above: float) -> Axes:
    place = (
        _LEFT / _WIDTH,
        _BOTTOM / _HEIGHT,
        1 - (_LEFT + _RIGHT) / _WIDTH,
        1 - (_BOTTOM + above) / _HEIGHT,
    )
    axes = figure.add_axes(place)
    shares = _limits([point.accuracy for point in points.values()], 0.22)
    axes.set_xlim(*shares)
    axes.set_ylim(*_limits([value for point in points.values() for value in point[1:]], 0.12))
    # The axis may go on beyond 0 and 100 for the sake of names, where no accuracy can be.
    least, most = max(shares[0], 0), min(shares[1], 100)
    ticks = np.asarray(_ticks().tick_values(*shares))
    axes.set_xticks(ticks[(ticks >= least) & (ticks <= most)])
    axes.yaxis.set_major_locator(_ticks())
    axes.set_xlabel("Accuracy (%)", size=HEADING_SIZE, color=INK)
    axes.set_ylabel("Alignment (% of the human ceiling)", size=HEADING_SIZE, color=INK)
    axes.tick_params(labelsize=TEXT_SIZE, labelcolor=MUTED, color=HAIRLINE)
    axes.grid(color=HAIRLINE, lw=0.6, alpha=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(HAIRLINE)
    if heading:
        figure.text(
            _LEFT / _WIDTH,
            1 - 0.22 / _HEIGHT,
            heading,
            size=TITLE_SIZE,
            weight="bold",
            color=INK,
            va="top",
            parse_math=False,
        )
    return axes


def _limits(values: list[float], share: float) -> tuple[float, float]:
    """Return the ends of an axis with room for names around the points."""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    room = max(share * (high - low), 2.0)
    return low - room, high + room


def _ticks() -> MaxNLocator:
    return MaxNLocator(8, steps=[1, 2, 5, 10])


def _draw_point(axes: Axes, point: PlottedPoint, colour: str) -> None:
    if not math.isnan(point.low):
        axes.plot([point.accuracy] * 2, [point.low, point.high], color=colour, lw=1.6, alpha=0.6)
    axes.plot(
        [point.accuracy], [point.alignment], "o", ms=_MARKER, color=colour, mec="white", zorder=4
    )


def _draw_arrow(axes: Axes, before: PlottedPoint, after: PlottedPoint) -> None:
    axes.annotate(
        "",
        (after.accuracy, after.alignment),
        (before.accuracy, before.alignment),
        arrowprops={
            "arrowstyle": "-|>,head_length=0.6,head_width=0.28",
            "color": MUTED,
            "lw": 1.4,
            "shrinkA": _MARKER / 2 + 2,
            "shrinkB": _MARKER / 2 + 2,
        },
        zorder=3,
    )


def _draw_legend(axes: Axes) -> None:
    """Draw it above the axes, where no point is."""
    handles = [
        Line2D([], [], ls="", marker="o", ms=_MARKER, color=colour, mec="white", label=label)
        for label, colour in (("before", BEFORE), ("after", AFTER))
    ]
    axes.legend(
        handles=handles, loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False,
        fontsize=TEXT_SIZE, labelcolor=INK, handletextpad=0.2, columnspacing=1.2,
    )  # fmt: skip


def _write_names(
    axes: Axes, points: Mapping[str, PlottedPoint], pairs: list[tuple[str, str]]
) -> None:
    """Write each name near its point, joined to it by a line where it is not next to it."""
    texts = [
        axes.text(
            0, 0, fitted(name, _WIDEST_NAME, TEXT_SIZE, lines=2), size=TEXT_SIZE, color=INK,
            zorder=5, linespacing=1.0, parse_math=False,
        )
        for name in points
    ]  # fmt: skip
    boxes = [text.get_window_extent() for text in texts]
    sizes = np.array([[box.width, box.height] for box in boxes])
    origin = np.array([axes.bbox.x0, axes.bbox.y0])
    to_pixels = axes.transData.transform
    anchors = to_pixels([point[:2] for point in points.values()]) - origin
    avoid = to_pixels(_along_lines(points, pairs)) - origin
    gap = _GAP * DPI / 72
    corners = place_labels(anchors, sizes, avoid, axes.bbox.width, axes.bbox.height, gap)
    for text, corner, size, anchor in zip(texts, corners, sizes, anchors, strict=True):
        x, y = axes.transData.inverted().transform(corner + origin)
        text.set(x=x, y=y, va="bottom")
        nearest = np.clip(anchor, corner, corner + size)
        distance = np.linalg.norm(nearest - anchor)
        if distance > 2 * gap:
            # It ends before the first letter, which may fill its box.
            nearest += (anchor - nearest) * 0.4 * gap / distance
            ends = axes.transData.inverted().transform(np.stack([anchor, nearest]) + origin)
            axes.plot(*ends.T, color=MUTED, lw=0.8, zorder=2)


def _along_lines(points: Mapping[str, PlottedPoint], pairs: list[tuple[str, str]]) -> Numbers:
    """Return places along arrows and intervals, in the units of the axes."""
    ends = [(points[before][:2], points[after][:2]) for before, after in pairs]
    ends += [
        ((one.accuracy, one.low), (one.accuracy, one.high))
        for one in points.values()
        if not math.isnan(one.low)
    ]
    if not ends:
        return np.array([point[:2] for point in points.values()])
    steps = np.linspace(0, 1, 60)[:, None]
    lines = [np.array(start) + steps * (np.array(end) - start) for start, end in ends]
    return np.concatenate(lines)

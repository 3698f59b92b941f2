"""The volcano: how large an effect is against how sure it is, a point a neuron."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from scipy.optimize import linear_sum_assignment

from invert_captum.report.neuron_card import HAIRLINE, INK, INSIDE, MUTED
from invert_captum.report.panel import TEXT_SIZE, halo
from invert_captum.report.table import best_keys
from invert_captum.report.text_fit import text_width, wrap
from invert_captum.report.threshold import threshold

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation
    from matplotlib.transforms import Bbox

    from invert_captum.report.evidence import Evidence
    from invert_captum.report.panel import Panel
    from invert_captum.result import LabelingResult

NOT_SIGNIFICANT = "#9AA0A6"

# Labels that are named, and so many of the best of which they are distinct ones.
_NAMED, _CANDIDATES = 8, 100
_FONT = FontProperties(family="DejaVu Sans", weight="bold", size=TEXT_SIZE)
# More than the widest name has; measuring hundreds of them takes seconds.
_MOST_LETTERS = 64
# Inches.
_WIDEST_NAME, _NAME_GAP, _NAME_LINE = 2.3, 0.28, 0.27

# Where the words of a horizontal line may stand: share of the axes' width, alignment, and above,
# below or on the line.
_BESIDE = [
    *((x, side, up) for up in (1, -1) for x, side in ((0.01, "left"), (0.99, "right"))),
    *((0.5, "center", up) for up in (1, -1)),
    (1.01, "left", 0),
    (-0.01, "right", 0),
]
# Pixels around a text in which a point's edge would touch it.
_RIM = 5

# Up to here −log10 p is drawn as it is; higher ones are drawn logarithmically above _LINEAR_PART.
_HIGHEST_LINEAR, _LINEAR_PART = 40.0, 10.0
# Decades that the linear part is as high as.
_LINEAR_DECADES = 1.5
_MOST_DECADES = 5


def draw_volcano(panel: Panel, result: LabelingResult, evidence: Evidence) -> Axes:
    """Draw the panel and return its axes.

    Args:
        panel: Where to draw.
        result: The labels.
        evidence: What tests say of them.
    """
    settings = result.settings
    of_max_t = settings["correction"].startswith("westfall_young")
    notes = ["decided by max-T, not on these p-values"] if of_max_t else []
    n_drawn = int(evidence.has_effect.sum())
    if n_drawn < len(evidence):
        notes.append(f"{len(evidence) - n_drawn:,} not drawn: no held-out AUC")
    count = int((evidence.significant & evidence.has_effect).sum())
    swatches = [
        (f"{count:,} significant", INSIDE),
        (f"{n_drawn - count:,} not significant", NOT_SIGNIFICANT),
    ]
    panel.heading("Effect against p-value", "; ".join(notes), swatches)
    names = _names(result, evidence)
    low = [one for one in names if one[0] < 0.5]
    high = [one for one in names if one[0] >= 0.5]
    cut = threshold(evidence, settings["correction"], settings["alpha"])
    top = max(float(evidence.heights.max()), cut or 0.0, 1.0)
    scale = "" if top <= _HIGHEST_LINEAR else f", logarithmic above {_LINEAR_PART:g}"
    in_sample = ", in-sample" if settings["significance"] == "in_sample" else ""
    effect = "AUC on held-out samples" if evidence.has_heldout else "AUC on the searched samples"
    axes = panel.axes(
        f"{effect} (dashed: ½, no effect)",
        f"−log₁₀ p{in_sample}{scale}",
        before=_column_width(low),
        after=_column_width(high),
    )
    axes.set_gid("volcano")
    # The y axis stands left of the column of labels.
    axes.spines["left"].set_position(("outward", 72 * _column_width(low)))
    _scale(axes, evidence.effects, top)
    _scatter(axes, evidence)
    taken = _write_names(axes, low, on_left=True) + _write_names(axes, high, on_left=False)
    correction = f"{settings['correction']}, alpha {settings['alpha']:g}"
    _write_lines(axes, evidence, cut, correction, taken)
    return axes


def _names(result: LabelingResult, evidence: Evidence) -> list[tuple[float, float, str]]:
    """Return effect, height and label of the best distinct significant labels."""
    significant = [
        one
        for one in result.explanations
        if one.rank == 0
        and one.significant
        and not math.isnan(one.log10_p)
        # Such a label has no point that its name could stand beside.
        and not (evidence.has_heldout and math.isnan(one.heldout_auc))
    ]
    significant.sort(key=lambda one: -result.evidence(one))
    best = replace(result, explanations=tuple(significant[:_CANDIDATES]))
    named = []
    for key in best_keys(best, _NAMED, distinct=True) if significant else []:
        one = best[key][0]
        effect = one.heldout_auc if evidence.has_heldout else one.auc
        (label,) = wrap(str(one.formula)[:_MOST_LETTERS], _WIDEST_NAME, _FONT, lines=1)
        named.append((effect, 0.0 - one.log10_p, label))
    return named


def _column_width(names: Sequence[tuple[float, float, str]]) -> float:
    widths = [text_width(label, _FONT) for _, _, label in names]
    return max(widths) + _NAME_GAP if widths else 0.0


def _scale(axes: Axes, effects: npt.NDArray[np.float64], top: float) -> None:
    least, most = min(float(np.nanmin(effects)), 0.5), max(float(np.nanmax(effects)), 0.5)
    pad = max(0.04 * (most - least), 0.01)
    axes.set_xlim(least - pad, most + pad)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.axvline(0.5, color=MUTED, lw=1, ls=(0, (4, 3)), zorder=0)
    if top <= _HIGHEST_LINEAR:
        axes.set_ylim(-0.02 * top, 1.12 * top)
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        return
    axes.set_yscale("symlog", linthresh=_LINEAR_PART, linscale=_LINEAR_DECADES)
    decades = math.log10(top / _LINEAR_PART)
    axes.set_ylim(-0.25, top * 10 ** (0.05 * (decades + _LINEAR_DECADES)))
    step = math.ceil(decades / _MOST_DECADES)
    within = [2.0, 5.0] if decades < 2 else []
    powers = [10.0**power for power in range(1, 2 + int(decades), step)]
    ticks = [0.0, 5.0, *powers, *(power * factor for power in powers for factor in within)]
    axes.yaxis.set_major_locator(FixedLocator([tick for tick in ticks if tick <= top]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda tick, _: f"{tick:,.0f}" if tick < 1e6 else f"{tick:.0e}")
    )
    axes.axhline(_LINEAR_PART, color=HAIRLINE, lw=0.8, ls=":", zorder=0)


def _scatter(axes: Axes, evidence: Evidence) -> None:
    size = float(np.clip(12_000 / len(evidence), 9, 34))
    for chosen, colour, order in (
        (evidence.has_effect & ~evidence.significant, NOT_SIGNIFICANT, 1),
        (evidence.has_effect & evidence.significant, INSIDE, 2),
    ):
        axes.scatter(
            evidence.effects[chosen],
            evidence.heights[chosen],
            s=size,
            color=colour,
            alpha=0.6,
            linewidths=0,
            zorder=order,
        )


def _write_lines(
    axes: Axes, evidence: Evidence, cut: float | None, correction: str, taken: list[Bbox]
) -> None:
    """Draw the threshold, and the p-value that permutations cannot go below."""
    if cut is not None:
        line = axes.axhline(cut, color=INK, lw=1.2, zorder=3)
        line.set_gid("threshold")
        text = f"{correction}: p = {_p_text(cut)}"
        taken.append(_write_beside(axes, evidence, cut, text, INK, taken))
    if evidence.n_permutations:
        floor = math.log10(evidence.n_permutations + 1)
        if axes.get_ylim()[1] > floor >= 0.99 * evidence.heights.max():
            axes.axhline(floor, color=HAIRLINE, lw=1, zorder=0)
            text = f"the smallest p of {evidence.n_permutations:,} permutations"
            _write_beside(axes, evidence, floor, text, MUTED, taken)


def _write_beside(
    axes: Axes, evidence: Evidence, y: float, text: str, colour: str, taken: Sequence[Bbox]
) -> Bbox:
    """Write beside a horizontal line where no other text and the fewest points are."""
    points = axes.transData.transform(np.column_stack([evidence.effects, evidence.heights]))
    columns = [box for box in taken if not axes.bbox.x0 < (box.x0 + box.x1) / 2 < axes.bbox.x1]
    tried: list[tuple[int, int, int, Annotation, Bbox]] = []
    for x, across, up in _BESIDE:
        is_outside = not 0 < x < 1
        drawn = axes.annotate(
            text.replace(": ", ":\n") if is_outside else text,
            (x, y),
            (0, 4 * up),
            xycoords=axes.get_yaxis_transform(),
            textcoords="offset points",
            ha=across,
            va={1: "bottom", 0: "center", -1: "top"}[up],
            size=TEXT_SIZE,
            color=colour,
            path_effects=halo(),
            zorder=4,
            annotation_clip=False,
            parse_math=False,
        )
        box = drawn.get_window_extent()
        clashes = sum(box.overlaps(other) for other in taken)
        clashes += not axes.bbox.y0 <= box.y0 <= box.y1 <= axes.bbox.y1
        # Beside the axes there is room only where labels are, of their width.
        clashes += is_outside and not any(
            other.x0 - _RIM <= box.x0 <= box.x1 <= other.x1 + _RIM for other in columns
        )
        rim = box.padded(_RIM)
        hidden = int(np.all((points >= rim.min) & (points <= rim.max), axis=1).sum())
        tried.append((clashes, hidden, len(tried), drawn, box))
    # No two have the same place in the list, so that none is compared beyond it.
    *_, chosen, chosen_box = min(tried)
    for *_, drawn, _ in tried:
        if drawn is not chosen:
            drawn.remove()
    return chosen_box


def _p_text(height: float) -> str:
    return f"{10**-height:.2g}" if height < 300 else f"1e-{height:.0f}"


def _write_names(
    axes: Axes, names: Sequence[tuple[float, float, str]], *, on_left: bool
) -> list[Bbox]:
    """Write labels in a column beside the axes, each joined to its point; return where."""
    if not names:
        return []
    written = []
    for (x, y, label), height in zip(names, _places(axes, names, on_left=on_left), strict=True):
        drawn = axes.annotate(
            label,
            (x, y),
            (0.0 if on_left else 1.0, height),
            textcoords="axes fraction",
            ha="right" if on_left else "left",
            va="center",
            color=INK,
            fontproperties=_FONT,
            annotation_clip=False,
            parse_math=False,
            arrowprops={
                "arrowstyle": "-",
                "color": MUTED,
                "lw": 0.7,
                "shrinkA": 2,
                "shrinkB": 2,
                "relpos": (1.0 if on_left else 0.0, 0.5),
            },
            zorder=3,
        )
        # The first puts the text in its place; its own box would include the line.
        drawn.get_window_extent()
        written.append(Text.get_window_extent(drawn))
    return written


def _places(
    axes: Axes, names: Sequence[tuple[float, float, str]], *, on_left: bool
) -> npt.NDArray[np.float64]:
    """Return how high each label stands, as a share of the axes' height."""
    points = axes.transAxes.inverted().transform(
        axes.transData.transform([(x, y) for x, y, _ in names])
    )
    dpi = axes.figure.dpi
    width, height = axes.bbox.width / dpi, axes.bbox.height / dpi
    free = np.array(_spread(sorted(points[:, 1] * height), height))
    # Lines of the least total length do not cross.
    across = (points[:, 0] - (0 if on_left else 1)) * width
    lengths = np.hypot(across[:, None], points[:, 1, None] * height - free)
    _, chosen = linear_sum_assignment(lengths)
    return np.asarray(free[chosen] / height)


def _spread(heights: Sequence[float], top: float) -> list[float]:
    """Return places a line apart near ascending ``heights``, all in inches from 0 to ``top``."""
    spread: list[float] = []
    for height in heights:
        spread.append(max(height, spread[-1] + _NAME_LINE if spread else _NAME_LINE / 2))
    limit = top - _NAME_LINE / 2
    for index in reversed(range(len(spread))):
        spread[index] = min(spread[index], limit)
        limit = spread[index] - _NAME_LINE
    return spread

"""The figure of a result's evidence: volcano, p-values and permutation null."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ticker import MaxNLocator

from invert_captum.report.evidence import Evidence
from invert_captum.report.neuron_card import INK, INSIDE, MUTED, OUTSIDE, write
from invert_captum.report.panel import TEXT_SIZE, Panel, halo
from invert_captum.report.volcano import NOT_SIGNIFICANT, draw_volcano

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.axes import Axes

    from invert_captum.result import LabelingResult

# Inches, of a slide's 16:9; 140 dots an inch make 2,016 × 1,134 pixels.
_WIDTH, _HEIGHT, _DPI = 14.4, 8.1, 140
_MARGIN, _GUTTER, _VOLCANO = 0.4, 0.5, 8.3
_HEADER, _ROW_GAP = 1.15, 0.15

_TITLE_FONT = FontProperties(family="DejaVu Sans", weight="bold", size=21)
_METHOD_FONT = FontProperties(family="DejaVu Sans", size=12.5)

_BINS = 20
_STEPS = [1, 2, 5, 10]
# Inches right of the axes.
_UNIFORM_ROOM = 0.85
_NULL = "#9AA0A6"
_IN_SAMPLE = "in-sample: the data that chose the labels, no valid evidence"

_SCORES = {"positive": "AUC", "negative": "1 − AUC", "absolute_value": "|AUC − ½|"}
_FOLD_STATISTICS = {
    "stouffer": "Stouffer's z",
    "minimum": "largest z",
    "mean": "−log10 of the mean p",
    "median": "median z",
}


def plot_significance(result: LabelingResult) -> Figure:
    """Draw the evidence for the labels in three panels, of every neuron's best label.

    - Effect against −log10 p, a point a neuron: the AUC on held-out samples, or on the searched
      ones where nothing was held out. Significant ones are coloured, the best named. A line is the
      corrected threshold; with max-T the decision is not on p-values, so there is none. Above 10,
      −log10 p is drawn logarithmically if any exceeds 40.
    - The histogram of the p-values, not corrected, and how many a bin would hold if all neurons
      were noise.
    - With permutations, the scores that searches found, of permuted samples and of the samples as
      they are; without, the AUC on the searched samples against that on held-out ones; in-sample,
      the histogram of the AUC, and a note that its p-values are no valid evidence.

    Args:
        result: The labels, some of them tested.

    Returns:
        *matplotlib.figure.Figure*: 16:9, to save with ``figure.savefig(path)``; pyplot is not
        involved.

    Raises:
        ValueError: If no neuron was tested.

    Examples:
        >>> import numpy as np
        >>> import invert_captum as ic
        >>> rng = np.random.default_rng(0)
        >>> labels = rng.random((400, 3)) < 0.3
        >>> activations = rng.normal(size=(400, 2)) + 2 * labels[:, :2]
        >>> concepts = ic.ConceptSet(labels, ["dog", "cat", "red"])
        >>> figure = plot_significance(ic.label_neurons(activations, concepts, max_length=1))
        >>> figure.get_size_inches()
        array([14.4,  8.1])
    """
    evidence = Evidence.of(result)
    figure = Figure(figsize=(_WIDTH, _HEIGHT), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    _write_header(figure, result, evidence)
    height = _HEIGHT - _HEADER - _MARGIN
    draw_volcano(Panel(figure, _MARGIN, _MARGIN / 2, _VOLCANO, height), result, evidence)
    left = _MARGIN + _VOLCANO + _GUTTER
    width, half = _WIDTH - left - _MARGIN, (height - _ROW_GAP) / 2
    upper = Panel(figure, left, _MARGIN / 2 + half + _ROW_GAP, width, half)
    _draw_p_values(upper, evidence, in_sample=result.settings["significance"] == "in_sample")
    _draw_comparison(Panel(figure, left, _MARGIN / 2, width, half), result, evidence)
    return figure


def _write_header(figure: Figure, result: LabelingResult, evidence: Evidence) -> None:
    settings = result.settings
    count = int(evidence.significant.sum())
    neurons = "neuron" if len(result) == 1 else "neurons"
    verb, say = ("has", "looks") if count == 1 else ("have", "look")
    title = f"{count:,} of {len(result):,} {neurons} {verb} a significant label"
    if settings["significance"] == "in_sample":
        title = f"{count:,} of {len(result):,} {neurons} {say} significant in-sample"
    folds = ""
    if settings.get("n_folds") is not None:
        folds = f" with {settings['n_folds']} folds ({settings['fold_combination']})"
    method = (
        f"{len(evidence):,} tested  ·  "
        f"significance: {settings['significance']}{folds}  ·  "
        f"correction: {settings['correction']}, alpha {settings['alpha']:g}"
    )
    for y, text, font, colour in (
        (_HEIGHT - 0.62, title, _TITLE_FONT, INK),
        (_HEIGHT - 0.95, method, _METHOD_FONT, MUTED),
    ):
        write(figure, _MARGIN, y, text, color=colour, fontproperties=font)


def _draw_p_values(panel: Panel, evidence: Evidence, *, in_sample: bool) -> None:
    edges = np.arange(_BINS + 1) / _BINS
    counts = np.histogram(evidence.p_values, edges)[0]
    note = _IN_SAMPLE if in_sample else "not corrected; noise alone would give 5%"
    share = counts[0] / len(evidence)
    # 99.6 % are not all, nor are 0.4 % none.
    digits = 0 if share in (0, 1) or 0.005 <= share < 0.995 else 1
    panel.heading(f"{share:.{digits}%} of p-values below .05", note)
    axes = panel.axes("p-value", "neurons", after=_UNIFORM_ROOM)
    axes.set_gid("p-values")
    colours = [OUTSIDE] + [f"{OUTSIDE}80"] * (_BINS - 1)
    axes.bar(edges[:-1], counts, 1 / _BINS, align="edge", color=colours, ec="white", lw=0.6)
    expected = len(evidence) / _BINS
    axes.axhline(expected, color=INK, lw=1.2).set_gid("uniform")
    axes.annotate(
        f"uniform:\n{expected:,.3g} a bin",
        (1, expected),
        (4, 0),
        xycoords=axes.get_yaxis_transform(),
        textcoords="offset points",
        va="bottom" if expected < counts.max() / 2 else "top",
        color=INK,
        size=TEXT_SIZE,
        annotation_clip=False,
    )
    # Off the corner, where the zeros of both axes would meet.
    axes.set_xlim(-0.02, 1)
    axes.set_ylim(0, 1.05 * max(counts.max(), expected))
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))


def _draw_comparison(panel: Panel, result: LabelingResult, evidence: Evidence) -> None:
    observed = evidence.statistics[np.isfinite(evidence.statistics)]
    if result.null is not None and result.null.scores and len(observed):
        _draw_null(panel, result, observed)
    elif evidence.has_heldout:
        _draw_promise(panel, evidence)
    else:
        in_sample = result.settings["significance"] == "in_sample"
        panel.heading("What the search found", _IN_SAMPLE if in_sample else "")
        axes = panel.axes("AUC on the searched samples", "neurons")
        axes.set_gid("searched")
        axes.hist(evidence.auc, _bins(evidence.auc), color=OUTSIDE, ec="white", lw=0.6)
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))


def _draw_null(panel: Panel, result: LabelingResult, observed: npt.NDArray[np.float64]) -> None:
    settings = result.settings
    null = np.array(result.null.scores) if result.null is not None else np.empty(0)
    swatches = [
        (f"{len(null):,} permuted searches", _NULL),
        (f"{len(observed):,} neurons", OUTSIDE),
    ]
    panel.heading("Scores found, and found in noise", swatches=swatches)
    if settings.get("n_folds") is None:
        score = f"best score of the search: {_SCORES[settings['sign']]}"
    else:
        name = settings["fold_combination"]
        score = f"{_FOLD_STATISTICS.get(name, name)} of the folds"
    axes = panel.axes(score, "density")
    axes.set_gid("null")
    bins = _bins(np.concatenate([null, observed]))
    for values, colour in ((null, _NULL), (observed, OUTSIDE)):
        axes.hist(values, bins, density=True, color=colour, alpha=0.55)
        axes.hist(values, bins, density=True, histtype="step", color=colour, lw=1.4)
    axes.yaxis.set_major_locator(MaxNLocator(4, steps=_STEPS))


def _draw_promise(panel: Panel, evidence: Evidence) -> None:
    loss = np.nanmedian(evidence.directions * (evidence.auc - evidence.heldout_auc))
    change = "nearer to" if loss >= 0 else "farther from"
    note = f"held-out AUC is {abs(loss):.3f} {change} ½ in the median"
    panel.heading("What the search promises and what holds", note)
    axes = panel.axes("AUC on the searched samples", "on held-out ones")
    axes.set_gid("promise")
    for chosen, colour in (
        (~evidence.significant, NOT_SIGNIFICANT),
        (evidence.significant, INSIDE),
    ):
        axes.scatter(
            evidence.auc[chosen],
            evidence.heldout_auc[chosen],
            s=float(np.clip(6_000 / len(evidence), 5, 26)),
            color=colour,
            alpha=0.6,
            linewidths=0,
        )
    _draw_identity(axes, evidence)


def _draw_identity(axes: Axes, evidence: Evidence) -> None:
    shown = np.concatenate([evidence.auc, evidence.heldout_auc])
    low, high = np.nanmin(shown), np.nanmax(shown)
    pad = max(0.05 * (high - low), 0.01)
    limits = low - pad, high + pad
    axes.set_xlim(limits)
    axes.set_ylim(limits)
    axes.plot(limits, limits, color=INK, lw=1.2, zorder=0, gid="identity")
    axes.annotate(
        "equal",
        (limits[1], limits[1]),
        (-34, -6),
        textcoords="offset points",
        ha="right",
        va="top",
        color=INK,
        size=TEXT_SIZE,
        path_effects=halo(),
    )
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=_STEPS))
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=_STEPS))


def _bins(values: npt.NDArray[np.float64]) -> list[float]:
    """Return the edges of 40 bins; of a width above 0 where all values are the same."""
    low, high = float(values.min()), float(values.max())
    pad = max(0.01 * (high - low), 1e-3)
    return list(np.linspace(low - pad, high + pad, 41))

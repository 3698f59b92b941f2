"""The figure of a whole result: which concepts its layers hold, and how well labels fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from invert_captum._validation import check_integer
from invert_captum.report.concept_bars import ConceptBars
from invert_captum.report.concept_counts import ConceptCounts
from invert_captum.report.fit_histograms import FitHistograms
from invert_captum.report.neuron_card import write
from invert_captum.report.panel import Panel
from invert_captum.report.text_fit import FILLED, wrap
from invert_captum.report.theme import Theme, ThemeName, theme_named

if TYPE_CHECKING:
    from invert_captum.result import Explanation, LabelingResult

# Inches.
_WIDTH, _DPI = 14.4, 140
_MARGIN, _GUTTER, _BARS, _LEAST_BODY = 0.45, 0.55, 8.2, 4.4
_TITLE_LINE, _METHOD_LINE, _ROW_GAP = 0.4, 0.26, 0.3
_LINE = FILLED * (_WIDTH - 2 * _MARGIN)
# As many layers fit beside each other.
_MOST_LAYERS = 4

_TITLE_FONT = FontProperties(family="DejaVu Sans", weight="bold", size=21)
_METHOD_FONT = FontProperties(family="DejaVu Sans", size=12.5)


def plot_overview(result: LabelingResult, *, top: int = 20, theme: ThemeName = "light") -> Figure:
    """Draw which concepts the layers hold, in how many neurons, and how well their labels fit.

    Left, the concepts that most neurons have in their best labels, negated ones aside: as the whole
    label, or in a combination, and paler where the label is not significant. Right, the AUC of the
    best labels on held-out samples, without those that these cannot test, or on the searched ones
    where nothing was held out. Up to four layers stand side by side; more are taken together.

    Args:
        result: The labels.
        top: How many concepts at most.
        theme: ``"light"`` or ``"dark"``, both with an opaque ground.

    Returns:
        *matplotlib.figure.Figure*: to save with ``figure.savefig(path)``; pyplot is not involved.

    Raises:
        ValueError: If no neuron has a label, or an argument is out of its range.

    Examples:
        >>> import numpy as np
        >>> import invert_captum as ic
        >>> rng = np.random.default_rng(0)
        >>> labels = rng.random((400, 3)) < 0.3
        >>> activations = rng.normal(size=(400, 2)) + 2 * labels[:, :2]
        >>> concepts = ic.ConceptSet(labels, ["dog", "cat", "red"])
        >>> result = ic.label_neurons(activations, concepts, max_length=1)
        >>> plot_overview(result).texts[0].get_text()
        '2 of 2 neurons have a significant label; 2 concepts'
    """
    check_integer("top", top, minimum=1)
    colours = theme_named(theme)
    best = [one for one in result.explanations if one.rank == 0 and one.formula is not None]
    if not best:
        raise ValueError("result has no label: all neurons were set aside; expected at least one")
    pooled = len(result.layers) > _MOST_LAYERS
    counts = ConceptCounts.of(result, pooled=pooled)
    return _draw(result, best, counts, top, colours)


def _draw(
    result: LabelingResult, best: list[Explanation], counts: ConceptCounts, top: int, theme: Theme
) -> Figure:
    is_tested = result.settings["significance"] is not None
    bars = ConceptBars(counts, top, is_tested, theme)
    fits = FitHistograms(best, counts.columns, is_tested, theme)
    titles = wrap(_title(result, best, counts), _LINE, _TITLE_FONT, lines=2)
    methods = wrap(_method(result, counts, fits), _LINE, _METHOD_FONT, lines=3)
    header = _MARGIN + len(titles) * _TITLE_LINE + len(methods) * _METHOD_LINE + _ROW_GAP
    body = max(bars.height, _LEAST_BODY)
    height = header + body + _MARGIN / 2
    figure = Figure(figsize=(_WIDTH, height), dpi=_DPI, facecolor=theme.ground)
    FigureCanvasAgg(figure)
    y = height - _MARGIN - 0.22
    for font, colour, pitch, lines in (
        (_TITLE_FONT, theme.ink, _TITLE_LINE, titles),
        (_METHOD_FONT, theme.muted, _METHOD_LINE, methods),
    ):
        for line in lines:
            write(figure, _MARGIN, y, line, color=colour, fontproperties=font)
            y -= pitch
    bars.draw(Panel(figure, _MARGIN, _MARGIN / 2, _BARS, body, theme))
    left = _MARGIN + _BARS + _GUTTER
    right = Panel(figure, left, _MARGIN / 2, _WIDTH - left - _MARGIN, body, theme)
    fits.draw(right)
    return figure


def _title(result: LabelingResult, best: list[Explanation], counts: ConceptCounts) -> str:
    significance = result.settings["significance"]
    found = sum(one.significant is not False for one in best)
    have, look = ("has", "looks") if 1 in (found, len(result)) else ("have", "look")
    claim = f"{have} a significant label"
    if significance == "in_sample":
        claim = f"{look} significant in-sample"
    elif significance is None:
        claim = f"{have} a label"
    neurons = "neuron" if len(result) == 1 else "neurons"
    concepts = "concept" if counts.n_sure == 1 else "concepts"
    return f"{found:,} of {len(result):,} {neurons} {claim}; {counts.n_sure:,} {concepts}"


def _method(result: LabelingResult, counts: ConceptCounts, fits: FitHistograms) -> str:
    settings = result.settings
    parts = ["labels were not tested"]
    if settings["significance"] is not None:
        parts = [
            f"significance: {settings['significance']}",
            f"correction: {settings['correction']}, alpha {settings['alpha']:g}",
        ]
    if settings["significance"] == "in_sample":
        parts.append("in-sample: the data that chose the labels, no valid evidence")
    if set_aside := len(result) - len(fits.explanations):
        parts.append(f"{set_aside:,} set aside")
    if fits.n_untried:
        parts.append(f"{fits.n_untried:,} without an AUC on held-out samples")
    if counts.n_only_negated:
        parts.append(f"labels that only negate concepts: {counts.n_only_negated:,}")
    if len(result.layers) > len(counts.columns):
        parts.append(f"{len(result.layers)} layers taken together")
    return "  ·  ".join(parts)

"""Where the parts of a neuron's figure stand."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from invert_captum.report.glyphs import drawable, in_reading_order
from invert_captum.report.heat_maps import SHOWN, heat_colours
from invert_captum.report.input_tiles import Extremes, InputTiles, TileRows
from invert_captum.report.neuron_card import axes_at, write
from invert_captum.report.neuron_panels import draw_densities, draw_roc
from invert_captum.report.panel import BOTTOM, LEFT, TOP, Panel
from invert_captum.report.text_fit import FILLED, wrap

if TYPE_CHECKING:
    from invert_captum.report.neuron_view import NeuronView
    from invert_captum.report.theme import Theme

# Inches.
_WIDTH, _DPI = 14.4, 140
_MARGIN, _GUTTER = 0.45, 0.6
_NAME_LINE, _FORMULA_LINE, _FACTS_LINE = 0.3, 0.42, 0.3
# The ROC curve is a square in its panel.
_PLOTS, _ROW_GAP = 4.35, 0.2
_ROC = _PLOTS - TOP - BOTTOM + LEFT
_INNER = _WIDTH - 2 * _MARGIN
_LINE = FILLED * _INNER
_HALF = (_INNER - _GUTTER) / 2
_NOTE_LINE, _BAR, _BAR_HEIGHT = 0.22, 2.6, 0.16
_FORMULA_LINES, _NOTE_LINES = 3, 6

_NAME_FONT = FontProperties(family="DejaVu Sans", size=12.5)
_FORMULA_FONT = FontProperties(family="DejaVu Sans", weight="bold", size=21)
_FACTS_FONT = FontProperties(family="DejaVu Sans", size=13)
_NOTE_FONT = FontProperties(family="DejaVu Sans", size=10.5)


@dataclass(frozen=True)
class NeuronSheet:
    """One figure, from its content to its drawing.

    Attributes:
        view: What is known of the neuron.
        tiles: How its inputs are drawn; None for none.
        n_inputs: How many of the most and of the least excited ones.
        credit: A licence line; None for none.
        theme: The colours.
    """

    view: NeuronView
    tiles: InputTiles | None
    n_inputs: int
    credit: str | None
    theme: Theme

    @cached_property
    def formula_lines(self) -> list[str]:
        """The label, broken into lines."""
        text = drawable(str(self.view.explanation.formula))
        lines = wrap(text, _LINE, _FORMULA_FONT, lines=_FORMULA_LINES)
        return [in_reading_order(line) for line in lines]

    @cached_property
    def fact_lines(self) -> list[str]:
        """Its numbers, broken into lines."""
        return wrap("  ·  ".join(self.view.facts), _LINE, _FACTS_FONT, lines=2)

    @cached_property
    def note_lines(self) -> list[str]:
        """What has to be said of the panels, and the credit, broken into lines."""
        lines = wrap(self._legend(), _LINE, _NOTE_FONT, lines=_NOTE_LINES)
        if self.credit:
            lines += wrap(drawable(self.credit), _LINE, _NOTE_FONT, lines=_NOTE_LINES)
        return lines

    @property
    def rows(self) -> TileRows:
        """How the tiles of either kind are laid out."""
        with_heat = self.tiles is not None and self.tiles.attribution is not None
        return TileRows(self.n_inputs, _HALF, with_heat=with_heat)

    @property
    def header_height(self) -> float:
        """Inches of all that stands above the plots."""
        lines = len(self.formula_lines) * _FORMULA_LINE + len(self.fact_lines) * _FACTS_LINE
        return _MARGIN + _NAME_LINE + lines + _ROW_GAP

    @property
    def height(self) -> float:
        """Inches of all."""
        tiles = 0.0 if self.tiles is None else TOP + self.rows.height + _ROW_GAP
        notes = len(self.note_lines) * _NOTE_LINE + _MARGIN / 2
        return self.header_height + _PLOTS + _ROW_GAP + tiles + notes

    def figure(self) -> Figure:
        """Draw all of it."""
        figure = Figure(figsize=(_WIDTH, self.height), dpi=_DPI, facecolor=self.theme.ground)
        FigureCanvasAgg(figure)
        self._draw_header(figure)
        bottom = self.height - self.header_height - _PLOTS
        left = _WIDTH - _MARGIN - _ROC
        width = left - _GUTTER - _MARGIN
        draw_densities(Panel(figure, _MARGIN, bottom, width, _PLOTS, self.theme), self.view)
        draw_roc(Panel(figure, left, bottom, _ROC, _PLOTS, self.theme), self.view)
        if self.tiles is not None:
            self._draw_tiles(figure, self.tiles, bottom - _ROW_GAP)
        for number, note in enumerate(reversed(self.note_lines)):
            y = 0.25 + number * _NOTE_LINE
            style = {"color": self.theme.muted, "fontproperties": _NOTE_FONT}
            write(figure, _MARGIN, y, note, **style)
        return figure

    def _draw_header(self, figure: Figure) -> None:
        y = self.height - _MARGIN - 0.08
        standing = drawable(self.view.standing)
        (name,) = wrap(standing, _LINE, _NAME_FONT, lines=1)
        write(figure, _MARGIN, y, name, color=self.theme.muted, fontproperties=_NAME_FONT)
        y -= _NAME_LINE + 0.07
        for line in self.formula_lines:
            write(figure, _MARGIN, y, line, color=self.theme.ink, fontproperties=_FORMULA_FONT)
            y -= _FORMULA_LINE
        y += 0.08
        for line in self.fact_lines:
            write(figure, _MARGIN, y, line, color=self.theme.ink, fontproperties=_FACTS_FONT)
            y -= _FACTS_LINE

    def _draw_tiles(self, figure: Figure, tiles: InputTiles, top: float) -> None:
        rows = self.rows
        height = TOP + rows.height
        halves = (("Most excited", True), ("Least excited", False))
        for number, (title, highest) in enumerate(halves):
            left = _MARGIN + number * (_HALF + _GUTTER)
            panel = Panel(figure, left, top - height, _HALF, height, self.theme)
            extremes = Extremes.of(tiles.values, self.n_inputs, highest=highest)
            swatches, note = [], ""
            if highest:
                swatches = [("label holds", self.theme.inside)]
            if extremes.n_tied > self.n_inputs:
                value = tiles.values[extremes.samples[0]]
                note = f"{self.n_inputs} of {extremes.n_tied:,} at exactly {value:.3g}"
            panel.heading(title, note, swatches)
            shown = rows if highest else TileRows(rows.count, rows.width)
            tiles.draw(figure, left, top - TOP, shown, extremes.samples)
        if rows.with_heat:
            left = _MARGIN + _HALF + _GUTTER
            below = top - TOP - TileRows(rows.count, rows.width).height
            self._draw_scale(figure, tiles, left, below)

    def _draw_scale(self, figure: Figure, tiles: InputTiles, left: float, top: float) -> None:
        """Say what the colours of heat maps mean."""
        axes = axes_at(figure, left, top - 0.62, _BAR, _BAR_HEIGHT)
        axes.set_gid("scale")
        # On the grey that lies under most of a map.
        axes.set_facecolor("#9A9A9A")
        axes.imshow(np.linspace(0, 1, 256)[None], aspect="auto", cmap=heat_colours(tiles.sign))
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
        write(
            figure,
            left,
            top - 0.34,
            f"Heat maps: {SHOWN[tiles.sign]} of Captum's attributions",
            color=self.theme.ink,
            size=11.5,
        )
        ends = ("negative", "positive") if tiles.sign == "all" else ("none", "the map's strongest")
        style: dict[str, Any] = {"color": self.theme.muted, "size": 10.5}
        write(figure, left, top - 0.84, ends[0], **style)
        right = (left + _BAR) / _WIDTH
        figure.text(right, (top - 0.84) / self.height, ends[1], ha="right", **style)

    def _legend(self) -> str:
        parts = ["Densities: all samples."]
        if self.view.heldout is None and self.view.curve is not None:
            parts.append(
                "ROC curve: of the samples that chose the label, so that it lies too high."
            )
        if self.view.settings["folds"] is not None:
            parts.append("Held out: the mean over folds, each with a label of its own.")
        band = self.view.band
        if band is not None:
            grouped = self.view.settings["groups_sha256"] is not None
            of_groups = " of groups" if grouped else ""
            parts.append(
                f"Band of the ROC curve: {100 * band.level:.4g}% at each point, from a Bayesian "
                f"bootstrap{of_groups}; dashed: chance."
            )
        if self.tiles is not None:
            parts.append("Under each input: its activation.")
        return " ".join(parts)

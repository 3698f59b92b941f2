"""The panel of a result's concepts: a bar each, as long as the number of neurons that hold it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.font_manager import FontProperties
from matplotlib.ticker import MaxNLocator

from invert_captum.report.glyphs import drawable
from invert_captum.report.neuron_card import axes_at, write
from invert_captum.report.panel import BOTTOM, TEXT_SIZE, TICK_SIZE, TOP, Panel
from invert_captum.report.text_fit import text_width, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from invert_captum.report.concept_counts import ConceptCounts
    from invert_captum.report.theme import Theme

# Inches.
_PITCH, _WIDEST_NAME, _NAME_GAP = 0.285, 2.7, 0.12
_LAYER_NAME, _BETWEEN, _NUMBERS = 0.3, 0.2, 0.85

_FONT = FontProperties(family="DejaVu Sans", size=TEXT_SIZE)


@dataclass(frozen=True)
class ConceptBars:
    """The most frequent concepts as bars, a column of them for each layer.

    Attributes:
        counts: Of neurons.
        top: How many concepts at most.
        is_tested: Whether labels are significant or not.
        theme: The colours.
    """

    counts: ConceptCounts
    top: int
    is_tested: bool
    theme: Theme

    @cached_property
    def names(self) -> list[str]:
        """The concepts that are drawn, each on one line."""
        shown = self.counts.names[: self.top]
        return [wrap(drawable(name), _WIDEST_NAME, _FONT, lines=1)[0] for name in shown]

    @property
    def height(self) -> float:
        """Inches of the panel."""
        return TOP + self._layer_line + len(self.names) * _PITCH + BOTTOM

    @property
    def _layer_line(self) -> float:
        return _LAYER_NAME if len(self.counts.columns) > 1 else 0.0

    @property
    def _shades(self) -> list[tuple[str, str]]:
        blue = self.theme.outside
        shades = [("the whole label", blue), ("in a combination", self.theme.pale(blue, 0.45))]
        if self.is_tested:
            shades.append(("not significant", self.theme.pale(self.theme.muted, 0.3)))
        return shades

    def draw(self, panel: Panel) -> None:
        """Draw them at the top of a panel, which is at least as high as they are."""
        more = len(self.counts.names) - len(self.names)
        title = f"The {len(self.names):,} most frequent concepts" if more else "Concepts"
        note = "m of n: significant of all" if self.is_tested else ""
        panel.heading(title, note, self._shades)
        top = panel.bottom + panel.height - TOP - self._layer_line
        if not self.names:
            words = "no label asserts a concept"
            style = {"color": self.theme.ink, "fontproperties": _FONT}
            write(panel.figure, panel.left, top - 0.4, words, **style)
            return
        name_width = max(text_width(name, _FONT) for name in self.names) + _NAME_GAP
        n_columns = len(self.counts.columns)
        width = (panel.width - name_width - (n_columns - 1) * _BETWEEN) / n_columns
        height = len(self.names) * _PITCH
        for column in range(n_columns):
            left = panel.left + name_width + column * (width + _BETWEEN)
            # Right of the longest bar there is room for its number.
            axes = axes_at(panel.figure, left, top - height, width - _NUMBERS, height)
            self._draw_column(axes, column)
            if n_columns > 1:
                layer = drawable(str(self.counts.columns[column]))
                (name,) = wrap(layer, width - 0.1, _FONT, lines=1)
                style = {"color": self.theme.ink, "fontproperties": _FONT}
                write(panel.figure, left, top + 0.1, name, **style)

    def _draw_column(self, axes: Axes, column: int) -> None:
        axes.set_gid(f"concepts {column}")
        count, counts = len(self.names), self.counts
        rows = np.arange(count)
        parts = [counts.alone, counts.combined, counts.doubtful][: len(self._shades)]
        begin = np.zeros(count, np.int64)
        for part, (_, colour) in zip(parts, self._shades, strict=True):
            lengths = part[:count, column]
            axes.barh(rows, lengths, 0.7, left=begin, color=colour, lw=0)
            begin = begin + lengths
        sure = (counts.alone + counts.combined)[:count, column]
        for row, (certain, total) in enumerate(zip(sure.tolist(), begin.tolist(), strict=True)):
            if total:
                text = f"{certain:,}" if certain == total else f"{certain:,} of {total:,}"
                axes.annotate(
                    text,
                    (total, row),
                    (4, 0),
                    textcoords="offset points",
                    va="center",
                    size=10.5,
                    color=self.theme.ink,
                    annotation_clip=False,
                )
        longest = counts.alone[:count] + counts.combined[:count] + counts.doubtful[:count]
        axes.set_xlim(0, longest.max())
        axes.set_ylim(count - 0.5, -0.5)
        self._style(axes, rows.tolist(), self.names if column == 0 else [""] * count)

    def _style(self, axes: Axes, rows: list[int], names: list[str]) -> None:
        theme = self.theme
        axes.set_yticks(rows, names, parse_math=False)
        axes.set_facecolor(theme.ground)
        axes.spines[["top", "right", "bottom"]].set_visible(False)
        axes.spines["left"].set_color(theme.hairline)
        axes.tick_params(axis="y", length=0, labelsize=TEXT_SIZE, labelcolor=theme.ink, pad=6)
        axes.tick_params(axis="x", labelsize=TICK_SIZE, colors=theme.muted, length=3, width=0.8)
        axes.xaxis.set_major_locator(MaxNLocator(3, integer=True))
        axes.set_xlabel("neurons", size=TEXT_SIZE, color=theme.ink, labelpad=5)

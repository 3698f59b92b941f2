"""The panel of how well a result's labels fit: histograms of their AUC."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.font_manager import FontProperties
from matplotlib.ticker import MaxNLocator

from invert_captum.report.glyphs import drawable
from invert_captum.report.neuron_card import write
from invert_captum.report.panel import BOTTOM, LEFT, TEXT_SIZE, TOP, Panel
from invert_captum.report.text_fit import wrap

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.axes import Axes

    from invert_captum.report.theme import Theme
    from invert_captum.result import Explanation

# Inches; between two histograms stands the name of a layer.
_BETWEEN, _LAYER_NAME = 0.42, 0.3
# A fiftieth is a bin; ½ is always the edge of one.
_BINS, _TENTHS = 50, 10

_FONT = FontProperties(family="DejaVu Sans", size=TEXT_SIZE)


@dataclass(frozen=True)
class FitHistograms:
    """The AUC of neurons' best labels, on held-out samples if any label has one on these.

    Attributes:
        explanations: The labels. Those that the held-out samples cannot test, because they have no
            positives or no negatives, are then left out.
        layers: Of each histogram; a single one for all labels.
        is_tested: Whether labels are significant or not.
        theme: The colours.
    """

    explanations: list[Explanation]
    layers: tuple[str | None, ...]
    is_tested: bool
    theme: Theme

    @property
    def is_heldout(self) -> bool:
        """Whether the AUCs are those on held-out samples."""
        return any(not math.isnan(one.heldout_auc) for one in self.explanations)

    @property
    def n_untried(self) -> int:
        """How many labels are left out."""
        return len(self.explanations) - len(self._fits(self.explanations))

    def draw(self, panel: Panel) -> None:
        """Draw them one above the other."""
        theme = self.theme
        swatches = []
        if self.is_tested:
            grey = theme.pale(theme.muted, 0.5)
            swatches = [("significant", theme.inside), ("not significant", grey)]
        panel.heading("How well the labels fit", "dashed: ½, no effect", swatches)
        several = len(self.layers) > 1
        name = f"AUC on {'held-out samples' if self.is_heldout else 'the searched samples'}"
        edges = _edges(self._fits(self.explanations))
        top = panel.bottom + panel.height - TOP - _LAYER_NAME * several
        count = len(self.layers)
        height = (top - panel.bottom - BOTTOM - (count - 1) * _BETWEEN) / count
        for row, layer in enumerate(self.layers):
            bottom = top - row * (height + _BETWEEN) - height
            part = Panel(
                panel.figure,
                panel.left,
                bottom - BOTTOM,
                panel.width,
                height + TOP + BOTTOM,
                theme,
            )
            is_last = row == count - 1
            axes = part.axes(name if is_last else "", "neurons")
            axes.set_gid(f"fits {row}")
            axes.tick_params(axis="x", labelbottom=is_last)
            chosen = [one for one in self.explanations if not several or one.layer == layer]
            self._draw_histogram(axes, chosen, edges)
            if several:
                words = wrap(drawable(str(layer)), panel.width - LEFT, _FONT, lines=1)[0]
                style = {"color": theme.ink, "fontproperties": _FONT}
                write(panel.figure, panel.left + LEFT, bottom + height + 0.08, words, **style)

    def _draw_histogram(
        self, axes: Axes, explanations: list[Explanation], edges: npt.NDArray[np.float64]
    ) -> None:
        theme = self.theme
        base = np.zeros(len(edges) - 1)
        for is_doubtful, colour in ((False, theme.inside), (True, theme.pale(theme.muted, 0.5))):
            part = [one for one in explanations if (one.significant is False) == is_doubtful]
            counts = np.histogram(self._fits(part), edges)[0]
            axes.bar(
                edges[:-1],
                counts,
                np.diff(edges),
                align="edge",
                bottom=base,
                color=colour if self.is_tested else theme.outside,
                ec=theme.ground,
                lw=0.6,
            )
            base = base + counts
        axes.axvline(0.5, color=theme.muted, lw=1.2, ls=(0, (4, 3)))
        axes.set_xlim(edges[0] - 0.01, edges[-1])
        axes.set_ylim(0, 1.08 * max(base.max(), 1))
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))

    def _fits(self, explanations: list[Explanation]) -> list[float]:
        if not self.is_heldout:
            return [one.auc for one in explanations]
        return [one.heldout_auc for one in explanations if not math.isnan(one.heldout_auc)]


def _edges(fits: list[float]) -> npt.NDArray[np.float64]:
    """Return the edges of bins from one tenth to another that hold ½ and all of the AUCs."""
    low = math.floor(_TENTHS * min(*fits, 0.5)) * _BINS // _TENTHS
    high = math.ceil(_TENTHS * max(*fits, 0.5)) * _BINS // _TENTHS
    if low == high:
        high += _BINS // _TENTHS
    return np.arange(low, high + 1) / _BINS

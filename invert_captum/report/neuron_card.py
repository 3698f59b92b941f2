"""One neuron on a figure: its label, its scores, its densities and its pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from invert_captum.report.density import densities
from invert_captum.report.picture_arrays import picture_array
from invert_captum.report.text_fit import wrap
from invert_captum.report.theme import LIGHT

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    import torch
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from PIL import Image

    from invert_captum.result import Explanation

    Pictures: TypeAlias = "Callable[[int], Image.Image | npt.NDArray[Any] | torch.Tensor]"

INSIDE, OUTSIDE = LIGHT.inside, LIGHT.outside
INK, MUTED, HAIRLINE = LIGHT.ink, LIGHT.muted, LIGHT.hairline

# Inches.
WIDTH = 4.35
_NAME, _LINE, _SCORES, _BODY = 0.2, 0.27, 0.36, 1.3
_TICKS, _ATOM = 0.22, 0.2
_PICTURE, _GAP, _PER_ROW = 0.6, 0.1, 4
_PICTURES = 2 * _PER_ROW
_PLOT = WIDTH - _PER_ROW * _PICTURE - (_PER_ROW - 1) * _GAP - 0.25

_LABEL_FONT = FontProperties(family="DejaVu Sans", weight="bold", size=14.5)
_LABEL_LINES = 3
_SMALL: dict[str, Any] = {"color": MUTED, "size": 10}


@dataclass(frozen=True)
class NeuronCard:
    """What the figure tells of one neuron.

    Attributes:
        name: ``neuron 17``.
        explanation: Its best label.
        values: Its activations (n,).
        members: For which samples the label holds (n,).
    """

    name: str
    explanation: Explanation
    values: npt.NDArray[np.float64]
    members: npt.NDArray[np.bool_]

    @cached_property
    def label_lines(self) -> list[str]:
        """The label, broken into lines of the card's width."""
        return wrap(str(self.explanation.formula), WIDTH, _LABEL_FONT, lines=_LABEL_LINES)

    @property
    def height(self) -> float:
        """Inches that the card needs."""
        return _NAME + len(self.label_lines) * _LINE + _SCORES + _BODY

    @property
    def scores(self) -> str:
        """The line under the label."""
        one = self.explanation
        heldout = "" if math.isnan(one.heldout_auc) else f", held out {one.heldout_auc:.3f}"
        return f"AUC {one.auc:.3f}{heldout}  ·  {one.n_positive:,} positives"

    def top_samples(self, count: int) -> npt.NDArray[np.intp]:
        """Return the samples with the highest activation, or lowest if the label says low."""
        strength = -self.values if self.explanation.auc < 0.5 else self.values
        return np.argsort(-strength, kind="stable")[:count]

    def draw(
        self, figure: Figure, left: float, top: float, height: float, pictures: Pictures
    ) -> None:
        """Draw the card with its upper left corner at (left, top), in inches from below left.

        Labels end and bodies begin at the same height in all cards of a row of this ``height``.

        Raises:
            ValueError: If ``pictures`` gives something that is no picture.
        """
        body = top - height + _BODY
        label_top = body + _SCORES + len(self.label_lines) * _LINE
        doubt = "  ·  not significant" if self.explanation.significant is False else ""
        write(figure, left, label_top + 0.04, f"{self.name}{doubt}", **_SMALL)
        for number, line in enumerate(self.label_lines):
            y = label_top - (number + 0.78) * _LINE
            write(figure, left, y, line, color=INK, fontproperties=_LABEL_FONT)
        write(figure, left, body + 0.16, self.scores, color=INK, size=11.5)
        foot = top - height
        self._draw_densities(figure, left, foot)
        self._draw_pictures(figure, left + WIDTH, body, pictures)

    def _draw_densities(self, figure: Figure, left: float, bottom: float) -> None:
        below = _TICKS + _ATOM
        axes = axes_at(figure, left, bottom + below, _PLOT, _BODY - below)
        curves = densities(self.values, self.members)
        for curve, colour, order in ((curves.outside, OUTSIDE, 1), (curves.inside, INSIDE, 2)):
            # Each curve is as high as the plot: the label is often a hundred times rarer than its
            # absence, and its activations are spread wider.
            scaled = curve / (curve.max() or 1.0)
            axes.fill_between(curves.grid, scaled, color=colour, alpha=0.22, lw=0, zorder=order)
            axes.plot(curves.grid, scaled, color=colour, lw=1.6, zorder=order)
        axes.set_xlim(curves.low, curves.high)
        axes.set_ylim(0, 1.06)
        axes.set_yticks([])
        axes.xaxis.set_major_locator(MaxNLocator(3))
        axes.xaxis.set_major_formatter(lambda number, _: f"{number:.3g}")
        axes.tick_params(axis="x", labelsize=10, colors=MUTED, length=3, width=0.8, pad=2)
        axes.spines[["top", "left", "right"]].set_visible(False)
        axes.spines["bottom"].set_color(HAIRLINE)
        axes.patch.set_visible(False)
        if curves.atom is not None:
            shares = (curves.atom_inside, INSIDE), (curves.atom_outside, OUTSIDE)
            right = write(figure, left, bottom, f"exactly {curves.atom:.3g}:", **_SMALL)
            for share, colour in shares:
                style = {**_SMALL, "color": colour, "weight": "bold"}
                right = write(figure, right + 0.08, bottom, f"{share:.0%}", **style)

    def _draw_pictures(self, figure: Figure, right: float, top: float, pictures: Pictures) -> None:
        pitch = _PICTURE + _GAP
        start = right - _PER_ROW * pitch + _GAP
        for place, sample in enumerate(self.top_samples(_PICTURES)):
            row, column = divmod(place, _PER_ROW)
            x, y = start + column * pitch, top - _PICTURE - row * pitch
            axes = axes_at(figure, x, y, _PICTURE, _PICTURE)
            pixels = _pixels(pictures(int(sample)), int(sample))
            axes.imshow(pixels, interpolation="antialiased")
            axes.set_axis_off()
            holds = bool(self.members[sample])
            _frame(figure, x, y, INSIDE if holds else HAIRLINE, 2.2 if holds else 0.8)


def swatch(figure: Figure, left: float, bottom: float, colour: str) -> None:
    """Draw a small square of a legend on the line of text at (left, bottom), in inches."""
    square(figure, left, bottom - 0.015, 0.15, facecolor=colour, edgecolor="none")


def _frame(figure: Figure, left: float, bottom: float, colour: str, width: float) -> None:
    pad = 0.03
    square(
        figure,
        left - pad,
        bottom - pad,
        _PICTURE + 2 * pad,
        facecolor="none",
        edgecolor=colour,
        linewidth=width,
    )


def square(figure: Figure, left: float, bottom: float, side: float, **style: Any) -> None:
    """Draw a square with its lower left corner at (left, bottom), in inches."""
    width, height = figure.get_size_inches()
    corner = (left / width, bottom / height)
    figure.add_artist(Rectangle(corner, side / width, side / height, **style))


def axes_at(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Return new axes with their lower left corner at (left, bottom), in inches."""
    whole_width, whole_height = figure.get_size_inches()
    return figure.add_axes(
        (left / whole_width, bottom / whole_height, width / whole_width, height / whole_height)
    )


def write(figure: Figure, left: float, bottom: float, text: str, **style: Any) -> float:
    """Write one line at (left, bottom); return where it ends. All in inches."""
    width, height = figure.get_size_inches()
    drawn = figure.text(
        left / width, bottom / height, text, parse_math=False, va="baseline", **style
    )
    return float(drawn.get_window_extent().x1 / figure.dpi)


def _pixels(picture: object, sample: int) -> npt.NDArray[Any]:
    try:
        return picture_array(picture, "pictures")
    except ValueError as error:
        raise ValueError(f"{error} (sample {sample})") from error

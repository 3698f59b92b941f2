"""One panel of a figure: where it lies, its heading and the look of its axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from matplotlib.font_manager import FontProperties
from matplotlib.patheffects import Stroke, withStroke

from invert_captum.report.neuron_card import swatch, write
from invert_captum.report.theme import LIGHT, Theme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Inches above the axes for title and note, below for ticks and the name of the x axis, left of
# them for those of the y axis.
TOP, BOTTOM, LEFT = 0.66, 0.6, 0.82
_TITLE_ABOVE, _NOTE_ABOVE = 0.42, 0.16
_SWATCH, _SWATCH_GAP = 0.22, 0.28

TEXT_SIZE, TICK_SIZE = 11.5, 11
_TITLE_FONT = FontProperties(family="DejaVu Sans", weight="bold", size=14.5)
_NOTE_FONT = FontProperties(family="DejaVu Sans", size=TEXT_SIZE)


@dataclass(frozen=True)
class Panel:
    """A rectangle of a figure, in inches from below left.

    Attributes:
        figure: Where it is drawn.
        left: Of axes and their ticks.
        bottom: Likewise.
        width: Likewise.
        height: Of all, heading and ticks included.
        theme: The colours.
    """

    figure: Figure
    left: float
    bottom: float
    width: float
    height: float
    theme: Theme = LIGHT

    def heading(self, title: str, note: str = "", swatches: Sequence[tuple[str, str]] = ()) -> None:
        """Write the title and under it the meaning of the colours and a note.

        Args:
            title: One line.
            note: Another, after the swatches.
            swatches: Words and their colours.
        """
        top = self.bottom + self.height - TOP
        style = {"color": self.theme.ink, "fontproperties": _TITLE_FONT}
        write(self.figure, self.left, top + _TITLE_ABOVE, title, **style)
        left, y = self.left, top + _NOTE_ABOVE
        for words, colour in swatches:
            swatch(self.figure, left, y, colour)
            style = {"color": self.theme.ink, "fontproperties": _NOTE_FONT}
            left = write(self.figure, left + _SWATCH, y, words, **style) + _SWATCH_GAP
        if note:
            write(self.figure, left, y, note, color=self.theme.muted, fontproperties=_NOTE_FONT)

    def axes(self, x_name: str, y_name: str, *, before: float = 0, after: float = 0) -> Axes:
        """Return new axes under the heading.

        Args:
            x_name: What is on the x axis.
            y_name: What is on the y axis.
            before: Inches to leave free on the left,
            after: and on the right.
        """
        width, height = self.figure.get_size_inches()
        left = self.left + LEFT + before
        axes = self.figure.add_axes(
            (
                left / width,
                (self.bottom + BOTTOM) / height,
                (self.width - LEFT - before - after) / width,
                (self.height - BOTTOM - TOP) / height,
            )
        )
        axes.set_facecolor(self.theme.ground)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(self.theme.hairline)
        axes.tick_params(labelsize=TICK_SIZE, colors=self.theme.muted, length=3, width=0.8)
        axes.set_xlabel(x_name, size=TEXT_SIZE, color=self.theme.ink, labelpad=5)
        axes.set_ylabel(y_name, size=TEXT_SIZE, color=self.theme.ink, labelpad=5)
        axes.set_axisbelow(True)
        return axes


def halo(ground: str = LIGHT.ground) -> list[Stroke]:
    """Return a rim of the ground's colour that keeps text readable on points."""
    return [withStroke(linewidth=3, foreground=ground)]

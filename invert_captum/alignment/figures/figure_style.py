"""What the figures of alignment share: colours, sizes of text, and text that fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from matplotlib.text import Text

INK = "#1A1A1A"
MUTED = "#5F6368"
HAIRLINE = "#C9CDD2"
GROUND = "#FFFFFF"
# Of Okabe and Ito's palette, which colour-blind people tell apart.
BEFORE = "#0072B2"
AFTER = "#D55E00"

DPI = 150
# Points.
TITLE_SIZE, HEADING_SIZE, TEXT_SIZE = 16, 13, 12


def empty_figure(width: float, height: float) -> Figure:
    """Return a white figure of so many inches that can be measured and saved without pyplot."""
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor=GROUND)
    FigureCanvasAgg(figure)
    return figure


def fitted(text: str, width: float, size: float, *, bold: bool = False, lines: int = 1) -> str:
    r"""Return ``text`` broken at spaces into at most so many ``lines`` of ``width`` inches.

    What does not fit ends in an ellipsis.

    Examples:
        >>> fitted("a name", 2.0, 12)
        'a name'
        >>> cut = fitted("a name that is much too long", 1.0, 12, lines=2)
        >>> cut.count("\n"), cut.endswith("…")
        (1, True)
    """
    weight = "bold" if bold else "normal"
    measured = empty_figure(1, 1).text(0, 0, "", size=size, weight=weight, parse_math=False)
    broken: list[str] = []
    for word in text.split():
        joined = f"{broken[-1]} {word}" if broken else word
        if broken and (len(broken) == lines or _width(measured, joined) <= width):
            broken[-1] = joined
        else:
            broken.append(word)
    return "\n".join(_cut(measured, line, width) for line in broken)


def _cut(measured: Text, line: str, width: float) -> str:
    kept = shown = line
    while kept and _width(measured, shown) > width:
        kept = kept[:-1].rstrip()
        shown = f"{kept}…"
    return shown


def _width(measured: Text, line: str) -> float:
    """Return the width of a line in inches."""
    measured.set_text(line)
    return float(measured.get_window_extent().width) / DPI

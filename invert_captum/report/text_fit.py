"""Text of a known width: concept names are of any length, a figure's cards are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.path import Path
from matplotlib.textpath import TextPath

if TYPE_CHECKING:
    from matplotlib.font_manager import FontProperties

_POINTS_PER_INCH = 72

FILLED = 0.9
"""The share of a line to fill: at few dots per inch, letters stand wider apart than outlines do."""


def wrap(text: str, width: float, font: FontProperties, *, lines: int) -> list[str]:
    """Break ``text`` at spaces into at most so many ``lines`` of ``width`` inches.

    A word that is too long, and a last line with more to come, end in an ellipsis.
    """
    wrapped: list[str] = []
    current = ""
    for word in text.split(" "):
        joined = f"{current} {word}" if current else word
        if current and text_width(joined, font) > width:
            wrapped.append(current)
            joined = word
        current = joined
    wrapped.append(current)
    shown = wrapped[:lines]
    if len(wrapped) > lines:
        shown[-1] = f"{shown[-1]} …"
    return [_cut(line, width, font) for line in shown]


def text_width(text: str, font: FontProperties) -> float:
    """Return the width of one line of ``text`` in inches."""
    if not text.strip():
        return 0.0
    # TextPath has no switch against mathematical notation; an escaped dollar is as wide.
    path = TextPath((0, 0), text.replace("$", r"\$"), prop=font)
    # Curves lie between their control points; their exact ends take a hundred times longer.
    across = np.asarray(path.vertices)[np.asarray(path.codes) != Path.CLOSEPOLY, 0]
    return float(np.ptp(across)) / _POINTS_PER_INCH if len(across) else 0.0


def _cut(line: str, width: float, font: FontProperties) -> str:
    if text_width(line, font) <= width:
        return line
    kept = line.rstrip("… ")
    while kept and text_width(f"{kept}…", font) > width:
        kept = kept[:-1]
    return f"{kept}…"

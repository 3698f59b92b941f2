"""The figure of one picture through the masks of two classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle

from invert_captum.report.neuron_card import axes_at, write
from invert_captum.report.text_fit import wrap
from invert_captum.report.theme import LIGHT

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from torch import Tensor

    from invert_captum.demo.two_targets import Views

    Vector = npt.NDArray[np.float64]

# Inches of a slide of 16 to 9; 150 dots an inch fill a screen of 2,000.
_WIDTH, _HEIGHT, _DPI = 13.33, 7.5, 150
_MARGIN = 0.45
_LARGE, _TILE, _TILE_GAP = 3.25, 2.05, 0.1
_FIRST_COLUMN, _COLUMN = 4.45, 2.82
_HEADER, _TILES_TOP = 6.2, 6.05
_BARS_TOP = _TILES_TOP - 2 * _TILE - _TILE_GAP - 0.12
_BAR, _BAR_LINE, _BAR_GROUP = 0.12, 0.185, 0.435
_BAR_LABEL, _BAR_LENGTH, _SHORTEST_BAR = 0.78, 1.1, 0.012
_GUESS_LABEL, _GUESS_LENGTH, _GUESS_LINE = 1.5, 2.6, 0.27
_SCALE, _SCALE_GAP = 0.13, 0.16
_MOST_CLASSES = 5
# Fainter than the heat maps of the house: a mask may be high on all of an object, which must show.
_FAINTEST, _STRONGEST = 0.25, 0.8

_TITLE = FontProperties(family="DejaVu Sans", weight="bold", size=20)
_HEADING = FontProperties(family="DejaVu Sans", weight="bold", size=16)
_TEXT = FontProperties(family="DejaVu Sans", size=12.5)
_NUMBER = FontProperties(family="DejaVu Sans", size=11.5)
_NOTE = FontProperties(family="DejaVu Sans", size=10.5)

_NOTE_TEXT = (
    "Guided Feature Inversion finds the part of the picture with which the network still answers, "
    "once for each class"
)


def draw_two_targets(
    views: Views, targets: Sequence[int], class_names: Sequence[str], credit: str
) -> Figure:
    """Draw a picture, and what each of two classes and no class at all keeps of it.

    On the left the picture and the network's guesses. Then one column for each mask: the mask over
    the picture in grey; the picture through it; and how probable both classes are on the picture,
    on what the mask keeps and on the rest.

    Args:
        views: From `view_through_masks` with two targets.
        targets: The two classes.
        class_names: The names of all classes.
        credit: A line for the foot of the figure.

    Returns:
        *matplotlib.figure.Figure*: 2,000 x 1,125 pixels; pyplot is not involved.

    Raises:
        ValueError: If there are not two targets, or not three masks.
    """
    if len(targets) != 2 or len(views.masks) != 3:
        raise ValueError(
            f"targets has {len(targets)} classes and views {len(views.masks)} masks; expected 2 "
            "classes, and a mask for each and one more"
        )
    figure = Figure(figsize=(_WIDTH, _HEIGHT), dpi=_DPI, facecolor=LIGHT.ground)
    FigureCanvasAgg(figure)
    colours = dict(zip(targets, (LIGHT.inside, LIGHT.outside), strict=True))
    first, second = (class_names[target] for target in targets)
    title = f"What in this picture says “{first}”, and what “{second}”?"
    (line,) = wrap(title, _WIDTH - 2 * _MARGIN, _TITLE, lines=1)
    _write(figure, _MARGIN, _HEIGHT - 0.58, line, _TITLE)
    _write(figure, _MARGIN, _HEIGHT - 0.9, _NOTE_TEXT, _TEXT, LIGHT.muted)
    _draw_picture(figure, views, class_names, colours)
    headings = (first, LIGHT.inside), (second, LIGHT.outside), ("no class (stage 1)", LIGHT.ink)
    for row, (heading, colour) in enumerate(headings):
        left = _FIRST_COLUMN + row * _COLUMN
        (short,) = wrap(heading, _COLUMN - 0.15, _HEADING, lines=1)
        _write(figure, left, _HEADER, short, _HEADING, colour)
        _draw_tiles(figure, left, views, row)
        _draw_probabilities(figure, left, views, row, colours)
    _draw_row_labels(figure)
    _draw_scale(figure)
    _write(figure, _MARGIN, 0.2, credit, _NOTE, LIGHT.muted)
    return figure


def _draw_picture(
    figure: Figure, views: Views, class_names: Sequence[str], colours: dict[int, str]
) -> None:
    """Draw the picture and the classes that the network gives it."""
    _write(figure, _MARGIN, _HEADER, "one picture", _HEADING)
    axes = axes_at(figure, _MARGIN, _TILES_TOP - _LARGE, _LARGE, _LARGE)
    axes.imshow(_pixels(views.picture))
    axes.set_axis_off()
    guesses = views.on_picture.topk(_MOST_CLASSES).indices.tolist()
    bars = [
        (class_names[one], float(views.on_picture[one]), colours.get(one, LIGHT.hairline))
        for one in guesses
    ]
    top = _TILES_TOP - _LARGE - 0.3
    _write(figure, _MARGIN, top - 0.1, "the network's first guesses", _TEXT, LIGHT.muted)
    for line, (name, share, colour) in enumerate(bars):
        (short,) = wrap(name, _GUESS_LABEL, _TEXT, lines=1)
        bottom = top - 0.45 - line * _GUESS_LINE
        _write(figure, _MARGIN, bottom, short, _TEXT)
        left = _MARGIN + _GUESS_LABEL + 0.1
        _draw_bar(figure, left, bottom, _GUESS_LENGTH, share, colour)


def _draw_tiles(figure: Figure, left: float, views: Views, row: int) -> None:
    """Draw a mask over the picture in grey, and under it the picture through the mask."""
    bottom = _TILES_TOP - _TILE
    over = axes_at(figure, left, bottom, _TILE, _TILE)
    over.imshow(_pixels(views.picture).mean(2), cmap="gray", vmin=0, vmax=1)
    mask = views.masks[row, 0].double().numpy(force=True)
    opacity = _FAINTEST + (_STRONGEST - _FAINTEST) * mask
    over.imshow(mask, cmap="inferno", vmin=0, vmax=1, alpha=opacity)
    over.set_axis_off()
    through = axes_at(figure, left, bottom - _TILE_GAP - _TILE, _TILE, _TILE)
    through.imshow(_pixels(views.kept[row]))
    through.set_axis_off()


def _draw_probabilities(
    figure: Figure, left: float, views: Views, row: int, colours: dict[int, str]
) -> None:
    """Draw how probable both classes are on the picture, on what is kept and on the rest."""
    parts = (
        ("picture", views.on_picture),
        ("kept", views.on_kept[row]),
        ("rest", views.on_rest[row]),
    )
    for group, (label, shares) in enumerate(parts):
        top = _BARS_TOP - group * _BAR_GROUP
        _write(figure, left, top - 0.26, label, _TEXT, LIGHT.muted)
        for line, (target, colour) in enumerate(colours.items()):
            bottom = top - 0.15 - line * _BAR_LINE
            share = float(shares[target])
            _draw_bar(figure, left + _BAR_LABEL, bottom, _BAR_LENGTH, share, colour)


def _draw_bar(
    figure: Figure, left: float, bottom: float, length: float, share: float, colour: str
) -> None:
    """Draw a share of a length, and write it behind."""
    corner = left / _WIDTH, bottom / _HEIGHT
    long = max(share * length, _SHORTEST_BAR)
    bar = Rectangle(corner, long / _WIDTH, _BAR / _HEIGHT, facecolor=colour, edgecolor="none")
    figure.add_artist(bar)
    _write(figure, left + long + 0.06, bottom, f"{100 * share:.0f} %", _NUMBER)


def _draw_row_labels(figure: Figure) -> None:
    """Write beside the first column what the two rows of tiles show."""
    for row, label in enumerate(("mask", "picture through mask")):
        middle = _TILES_TOP - _TILE / 2 - row * (_TILE + _TILE_GAP)
        figure.text(
            (_FIRST_COLUMN - 0.14) / _WIDTH,
            middle / _HEIGHT,
            label,
            rotation=90,
            ha="center",
            va="center",
            color=LIGHT.muted,
            fontproperties=_TEXT,
        )


def _draw_scale(figure: Figure) -> None:
    """Draw the colours of a mask beside the last one, over the same grey as in the middle."""
    left = _FIRST_COLUMN + 2 * _COLUMN + _TILE + _SCALE_GAP
    axes = axes_at(figure, left, _TILES_TOP - _TILE, _SCALE, _TILE)
    levels = np.linspace(1, 0, 256)[:, None]
    axes.imshow(np.full_like(levels, 0.8), cmap="gray", vmin=0, vmax=1, aspect="auto")
    opacity = _FAINTEST + (_STRONGEST - _FAINTEST) * levels
    axes.imshow(levels, cmap="inferno", vmin=0, vmax=1, alpha=opacity, aspect="auto")
    axes.set_axis_off()
    _write(figure, left + _SCALE + 0.07, _TILES_TOP - 0.13, "kept", _NOTE, LIGHT.muted)
    _write(figure, left + _SCALE + 0.07, _TILES_TOP - _TILE + 0.02, "blurred", _NOTE, LIGHT.muted)


def _pixels(colours: Tensor) -> Vector:
    """Return RGB (3, height, width) as matplotlib takes it."""
    pixels: Vector = colours.permute(1, 2, 0).double().clamp(0, 1).numpy(force=True)
    return pixels


def _write(
    figure: Figure,
    left: float,
    bottom: float,
    text: str,
    font: FontProperties,
    colour: str = LIGHT.ink,
) -> None:
    write(figure, left, bottom, text, color=colour, fontproperties=font)

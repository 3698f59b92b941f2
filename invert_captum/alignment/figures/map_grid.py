"""`plot_maps`: human maps beside those of models."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from invert_captum._validation import as_list, check_integer, listed
from invert_captum.alignment.figures.figure_style import (
    HAIRLINE,
    HEADING_SIZE,
    INK,
    MUTED,
    TEXT_SIZE,
    empty_figure,
    fitted,
)
from invert_captum.alignment.figures.overlays import (
    array_of,
    check_map_stack,
    draw_overlay,
    picture_of,
)
from invert_captum.alignment.metrics.spearman import spearman_correlation

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Numbers = npt.NDArray[np.float64]

# Inches; a tile is so wide, and as high as its picture asks for, at most as it is wide.
_TILE, _GAP, _HEAD, _HEAD_LINE, _CAPTION, _MARGIN = 2.0, 0.14, 0.42, 0.22, 0.34, 0.12


def plot_maps(
    images: Any,
    heatmaps: Any,
    maps: Mapping[str, Any],
    *,
    titles: Iterable[str] | None = None,
    scores: Mapping[str, Any] | None = None,
    n: int = 4,
) -> Figure:
    """Draw pictures, their human maps, and the maps of models in a grid.

    A row is a picture: the picture, the human map over the picture in grey, and one such overlay
    for each set of maps, with its Spearman correlation with the human map under it. Every map is
    scaled by itself, so that colours compare places, not strengths: its lowest value is clear, and
    values from its 99th percentile on have the strongest colour.

    Args:
        images: Tensor or array (N, C, H, W), of 1 or 3 channels. uint8 and numbers in [0, 1] are
            drawn as they are, any others of an image from its lowest to its highest.
        heatmaps: Human maps, tensor or array (N, h, w).
        maps: Maps (N, h, w) by the name of their column, such as ``{"before": ..., "after": ...}``.
        titles: N texts under the pictures, such as class names; None for none.
        scores: Spearman correlations (N,) by the same names; None to compute them.
        n: How many of the N pictures are drawn, at most, from the first on.

    Returns:
        *matplotlib.figure.Figure*, which ``savefig`` writes.

    Raises:
        TypeError: Something is not of numbers, or ``maps`` or ``scores`` are no mapping.
        ValueError: Shapes, names or numbers of rows differ, there are no maps or pictures, or
            values are NaN or infinite.

    Examples:
        >>> import torch
        >>> images, people = torch.rand(2, 3, 8, 8), torch.rand(2, 8, 8)
        >>> figure = plot_maps(images, people, {"model": torch.rand(2, 8, 8)}, titles=["a", "b"])
        >>> len(figure.axes)
        6
    """
    check_integer("n", n, minimum=1)
    pictures, people, columns = _arrays(images, heatmaps, maps)
    n_all, n_rows = len(people), min(n, len(people))
    captions = _captions(scores, columns, people)
    names = [""] * n_all if titles is None else [str(title) for title in as_list("titles", titles)]
    if len(names) != n_all:
        raise ValueError(f"titles has {len(names)} entries, images has {n_all}; expected as many")
    height, width = pictures.shape[2:]
    grid = _Grid(n_rows, ["Picture", "Human map", *columns], min(height / width, 1))
    for row in range(n_rows):
        picture = picture_of(pictures[row])
        grid.tile(row, 0, names[row], INK).imshow(picture)
        draw_overlay(grid.tile(row, 1, "", INK), picture, people[row])
        for column, (name, own) in enumerate(columns.items(), 2):
            axes = grid.tile(row, column, captions[name][row], MUTED)
            draw_overlay(axes, picture, own[row])
    return grid.figure


class _Grid:
    """A figure of tiles in rows and columns, with a heading above and a caption below each.

    Args:
        n_rows: How many rows.
        headings: Of the columns.
        shape: Height of a tile over its width.
    """

    def __init__(self, n_rows: int, headings: list[str], shape: float) -> None:
        n_columns = len(headings)
        broken = [fitted(one, _TILE, HEADING_SIZE, bold=True, lines=2) for one in headings]
        self._head = _HEAD + _HEAD_LINE * any("\n" in heading for heading in broken)
        self._width = 2 * _MARGIN + n_columns * _TILE + (n_columns - 1) * _GAP
        self._tile_height = shape * _TILE
        self._height = self._head + n_rows * (self._tile_height + _CAPTION) + _MARGIN
        self.figure = empty_figure(self._width, self._height)
        for column, heading in enumerate(broken):
            self._write(column, self._height - self._head / 2 - 0.04, heading, HEADING_SIZE, INK)

    def tile(self, row: int, column: int, caption: str, colour: str) -> Axes:
        """Return the axes of a tile, with a caption under it."""
        above = self._head + row * (self._tile_height + _CAPTION)
        bottom = self._height - above - self._tile_height
        place = self._left(column), bottom, _TILE, self._tile_height
        size = self._width, self._height, self._width, self._height
        left, low, width, height = (one / whole for one, whole in zip(place, size, strict=True))
        axes = self.figure.add_axes((left, low, width, height))
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_color(HAIRLINE)
        shown = fitted(caption, _TILE, TEXT_SIZE)
        self._write(column, bottom - 0.5 * _CAPTION, shown, TEXT_SIZE, colour)
        return axes

    def _left(self, column: int) -> float:
        return _MARGIN + column * (_TILE + _GAP)

    def _write(self, column: int, height: float, text: str, size: int, colour: str) -> None:
        self.figure.text(
            (self._left(column) + _TILE / 2) / self._width,
            height / self._height,
            text,
            ha="center",
            va="center",
            size=size,
            weight="bold" if size == HEADING_SIZE else "normal",
            color=colour,
            parse_math=False,
        )


def _arrays(
    images: Any, heatmaps: Any, maps: Mapping[str, Any]
) -> tuple[npt.NDArray[Any], Numbers, dict[str, Numbers]]:
    """Return images, human maps and maps by name, checked."""
    pictures, people = array_of("images", images), array_of("heatmaps", heatmaps)
    if pictures.ndim != 4 or 0 in pictures.shape:
        raise ValueError(
            f"images has shape {pictures.shape}; expected (N, C, H, W), none of them 0"
        )
    if people.ndim != 3 or len(people) != len(pictures) or 0 in people.shape:
        raise ValueError(
            f"heatmaps has shape {people.shape}, but images are {pictures.shape}; expected "
            f"({len(pictures)}, H, W)"
        )
    _check_mapping("maps", maps, "maps")
    columns = {str(name): array_of(f"maps[{name!r}]", own) for name, own in maps.items()}
    if not columns:
        raise ValueError("maps is empty; expected at least one set of maps by its name")
    for name, own in columns.items():
        check_map_stack(f"maps[{name!r}]", own, people.shape)
    return (
        pictures,
        people.astype(np.float64),
        {name: own.astype(np.float64) for name, own in columns.items()},
    )


def _check_mapping(name: str, value: object, of: str) -> None:
    if not isinstance(value, Mapping):
        kind = f" of shape {tuple(value.shape)}" if hasattr(value, "shape") else ""
        raise TypeError(
            f'{name} is a {type(value).__name__}{kind}; expected the form {{"model": {of}}}, a '
            "name for each column"
        )


def _captions(
    scores: Mapping[str, Any] | None, columns: Mapping[str, Numbers], people: Numbers
) -> dict[str, list[str]]:
    """Return what stands under each map, by the name of its column."""
    if scores is None:
        human = torch.from_numpy(people)
        found = {
            name: spearman_correlation(human, torch.from_numpy(own)).tolist()
            for name, own in columns.items()
        }
    else:
        _check_mapping("scores", scores, "scores")
        found = {str(name): np.asarray(own, dtype=float).tolist() for name, own in scores.items()}
        if found.keys() != columns.keys():
            raise ValueError(
                f"scores has {listed(list(found))}, maps has {listed(list(columns))}; expected the "
                "same names"
            )
    for name, own in found.items():
        if np.shape(own) != (len(people),):
            raise ValueError(
                f"scores[{name!r}] has shape {np.shape(own)}; expected ({len(people)},)"
            )
    return {name: [_caption(score) for score in own] for name, own in found.items()}


def _caption(score: float) -> str:
    # Adding 0 takes the sign off a zero.
    rounded = round(score, 2) + 0.0
    return "a constant map" if math.isnan(score) else f"Spearman {rounded:.2f}".replace("-", "−")

"""Rows of pictures: what excites a neuron most and least, and where in them it fired."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from invert_captum.report.heat_maps import Sign, draw_heat_map
from invert_captum.report.neuron_card import axes_at, square
from invert_captum.report.picture_arrays import heat_array, picture_array

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    from matplotlib.figure import Figure

    from invert_captum.report.theme import Theme

# Inches.
_GAP, _CAPTION, _ROW_GAP, _RIM = 0.13, 0.24, 0.14, 0.03
_SMALLEST, _LARGEST = 0.95, 1.6


@dataclass(frozen=True)
class Extremes:
    """The samples with the highest or the lowest activations.

    Attributes:
        samples: Their indices, int64 (c,), the most extreme first.
        n_tied: How many samples share the most extreme activation.
    """

    samples: npt.NDArray[np.int64]
    n_tied: int

    @classmethod
    def of(cls, values: npt.NDArray[np.float64], count: int, *, highest: bool) -> Extremes:
        """Return at most ``count`` of them.

        Where more samples than that share the most extreme activation (0 after a ReLU), they are
        taken from these at equal steps: neighbours in a data set are often alike.

        Examples:
            >>> Extremes.of(np.array([3.0, 0.0, 0.0, 5.0, 0.0, 0.0]), 2, highest=False)
            Extremes(samples=array([1, 4]), n_tied=4)
        """
        order = np.argsort(-values if highest else values, kind="stable")
        tied = np.flatnonzero(values == values[order[0]])
        if len(tied) > count:
            steps = np.arange(count) * len(tied) // count
            return cls(tied[steps].astype(np.int64), len(tied))
        return cls(order[:count].astype(np.int64), len(tied))


@dataclass(frozen=True)
class TileRows:
    """How tiles are laid out in a given width: rows of squares, in inches.

    Attributes:
        count: How many tiles.
        width: Of all.
        with_heat: Whether under each row of pictures there is one of heat maps.
    """

    count: int
    width: float
    with_heat: bool = False

    @property
    def per_row(self) -> int:
        """How many tiles stand side by side, about as many in each row."""
        most = max(1, int((self.width + _GAP) / (_SMALLEST + _GAP)))
        return math.ceil(self.count / math.ceil(self.count / most))

    @property
    def side(self) -> float:
        """The side of a tile."""
        return min(_LARGEST, (self.width - (self.per_row - 1) * _GAP) / self.per_row)

    @property
    def row_height(self) -> float:
        """The height of a row, with the activations under it and its heat maps."""
        return self.side + _CAPTION + (self.side + _GAP) * self.with_heat + _ROW_GAP

    @property
    def height(self) -> float:
        """The height of all rows."""
        return math.ceil(self.count / self.per_row) * self.row_height

    def places(self, left: float, top: float) -> list[tuple[float, float]]:
        """Return the lower left corner of each picture, the rows beginning at (left, top)."""
        corners = []
        for place in range(self.count):
            row, column = divmod(place, self.per_row)
            x = left + column * (self.side + _GAP)
            corners.append((x, top - row * self.row_height - self.side))
        return corners


@dataclass(frozen=True)
class InputTiles:
    """The tiles of some samples of one neuron.

    Attributes:
        values: The neuron's activations (n,).
        members: For which samples its label holds (n,).
        picture: Gives the picture of the sample with an index.
        attribution: Gives its attributions; None for no heat maps.
        sign: Which attributions heat maps show.
        theme: The colours.
    """

    values: npt.NDArray[np.float64]
    members: npt.NDArray[np.bool_]
    picture: Callable[[int], Any]
    attribution: Callable[[int], Any] | None
    sign: Sign
    theme: Theme

    def draw(
        self,
        figure: Figure,
        left: float,
        top: float,
        rows: TileRows,
        samples: npt.NDArray[np.int64],
    ) -> None:
        """Draw the tiles of ``samples``, the rows beginning at (left, top), in inches."""
        for sample, (x, y) in zip(samples.tolist(), rows.places(left, top), strict=True):
            pixels = picture_array(self.picture(sample))
            axes = axes_at(figure, x, y, rows.side, rows.side)
            axes.set_gid(f"picture {sample}")
            axes.imshow(pixels, interpolation="antialiased")
            axes.set_axis_off()
            self._frame(figure, x, y, rows.side, holds=bool(self.members[sample]))
            below = y - _CAPTION
            self._write_below(figure, x, below, rows.side, f"{self.values[sample]:.3g}")
            if rows.with_heat and self.attribution is not None:
                corner = x, below - rows.side
                self._draw_heat(figure, corner, rows.side, pixels, sample)

    def _draw_heat(
        self,
        figure: Figure,
        corner: tuple[float, float],
        side: float,
        pixels: npt.NDArray[np.float64],
        sample: int,
    ) -> None:
        if self.attribution is None:
            return
        axes = axes_at(figure, *corner, side, side)
        axes.set_gid(f"heat map {sample}")
        heat = heat_array(self.attribution(sample))
        if not draw_heat_map(axes, figure, pixels, heat, self.sign):
            axes.text(
                0.5,
                0.5,
                "silent",
                transform=axes.transAxes,
                ha="center",
                va="center",
                size=10.5,
                color=self.theme.ink,
                bbox={"boxstyle": "round,pad=0.3", "fc": self.theme.ground, "ec": "none"},
            )

    def _frame(self, figure: Figure, x: float, y: float, side: float, *, holds: bool) -> None:
        square(
            figure,
            x - _RIM,
            y - _RIM,
            side + 2 * _RIM,
            facecolor="none",
            edgecolor=self.theme.inside if holds else self.theme.hairline,
            linewidth=2.8 if holds else 0.8,
            gid="holds" if holds else "does not hold",
        )

    def _write_below(self, figure: Figure, x: float, y: float, side: float, text: str) -> None:
        width, height = figure.get_size_inches()
        figure.text(
            (x + side / 2) / width,
            (y + 0.05) / height,
            text,
            ha="center",
            va="baseline",
            size=10,
            color=self.theme.muted,
        )

"""Captum's heat maps on pictures, in colours that colour-blind people can read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from PIL import Image

from invert_captum.report.picture_arrays import on_one_grid
from invert_captum.report.theme import LIGHT

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Vector = npt.NDArray[np.float64]

Sign = Literal["positive", "negative", "absolute_value", "all"]
"""Which attributions a heat map shows, in the words of Captum."""

SHOWN: dict[str, str] = {
    "positive": "the positive part",
    "negative": "the negative part",
    "absolute_value": "the absolute value",
    "all": "both signs",
}
"""What each of Captum's signs leaves of the attributions."""

# Opacity from no attribution to the highest.
_ALPHAS = (0.12, 0.55, 0.85, 0.95)
_LEVELS = 64
# On the longer side: the single pixels of a gradient would not be seen.
_MOST_CELLS = 56
_SILENT_SHARE = 0.35


def heat_colours(sign: Sign) -> LinearSegmentedColormap:
    """Return the colours of heat maps of this sign.

    Nothing is almost clear, so that the picture in grey shows through; much is opaque. One sign has
    matplotlib's inferno, which grows lighter all the way and so needs no sense of colour; two signs
    have blue and vermilion, which colour-blind people tell apart, on any grey.
    """
    if sign == "all":
        down = [(*to_rgb(LIGHT.outside), alpha) for alpha in _ALPHAS]
        up = [(*to_rgb(LIGHT.inside), alpha) for alpha in _ALPHAS]
        return LinearSegmentedColormap.from_list("heat-all", [*reversed(down), *up])
    colours = colormaps["inferno"](np.linspace(0, 1, _LEVELS))
    shares = np.linspace(0, 1, len(_ALPHAS))
    colours[:, 3] = np.interp(np.linspace(0, 1, _LEVELS), shares, _ALPHAS)
    return LinearSegmentedColormap.from_list(f"heat-{sign}", [tuple(each) for each in colours])


def draw_heat_map(axes: Axes, figure: Figure, picture: Vector, heat: Vector, sign: Sign) -> bool:
    """Draw a heat map over its picture, and return whether there was anything to draw.

    Of a map finer than 56 x 56 the chosen part is averaged over cells.

    Args:
        axes: Where.
        figure: Of these axes.
        picture: RGB in [0, 1], (height, width, 3).
        heat: Attributions (h, w); scaled to their own highest.
        sign: Which of them are shown.
    """
    from captum.attr import visualization

    pixels, shown = on_one_grid(picture, _coarse(_part(heat, sign)))
    highest = np.abs(shown).max()
    if highest == 0:
        pale = (1 - _SILENT_SHARE) + _SILENT_SHARE * pixels.mean(axis=2)
        axes.imshow(pale, cmap="gray", vmin=0, vmax=1)
        axes.set_axis_off()
        return False
    visualization.visualize_image_attr(
        (shown / highest)[:, :, None],
        pixels,
        method="blended_heat_map",
        sign=sign,
        plt_fig_axis=(figure, axes),
        cmap=heat_colours(sign),
        alpha_overlay=1.0,
        use_pyplot=False,
    )
    # Captum lets the picture's own greys fill the scale, which makes a flat ground black.
    axes.images[0].set_clim(0, 255)
    axes.set_axis_off()
    return True


def _part(heat: Vector, sign: Sign) -> Vector:
    """Return what a sign leaves of attributions, which keep theirs."""
    if sign == "positive":
        return np.maximum(heat, 0)
    if sign == "negative":
        return np.minimum(heat, 0)
    return np.abs(heat) if sign == "absolute_value" else heat


def _coarse(heat: Vector) -> Vector:
    """Return means over cells, where there are more than can be told apart on a tile."""
    height, width = heat.shape
    share = _MOST_CELLS / max(height, width)
    # Scaled first: Pillow averages in single precision.
    highest = np.abs(heat).max()
    if share >= 1 or highest == 0:
        return heat
    size = max(1, round(share * width)), max(1, round(share * height))
    single = Image.fromarray((heat / highest).astype(np.float32))
    return np.asarray(single.resize(size, Image.Resampling.BOX), dtype=np.float64)

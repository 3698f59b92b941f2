"""The picture of `benchmarks.scale`: one column for each quantity, time above, memory below."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import FuncFormatter, NullFormatter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from benchmarks.scale import Measured

LABELS = {
    "n": "samples n",
    "d": "neurons d",
    "k": "concepts k",
    "L": "longest formula L",
    "B": "beam width B",
}
TIME_COLOR, MEMORY_COLOR, GUIDE_COLOR = "#1b6ca8", "#b8561b", "#8a8a8a"


def draw(measured: Sequence[Measured], path: Path) -> None:
    """Draw all points on double logarithmic axes and save the picture."""
    changed = list(dict.fromkeys(one.changed for one in measured))
    figure, axes = plt.subplots(
        2,
        len(changed),
        figsize=(0.7 + 2.2 * len(changed), 5),
        sharex="col",
        sharey="row",
        squeeze=False,
        layout="constrained",
    )
    for column, name in zip(axes.T, changed, strict=True):
        chosen = [one for one in measured if one.changed == name]
        values = np.array([one.value for one in chosen])
        times = np.array([one.seconds for one in chosen])
        peaks = np.array([max(one.peak_bytes, 4096) / 2**20 for one in chosen])
        growth = values * np.log(values) if name == "n" else values
        _panel(column[0], values, times, TIME_COLOR, growth)
        _panel(column[1], values, peaks, MEMORY_COLOR, values)
        column[0].set_title(LABELS.get(name, name), fontsize=10)
        _few_ticks(column[1], values)
    axes[0, 0].set_ylabel("seconds")
    axes[1, 0].set_ylabel("peak memory, MiB")
    for axis in axes[:, 0]:
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    figure.supxlabel("dashed: n·log n for the time over n, linear elsewhere", fontsize=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def _panel(
    axis: Axes,
    values: np.ndarray,
    quantity: np.ndarray,
    color: str,
    growth: np.ndarray,
) -> None:
    """Draw the points and a guide through the middle one that grows as ``growth`` does."""
    middle = len(values) // 2
    guide = growth * quantity[middle] / growth[middle]
    axis.loglog(values, guide, "--", color=GUIDE_COLOR, linewidth=1)
    axis.loglog(values, quantity, "o-", color=color, markersize=4)
    axis.grid(visible=True, which="major", color="#e6e6e6", linewidth=0.6)
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(axis="x", which="minor", bottom=False)
    axis.tick_params(labelsize=8)


def _few_ticks(axis: Axes, values: np.ndarray) -> None:
    """Mark the measured values, every other one where there are more than four."""
    shown = values[::2] if len(values) > 4 else values
    axis.set_xticks(shown, [_short(value) for value in shown])
    axis.xaxis.set_minor_formatter(NullFormatter())


def _short(value: float) -> str:
    return f"{value / 1000:g}k" if value >= 10_000 else f"{value:,g}"

"""The pictures of the studies: the size of tests on noise, the power on planted formulas."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import scipy.stats
from matplotlib.ticker import PercentFormatter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from benchmarks.calibration.noise import NoiseP
    from benchmarks.calibration.signal import CellPower

BAND_COLOR, GUIDE_COLOR, GRID_COLOR = "#dcdcdc", "#6e6e6e", "#ededed"
# Method: label, colour, line style.
NOISE_STYLES = {
    "in-sample (naive)": ("in-sample, as published", "#b3261e", "-"),
    "hold-out, normal approximation": ("hold-out, normal approximation", "#e08a1e", "-"),
    "hold-out": ("hold-out, exact or saddlepoint", "#1b6ca8", "-"),
    "permutation, own null": ("permutation, own null", "#1a7f4b", "-"),
    "permutation, random ties": ("permutation, random ties", "#6cc08b", "--"),
    "permutation, untied approximation": ("permutation, untied approximation", "#8a6fc0", ":"),
}
POWER_STYLES = {
    "oracle, all samples": ("oracle, all samples", "#6e6e6e", ":"),
    "oracle, held-out half": ("oracle, held-out half", "#a8a8a8", ":"),
    "5 folds, calibrated Stouffer": ("5 folds, calibrated by permutation", "#b3261e", "-"),
    "permutation, random ties": ("permutation", "#1a7f4b", "-"),
    "5 folds, forward Stouffer": ("5 folds, forward Stouffer", "#8a6fc0", "-"),
    "5 folds, median": ("5 folds, twice the median", "#c9a227", "--"),
    "5 folds, mean": ("5 folds, twice the mean", "#9c6b3c", "--"),
    "2 folds, minimum": ("2 folds, twice the minimum", "#58a6d6", "-"),
    "hold-out": ("hold-out, one split", "#1b6ca8", "-"),
}
_MOST_SHOWN = 4.5


def draw_noise(drawn: NoiseP, path: Path) -> None:
    """Draw the p-values of noise against uniform ones, a panel for each kind."""
    figure, axes = plt.subplots(2, 3, figsize=(11, 7.2), sharex=True, sharey=True, layout="tight")
    for axis, (kind, by_method) in zip(axes.flat, drawn.items(), strict=False):
        _quantiles(axis, by_method)
        axis.set_title(kind, fontsize=12)
    spare = axes.flat[len(drawn)]
    spare.axis("off")
    handles, labels = axes.flat[1].get_legend_handles_labels()
    spare.legend(handles, labels, loc="center", frameon=False, fontsize=11)
    for axis in axes[1]:
        axis.set_xlabel("expected of a uniform p:  −log₁₀", fontsize=11)
    axes[0, 2].tick_params(labelbottom=True)
    axes[0, 2].set_xlabel("expected of a uniform p:  −log₁₀", fontsize=11)
    for axis in axes[:, 0]:
        axis.set_ylabel("p of noise neurons:  −log₁₀", fontsize=11)
    figure.suptitle("Pure noise: above the line, a method finds what is not there", fontsize=14)
    _save(figure, path)


def _quantiles(axis: Axes, by_method: dict[str, NDArray[np.float64]]) -> None:
    count = len(next(iter(by_method.values())))
    ranks = np.arange(1, count + 1)
    expected = -np.log10(ranks / (count + 1))
    order = scipy.stats.beta(ranks, count + 1 - ranks)
    low, high = -np.log10(order.ppf(0.995)), -np.log10(order.ppf(0.005))
    axis.fill_between(expected, low, high, color=BAND_COLOR, label="99 % of chance", linewidth=0)
    axis.plot([0, _MOST_SHOWN], [0, _MOST_SHOWN], color=GUIDE_COLOR, linewidth=0.8)
    for name, (label, color, style) in NOISE_STYLES.items():
        if name in by_method:
            found = -np.log10(np.sort(by_method[name]))
            axis.plot(expected, found, style, color=color, linewidth=1.8, label=label)
    axis.set_xlim(0, -np.log10(1 / (count + 1)) + 0.1)
    axis.set_ylim(0, _MOST_SHOWN)
    _tidy(axis)


def draw_power(measured: Sequence[CellPower], path: Path) -> None:
    """Draw power against AUC, mean over the kinds of formulas, by positives and activations."""
    kinds = list(dict.fromkeys(one.activations for one in measured))
    targets = list(dict.fromkeys(one.cell.target for one in measured))
    figure, axes = plt.subplots(
        len(kinds),
        len(targets),
        figsize=(3.6 * len(targets) + 3.2, 3.3 * len(kinds) + 0.9),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for row, kind in zip(axes, kinds, strict=True):
        for axis, target in zip(row, targets, strict=True):
            chosen = [o for o in measured if (o.activations, o.cell.target) == (kind, target)]
            _powers(axis, chosen)
            axis.set_title(f"{kind} activations, about {target} positives", fontsize=11)
        row[0].set_ylabel("found at 0.05", fontsize=11)
    for axis in axes[-1]:
        axis.set_xlabel("AUC that was planted", fontsize=11)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", frameon=False, fontsize=10)
    figure.suptitle("How often a planted formula's neuron is found significant", fontsize=14)
    _save(figure, path)


def _powers(axis: Axes, chosen: Sequence[CellPower]) -> None:
    aucs = sorted({one.cell.auc for one in chosen})
    for name, (label, color, style) in POWER_STYLES.items():
        powers = [np.mean([o.power(name) for o in chosen if o.cell.auc == auc]) for auc in aucs]
        axis.plot(aucs, powers, style, color=color, marker="o", markersize=4, label=label)
    axis.set_ylim(0, 1.02)
    axis.set_xticks(aucs)
    axis.yaxis.set_major_formatter(PercentFormatter(1))
    _tidy(axis)


def _tidy(axis: Axes) -> None:
    axis.grid(visible=True, color=GRID_COLOR, linewidth=0.6)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)


def _save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    plt.close(figure)

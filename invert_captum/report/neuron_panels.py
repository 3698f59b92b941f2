"""The two plots of a neuron's figure: densities and the ROC curve."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from matplotlib.ticker import MaxNLocator

from invert_captum.report.density import densities
from invert_captum.report.panel import TEXT_SIZE, halo

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from invert_captum.report.neuron_view import NeuronView
    from invert_captum.report.panel import Panel
    from invert_captum.report.theme import Theme

_HOLDS, _DOES_NOT = "label holds", "does not hold"


def draw_densities(panel: Panel, view: NeuronView) -> None:
    """Draw the densities of the activations where the label holds and where it does not."""
    theme, curves = panel.theme, densities(view.values, view.members)
    n_inside = int(view.members.sum())
    note = ""
    if curves.atom is not None:
        shares = f"{curves.atom_inside:.0%} and {curves.atom_outside:.0%}"
        note = f"{shares} of them at exactly {curves.atom:.3g}"
    swatches = [
        (f"{_HOLDS} ({n_inside:,})", theme.inside),
        (f"{_DOES_NOT} ({len(view.members) - n_inside:,})", theme.outside),
    ]
    panel.heading("Activation", note, swatches)
    axes = panel.axes("activation", "density / its own peak")
    axes.set_gid("densities")
    for curve, colour, order in (
        (curves.outside, theme.outside, 1),
        (curves.inside, theme.inside, 2),
    ):
        # Each curve is as high as the plot: the label is often a hundred times rarer than its
        # absence, and its activations are spread wider.
        scaled = curve / (curve.max() or 1.0)
        axes.fill_between(curves.grid, scaled, color=colour, alpha=0.22, lw=0, zorder=order)
        axes.plot(curves.grid, scaled, color=colour, lw=2, zorder=order)
    axes.set_xlim(curves.low, curves.high)
    axes.set_ylim(0, 1.04)
    axes.yaxis.set_major_locator(MaxNLocator(2, steps=[5]))
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(lambda number, _: f"{number:.4g}")


def draw_roc(panel: Panel, view: NeuronView) -> None:
    """Draw the ROC curve with its band, or say why there is none."""
    theme = panel.theme
    members = view.members if view.heldout is None else view.members[view.heldout]
    where = "searched samples" if view.heldout is None else "held-out samples"
    title = "ROC curve of low activations" if view.is_low else "ROC curve"
    # A curve is known as well as its rarer kind is frequent, which all samples do not tell.
    panel.heading(title, f"on {len(members):,} {where}, {int(members.sum()):,} positive")
    axes = panel.axes("false positive rate", "true positive rate")
    axes.set_gid("roc")
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.01)
    axes.set_aspect("equal", anchor="SW")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks([0, 0.25, 0.5, 0.75, 1], ["0", "", "0.5", "", "1"])
    axes.plot([0, 1], [0, 1], color=theme.muted, lw=1.2, ls=(0, (4, 3)), gid="chance")
    if view.curve is None:
        _write(axes, theme, "no curve: these samples\nare all positive or all negative")
        return
    if view.band is not None:
        axes.fill_between(
            view.band.false_positive_rate,
            view.band.low,
            view.band.high,
            color=theme.inside,
            alpha=0.22,
            lw=0,
            gid="band",
        )
    axes.plot(
        view.curve.false_positive_rate,
        view.curve.true_positive_rate,
        color=theme.inside,
        lw=2.2,
        gid="curve",
        clip_on=False,
    )
    _write(axes, theme, "\n".join(_area_lines(view)))


def _area_lines(view: NeuronView) -> list[str]:
    """Return the area under the curve and its interval, in the direction of the curve."""
    if view.curve is None:
        return []
    one = view.explanation
    lines = [f"{'1 − AUC' if view.is_low else 'AUC'} {view.curve.auc:.3f}"]
    if view.heldout is not None and not math.isnan(one.auc_low):
        bounds = (one.auc_low, one.auc_high)
        low, high = (1 - bounds[1], 1 - bounds[0]) if view.is_low else bounds
        level = 1 - view.settings["alpha"]
        lines.append(f"{100 * level:.4g}% interval {low:.3f} to {high:.3f}")
    elif view.band is not None:
        bounds_text = f"{view.band.auc_low:.3f} to {view.band.auc_high:.3f}"
        lines.append(f"{100 * view.band.level:.4g}% bootstrap {bounds_text}")
    return lines


def _write(axes: Axes, theme: Theme, text: str) -> None:
    axes.text(
        0.97,
        0.05,
        text,
        transform=axes.transAxes,
        ha="right",
        va="bottom",
        size=TEXT_SIZE,
        linespacing=1.5,
        color=theme.ink,
        path_effects=halo(theme.ground),
    )

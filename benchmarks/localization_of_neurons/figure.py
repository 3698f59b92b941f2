"""The picture of `benchmarks.attribution_localization`: what each method makes of some canvases."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from benchmarks.localization_of_neurons.measures import concept_share
from benchmarks.localization_of_neurons.methods import METHODS, attribution_maps
from invert_captum.demo.emoji import CREDIT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    import invert_captum as ic
    from benchmarks.localization_of_neurons.scenes import Scene

CONCEPT_COLOUR, OTHER_COLOUR, INK = "#1b6ca8", "#8a8a8a", "#222222"
# Single pixels of gradients are far above the rest; from here on the colour is full.
_FULL = 99.5
_LABEL_WIDTH = 20


def draw(labeler: ic.NeuronConceptLabeler, scenes: Sequence[Scene], path: Path) -> None:
    """Draw the first picture of each scene and the positive attributions of every method.

    Args:
        labeler: Of the demo's network and layer.
        scenes: One row each.
        path: The PNG file that is written.
    """
    rows, columns = len(scenes), 1 + len(METHODS)
    figure = Figure(figsize=(1.62 * columns, 1.95 * rows + 1.1), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for line, scene in zip(axes, scenes, strict=True):
        _draw_scene(line, labeler, scene.first())
    for axis, method in zip(axes[0, 1:], METHODS, strict=True):
        name = method.name.removeprefix("Neuron").replace("up-sampled ", "up-sampled\n")
        axis.set_title(_broken(name), fontsize=10, color=INK)
    axes[0, 0].set_title("held-out emoji\non a canvas", fontsize=10, color=INK)
    figure.suptitle(
        "Where labelled neurons fire: the emoji of the concept (blue) beside another (grey). "
        "Below each: the share of the mean attribution on the concept's.",
        fontsize=12,
        color=INK,
    )
    figure.supxlabel(CREDIT, fontsize=9, color=INK)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80)


def _draw_scene(line: Sequence[Axes], labeler: ic.NeuronConceptLabeler, scene: Scene) -> None:
    masks = scene.masks()
    line[0].imshow(scene.canvases[0].pixels)
    _frame(line[0], masks[0])
    line[0].set_xlabel(_label(scene), fontsize=9, color=INK)
    for axis, method in zip(line[1:], METHODS, strict=True):
        maps = attribution_maps(labeler, method, scene.inputs(), scene.subject.neuron)
        positive = np.maximum(maps[0], 0)
        most = np.percentile(positive, _FULL) or positive.max() or 1
        axis.imshow(positive, cmap="Reds", vmin=0, vmax=most)
        _frame(axis, masks[0])
        share = concept_share(maps, masks)[0]
        axis.set_xlabel("silent" if np.isnan(share) else f"{share:.2f}", fontsize=9, color=INK)


def _frame(axis: Axes, masks: NDArray[np.bool_]) -> None:
    """Outline the objects and drop the ticks."""
    axis.set_xticks([])
    axis.set_yticks([])
    for mask, colour in zip(masks, (CONCEPT_COLOUR, OTHER_COLOUR), strict=False):
        axis.contour(mask, levels=[0.5], colors=colour, linewidths=1.2)


def _label(scene: Scene) -> str:
    formula = textwrap.fill(str(scene.subject.formula), _LABEL_WIDTH, break_long_words=False)
    return f"{formula}\nneuron {scene.subject.neuron}"


def _broken(name: str) -> str:
    """Break a name in CamelCase into two lines before its last word."""
    if "\n" in name:
        return name
    last = max((i for i, letter in enumerate(name) if letter.isupper()), default=0)
    return name if last == 0 else f"{name[:last]}\n{name[last:]}"

"""The picture of `benchmarks.harmonization`: where a network looks before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from benchmarks.harmonized_emoji.training import held_out_scenes, read_material
from invert_captum.demo.emoji import CREDIT

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from benchmarks.harmonized_emoji.grounds import Grounds
    from benchmarks.harmonized_emoji.scenes import Scenes
    from benchmarks.harmonized_emoji.training import PictureScores, Run

# Photographs that scikit-image says are CC0, in the public domain or without known restrictions:
# the only ones that are shown.
SHOWABLE = frozenset(
    {
        "astronaut",
        "brick",
        "camera",
        "chelsea",
        "coffee",
        "coins",
        "grass",
        "gravel",
        "rocket",
    }
)
N_ROWS = 8
INK = "#222222"
# Single pixels of gradients are far above the rest; from here on the colour is full.
_FULL = 99.5


def draw(run: Run, plain: PictureScores, harmonized: PictureScores, path: Path) -> None:
    """Draw the first held-out picture of each class that may be shown, and where networks look.

    Args:
        run: Of the harmonized network.
        plain: What the network with λ = 0 makes of the pictures.
        harmonized: What the harmonized one makes of them.
        path: The PNG file that is written.
    """
    scenes = held_out_scenes(run)
    rows = shown_rows(scenes, read_material(run.network, run.channels, run.split)[1])[:N_ROWS]
    figure = Figure(figsize=(7.2, 1.75 * len(rows) + 1.3), layout="constrained")
    axes = figure.subplots(len(rows), 4, squeeze=False)
    for line, row in zip(axes, rows, strict=True):
        image = scenes.images[row].permute(1, 2, 0).numpy()
        line[0].imshow(image, cmap="gray", vmin=0, vmax=1)
        line[1].imshow(scenes.heatmaps[row].numpy(), cmap="Reds")
        for axis, scores in zip(line[2:], (plain, harmonized), strict=True):
            saliency = scores.saliency[row].astype(np.float64)
            axis.imshow(saliency, cmap="Reds", vmin=0, vmax=np.percentile(saliency, _FULL))
            axis.contour(scenes.masks[row].numpy(), levels=[0.5], colors="#1b6ca8", linewidths=0.8)
            axis.set_xlabel(f"{scores.spearman[row]:.2f}", fontsize=9, color=INK)
        for axis in line:
            axis.set_xticks([])
            axis.set_yticks([])
    titles = ("held-out emoji", "human map", "λ = 0", f"λ = {run.lambda_harmonization:g}")
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, fontsize=11, color=INK)
    figure.suptitle(
        "|gradient| of the class, trained where photographs give the class away,\n"
        "on photographs of other classes. Below: Spearman with the human map.",
        fontsize=11,
        color=INK,
    )
    figure.supxlabel(
        f"{CREDIT}\nPhotographs: scikit-image's, CC0 or public domain", fontsize=8, color=INK
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)


def shown_rows(scenes: Scenes, grounds: Grounds) -> list[int]:
    """Return the first picture of each class on a photograph that may be shown."""
    may = np.isin(np.array(grounds.names)[scenes.grounds], sorted(SHOWABLE))
    labels: NDArray[np.int64] = scenes.labels.numpy()
    found = []
    for label in np.unique(labels):
        rows = np.flatnonzero(may & (labels == label))
        found += rows[:1].tolist()
    return found

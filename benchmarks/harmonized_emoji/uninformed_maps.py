"""How maps that know nothing of a picture agree with its human map, and trained ones with others.

A correlation with human maps is high for any map that lies where objects usually are. What a
network's map says of its own picture is what it has beyond such a map, and beyond its agreement
with the human map of another picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from benchmarks.harmonized_emoji.networks import RECIPES
from benchmarks.harmonized_emoji.scenes import draw_scenes, matching_of
from benchmarks.harmonized_emoji.training import held_out_scenes, read_material
from benchmarks.results import Table
from invert_captum.alignment.metrics.spearman import spearman_correlation
from invert_captum.alignment.metrics.top_pixels import dice, intersection_over_union

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from benchmarks.harmonized_emoji.training import PictureScores, Run
    from benchmarks.results import Cell

COLUMNS = [
    "photographs",
    "canvas",
    "map",
    "λ",
    "seed",
    "Spearman",
    "with another's human map",
    "beyond another's",
    "Dice",
    "IoU",
]
# The spot's standard deviation as a share of the side.
SPOT_WIDTH = 0.25
_N_TRAINING, _TRAINING_SEED = 2000, 7


def spot(side: int) -> Tensor:
    """Return a Gaussian in the middle of a square, shape (side, side), its maximum about 1."""
    steps = (torch.arange(side) - (side - 1) / 2) / (SPOT_WIDTH * side)
    return torch.exp(-(steps[:, None] ** 2 + steps**2) / 2)


def mean_training_map(run: Run) -> Tensor:
    """Return the mean human map of pictures drawn as those of training, shape (side, side)."""
    sprites, grounds = read_material(run.network, run.channels, "train")
    matching = matching_of(run.backgrounds, training=True)
    rng = np.random.default_rng(_TRAINING_SEED)
    return draw_scenes(sprites, grounds, _N_TRAINING, matching, rng).heatmaps.mean(dim=0)


def uninformed_table(scores: Mapping[Run, PictureScores]) -> Table:
    """Return the agreement of maps that know nothing, and of every run's, by data set.

    Args:
        scores: Of the runs; their kept |gradient| is compared with the human map of its own
            picture and with that of the picture before.
    """
    rows: list[list[Cell]] = []
    of_data: dict[tuple[str, int], list[Run]] = {}
    for run in scores:
        of_data.setdefault((run.backgrounds, RECIPES[run.network].canvas), []).append(run)
    for (backgrounds, canvas), runs in of_data.items():
        human = held_out_scenes(runs[0]).heatmaps
        maps = {
            ("a spot in the middle", "–", "–"): spot(canvas),
            ("the mean human map of training", "–", "–"): mean_training_map(runs[0]),
            ("the human map itself", "–", "–"): human,
            **{
                (
                    f"{run.network}, {run.channels} channel{'s' * (run.channels > 1)}",
                    f"{run.lambda_harmonization:g}",
                    str(run.seed),
                ): torch.from_numpy(scores[run].saliency).float()
                for run in runs
            },
        }
        rows += [
            [backgrounds, canvas, *subject, *_agreement(one.expand_as(human), human)]
            for subject, one in maps.items()
        ]
    return Table(COLUMNS, rows)


def _agreement(maps: Tensor, human: Tensor) -> list[Cell]:
    own = spearman_correlation(maps, human)
    another = spearman_correlation(maps, human.roll(1, dims=0))
    found = (
        own,
        another,
        own - another,
        dice(maps, human),
        intersection_over_union(maps, human),
    )
    # Without the last digits and the sign of what is zero.
    return [round(float(values.double().mean()), 12) + 0.0 for values in found]

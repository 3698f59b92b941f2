"""Training one network, and what its gradients say about held-out pictures."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from benchmarks.harmonized_emoji.emoji_classes import CLASSES, read_members
from benchmarks.harmonized_emoji.grounds import make_grounds
from benchmarks.harmonized_emoji.networks import RECIPES, make_network
from benchmarks.harmonized_emoji.scenes import Scenes, draw_scenes, matching_of
from benchmarks.harmonized_emoji.sprites import draw_sprites
from benchmarks.localization_of_objects.photographs import read_photographs
from invert_captum.activations import evaluating
from invert_captum.alignment.loss.harmonization_loss import harmonization_loss
from invert_captum.alignment.metrics.spearman import spearman_correlation
from invert_captum.alignment.metrics.top_pixels import dice, intersection_over_union

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from benchmarks.harmonized_emoji.emoji_classes import Split
    from benchmarks.harmonized_emoji.grounds import Grounds
    from benchmarks.harmonized_emoji.networks import NetworkName
    from benchmarks.harmonized_emoji.scenes import Backgrounds
    from benchmarks.harmonized_emoji.sprites import Sprites

# Streams of random numbers: the pictures of training, and those of each split that is looked at.
_STREAMS: dict[Split, int] = {"train": 1, "validation": 2, "test": 3}
_WARM_UP = 0.2
_CHUNK = 100


@dataclass(frozen=True)
class Run:
    """One network to train, and what to look at.

    Attributes:
        backgrounds: Which data set.
        lambda_harmonization: λ; 0 for plain training.
        seed: Of the weights and of the training pictures.
        channels: 1 for grey, 3 for colour.
        network: Which network.
        n_steps: How many optimisation steps.
        n_pictures: How many held-out pictures are looked at.
        split: Whose emoji they show.
    """

    backgrounds: Backgrounds
    lambda_harmonization: float
    seed: int
    channels: int
    network: NetworkName
    n_steps: int
    n_pictures: int
    split: Split = "test"

    @property
    def name(self) -> str:
        """All that makes it what it is, as a file name."""
        return (
            f"{self.backgrounds}-{self.network}-{self.channels}-lambda{self.lambda_harmonization}"
            f"-seed{self.seed}-{self.n_steps}x{self.n_pictures}-{self.split}"
        )


class PictureScores(NamedTuple):
    """What a trained network makes of held-out pictures, one value for each (n,).

    Attributes:
        spearman: Correlation of the maximum over channels of |gradient| with the human map.
        signed_spearman: That of the mean over channels of the gradient, which the loss trains.
        dice: Overlap of the top tenth of |gradient| with that of the human map.
        iou: The same as intersection over union.
        correct: 1 where the class of the largest logit is the picture's.
        series: Which series of near-duplicates the emoji is of.
        saliency: |gradient|, float16, shape (n, side, side), scaled to a maximum of 1.
        seconds: What the training took, one number.
    """

    spearman: NDArray[np.float64]
    signed_spearman: NDArray[np.float64]
    dice: NDArray[np.float64]
    iou: NDArray[np.float64]
    correct: NDArray[np.float64]
    series: NDArray[np.int64]
    saliency: NDArray[np.float16]
    seconds: NDArray[np.float64]


@cache
def read_material(network: NetworkName, channels: int, split: Split) -> tuple[Sprites, Grounds]:
    """Return the emoji of a split and all photographs, at the size that a network takes."""
    recipe = RECIPES[network]
    sprites = draw_sprites(read_members()[split], recipe.canvas, channels, recipe.sides)
    grounds = make_grounds(read_photographs(), len(CLASSES), recipe.canvas, channels)
    return sprites, grounds


def held_out_scenes(run: Run) -> Scenes:
    """Return the pictures that a run is looked at with: the same ones for every λ and seed."""
    sprites, grounds = read_material(run.network, run.channels, run.split)
    matching = matching_of(run.backgrounds, training=False)
    rng = np.random.default_rng([_STREAMS[run.split]])
    return draw_scenes(sprites, grounds, run.n_pictures, matching, rng)


def train(run: Run) -> nn.Module:
    """Train a network on pictures that are drawn anew for every step."""
    recipe = RECIPES[run.network]
    sprites, grounds = read_material(run.network, run.channels, "train")
    matching = matching_of(run.backgrounds, training=True)
    network = make_network(run.network, run.channels, len(CLASSES), run.seed).train()
    # The loss has the weight decay.
    optimizer = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.learning_rate, total_steps=run.n_steps + 1, pct_start=_WARM_UP
    )
    rng = np.random.default_rng([_STREAMS["train"], run.seed])
    # Without tokens plain training is spared the gradient at the pictures.
    tokens = torch.full((recipe.batch_size,), float(run.lambda_harmonization > 0))
    for _ in range(run.n_steps):
        scenes = draw_scenes(sprites, grounds, recipe.batch_size, matching, rng)
        optimizer.zero_grad()
        loss: Tensor = harmonization_loss(
            network,
            recipe.inputs(scenes.images),
            scenes.labels,
            scenes.heatmaps,
            tokens,
            lambda_harmonization=run.lambda_harmonization,
        ).total
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return network


def look_at(network: nn.Module, inputs: Tensor, scenes: Scenes) -> dict[str, NDArray[np.float64]]:
    """Return the scores of pictures, and |gradient|.

    Args:
        network: Run in evaluation mode.
        inputs: The pictures as it takes them.
        scenes: What is known of them.
    """
    images = inputs.detach().requires_grad_()
    with evaluating(network):
        logits = network(images)
        target = logits.gather(1, scenes.labels[:, None]).sum()
        (gradient,) = torch.autograd.grad(target, images)
    strength = gradient.abs().amax(dim=1)
    found = {
        "spearman": spearman_correlation(strength, scenes.heatmaps),
        "signed_spearman": spearman_correlation(gradient.mean(dim=1), scenes.heatmaps),
        "dice": dice(strength, scenes.heatmaps),
        "iou": intersection_over_union(strength, scenes.heatmaps),
        "correct": logits.argmax(dim=1) == scenes.labels,
        "saliency": strength / strength.amax(dim=(1, 2), keepdim=True),
    }
    return {name: values.double().numpy() for name, values in found.items()}


def perform(run: Run) -> PictureScores:
    """Train a network and look at held-out pictures."""
    sprites, _ = read_material(run.network, run.channels, run.split)
    scenes = held_out_scenes(run)
    started = time.perf_counter()
    network = train(run)
    seconds = time.perf_counter() - started
    inputs = RECIPES[run.network].inputs(scenes.images)
    chunks = [
        look_at(network, inputs[at : at + _CHUNK], _rows(scenes, slice(at, at + _CHUNK)))
        for at in range(0, run.n_pictures, _CHUNK)
    ]
    scores = {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}
    return PictureScores(
        **{**scores, "saliency": scores["saliency"].astype(np.float16)},
        series=sprites.series[scenes.emoji],
        seconds=np.array(seconds),
    )


def _rows(scenes: Scenes, rows: slice) -> Scenes:
    kept = {name: values[rows] for name, values in scenes._asdict().items()}
    return Scenes(**kept)

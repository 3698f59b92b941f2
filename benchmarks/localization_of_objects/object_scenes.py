"""Pictures with one or two objects at known places, and the classes a network sees in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from benchmarks.localization_of_objects.pasting import draw_corners, paste
from invert_captum.activations.evaluation import evaluating
from invert_captum.demo.emoji import PictureDataset
from invert_captum.demo.network import BATCH_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from torch import nn

    from benchmarks.localization_of_objects.photographs import Photograph
    from benchmarks.localization_of_objects.stamps import Stamp
    from invert_captum.demo.emoji import Drawn

TOP = 5
"""An object is asked for if the network ranks its class among so many."""

# Shortest and longest length of an object's longer side in pixels, by how many there are. Two of at
# most 110 find room beside each other.
LENGTHS = {1: (70, 130), 2: (70, 110)}

# Draws that give up: a network that knows none of the objects would never end them.
_MOST_SCENES_PER_QUERY = 20


@dataclass(frozen=True)
class Scene:
    """A picture with objects at known places.

    Attributes:
        pixels: uint8, shape (224, 224, 3).
        masks: bool, shape (k, 224, 224): where each of the k objects is to be seen.
        classes: The index of the ImageNet class of each, all different.
        names: What each was made from.
        ground: The photograph's name.
    """

    pixels: NDArray[np.uint8]
    masks: NDArray[np.bool_]
    classes: tuple[int, ...]
    names: tuple[str, ...]
    ground: str

    def picture(self) -> Image.Image:
        """Return the picture, so that `PictureDataset` takes a scene as it takes an emoji."""
        return Image.fromarray(self.pixels)


@dataclass(frozen=True)
class Query:
    """A class to look for in a picture that shows it.

    Attributes:
        scene: The row of the scene.
        target: The index of the ImageNet class that is asked for.
        asked: Which object of the scene shows it.
    """

    scene: int
    target: int
    asked: int


def top_classes(network: nn.Module, pictures: Sequence[Drawn]) -> NDArray[np.int64]:
    """Return the classes with the highest logits, best first, shape (n, 5)."""
    dataset = PictureDataset(pictures)
    device = next(network.parameters()).device
    found = [np.empty((0, TOP), dtype=np.int64)]
    with evaluating(network), torch.no_grad():
        for start in range(0, len(pictures), BATCH_SIZE):
            rows = range(start, min(start + BATCH_SIZE, len(pictures)))
            logits = network(torch.stack([dataset[row] for row in rows]).to(device))
            found.append(logits.topk(TOP).indices.cpu().numpy())
    return np.concatenate(found)


def queries_of(network: nn.Module, scenes: Sequence[Scene]) -> list[Query]:
    """Return a query for each object whose class is in the network's top 5 of its picture."""
    tops = top_classes(network, scenes)
    return [
        Query(row, target, asked)
        for row, scene in enumerate(scenes)
        for asked, target in enumerate(scene.classes)
        if target in tops[row]
    ]


def make_scenes(
    network: nn.Module,
    stamps: Sequence[Stamp],
    photographs: Sequence[Photograph],
    *,
    alone: int = 60,
    beside: int = 100,
    seed: int = 0,
) -> list[Scene]:
    """Return pictures of one object, then pictures of two, of which enough can be asked for.

    Drawn are the objects (each as often as any other), their length, their place, and a photograph
    that shows the class of none of them: neither by its label nor in the network's top 5 of it. A
    picture stays whether or not the network sees the objects in it.

    Args:
        network: What has to rank an object's class in its top 5.
        stamps: The objects.
        photographs: The grounds.
        alone: How many queries from pictures of one object are needed at least,
        beside: and how many from pictures of two.
        seed: Of the draws.

    Raises:
        ValueError: If there are too few classes of stamps, or photographs that show none of them.
        RuntimeError: If the network sees too few of the objects.
    """
    rng = np.random.default_rng(seed)
    tops = top_classes(network, photographs)
    shown = [one.shows | set(top.tolist()) for one, top in zip(photographs, tops, strict=True)]
    scenes: list[Scene] = []
    for k, wanted in ((1, alone), (2, beside)):
        hands, kept, queries = deal(stamps, k, rng), 0, 0
        while queries < wanted:
            if kept >= _MOST_SCENES_PER_QUERY * wanted:
                raise RuntimeError(
                    f"{kept} pictures of {k} objects gave {queries} queries, and {wanted} are "
                    "needed: the network does not see the objects"
                )
            drawn = [_draw_scene(next(hands), photographs, shown, rng) for _ in range(BATCH_SIZE)]
            queries += len(queries_of(network, drawn))
            kept += len(drawn)
            scenes += drawn
    return scenes


def deal(stamps: Sequence[Stamp], k: int, rng: np.random.Generator) -> Iterator[list[Stamp]]:
    """Deal hands of k stamps of different classes without end, each stamp as often as any other.

    Args:
        stamps: A deck; it is shuffled anew whenever it has no stamp that fits.
        k: Stamps in a hand.
        rng: What shuffles.

    Raises:
        ValueError: If there are fewer than k classes.
    """
    classes = {stamp.target for stamp in stamps}
    if len(classes) < k:
        raise ValueError(f"stamps has {len(classes)} classes; expected {k} or more")
    deck: list[Stamp] = []
    while True:
        hand: list[Stamp] = []
        while len(hand) < k:
            held = {stamp.target for stamp in hand}
            fitting = [row for row, stamp in enumerate(deck) if stamp.target not in held]
            if fitting:
                hand.append(deck.pop(fitting[0]))
            else:
                deck += [stamps[row] for row in rng.permutation(len(stamps))]
        yield hand


def _draw_scene(
    hand: Sequence[Stamp],
    photographs: Sequence[Photograph],
    shown: Sequence[frozenset[int]],
    rng: np.random.Generator,
) -> Scene:
    """Paste stamps into a photograph that shows none of their classes."""
    classes = tuple(stamp.target for stamp in hand)
    fitting = [row for row, known in enumerate(shown) if known.isdisjoint(classes)]
    if not fitting:
        raise ValueError(f"each of the {len(shown)} photographs shows one of the classes {classes}")
    ground = photographs[fitting[rng.integers(len(fitting))]]
    shortest, longest = LENGTHS[len(hand)]
    lengths = rng.integers(shortest, longest + 1, size=len(hand))
    drawings = [stamp.resized(int(n)) for stamp, n in zip(hand, lengths, strict=True)]
    corners = draw_corners([drawing.size for drawing in drawings], rng)
    pixels, masks = paste(drawings, corners, ground)
    return Scene(pixels, masks, classes, tuple(stamp.name for stamp in hand), ground.name)


def describe(scenes: Sequence[Scene], queries: Sequence[Query]) -> list[str]:
    """Return sentences on how many pictures there are, and what they are made of."""
    lines = []
    for k in sorted({len(scene.classes) for scene in scenes}):
        n = sum(len(scene.classes) == k for scene in scenes)
        rows = [query.scene for query in queries if len(scenes[query.scene].classes) == k]
        counts = np.bincount(rows, minlength=1)
        line = f"{n:,} pictures with {k} objects, {len(rows):,} queries"
        if k == 1:
            line = line.replace("1 objects", "one object")
        else:
            line += f"; {(counts == k).sum():,} pictures have a query for each object"
        lines.append(line)
    asked = [scenes[query.scene] for query in queries]
    names = {one.names[query.asked] for one, query in zip(asked, queries, strict=True)}
    areas = [one.masks[query.asked].mean() for one, query in zip(asked, queries, strict=True)]
    if areas:
        grounds = {one.ground for one in asked}
        on = f" on {len(grounds)} photographs" if len(grounds) > 1 else ""
        low, middle, high = np.quantile(areas, [0, 0.5, 1])
        lines.append(
            f"queries ask for {len(names)} different objects of "
            f"{len({query.target for query in queries})} classes{on}; an object covers {low:.1%} "
            f"to {high:.1%} of its picture, the median is {middle:.1%}"
        )
    return lines

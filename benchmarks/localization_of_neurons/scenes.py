"""Pictures made for one labelled neuron each, and what every method makes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from benchmarks.localization_of_neurons.canvas import draw_corners, paste, read_drawing
from benchmarks.localization_of_neurons.measures import Scores
from benchmarks.localization_of_neurons.methods import attribution_maps
from benchmarks.localization_of_neurons.selection import draw_pairs
from invert_captum.demo.emoji import PictureDataset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    import invert_captum as ic
    from benchmarks.localization_of_neurons.canvas import Canvas
    from benchmarks.localization_of_neurons.methods import Method
    from benchmarks.localization_of_neurons.selection import Subject
    from invert_captum.demo.emoji import Emoji

Measure = Callable[["NDArray[np.float64]", "NDArray[np.bool_]"], "NDArray[np.float64]"]


def inputs_of(canvases: Sequence[Canvas]) -> torch.Tensor:
    """Return pictures as the network takes them, shape (n, 3, 224, 224)."""
    pictures = PictureDataset(canvases)
    return torch.stack([pictures[i] for i in range(len(pictures))])


@dataclass(frozen=True)
class Scene:
    """The pictures of one labelled neuron.

    Attributes:
        subject: The neuron.
        rival: A random neuron that looks at the same pictures.
        canvases: n pictures. The first object of each shows the neuron's concept.
        active: bool, shape (n, d): whether each neuron of the layer is above zero on them.
    """

    subject: Subject
    rival: int
    canvases: list[Canvas]
    active: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        labeler: ic.NeuronConceptLabeler,
        subject: Subject,
        rival: int,
        canvases: list[Canvas],
    ) -> Scene:
        """Show the pictures to the network."""
        activations = labeler.extract(inputs_of(canvases))
        if not isinstance(activations, torch.Tensor):
            raise TypeError("one layer gives one matrix of activations")
        return cls(subject, rival, canvases, activations.numpy() > 0)

    def first(self) -> Scene:
        """Return the scene with its first picture only."""
        return Scene(self.subject, self.rival, self.canvases[:1], self.active[:1])

    def inputs(self) -> torch.Tensor:
        """Return the pictures as the network takes them, shape (n, 3, 224, 224)."""
        return inputs_of(self.canvases)

    def masks(self) -> NDArray[np.bool_]:
        """Return where the objects lie, shape (n, k, 224, 224)."""
        return np.stack([canvas.masks for canvas in self.canvases])


@dataclass(frozen=True)
class Staging:
    """How pictures are made.

    Attributes:
        pictures: How many for each neuron, fewer where there are not so many emoji.
        size: Side of an emoji in pixels.
        colour: Of the canvas.
    """

    pictures: int
    size: int
    colour: str


def make_scenes(
    labeler: ic.NeuronConceptLabeler,
    subjects: Sequence[Subject],
    rivals: Sequence[int],
    emoji: Sequence[Emoji],
    staging: Staging,
    seed: int,
) -> tuple[list[Scene], list[Scene]]:
    """Return a scene for each neuron with its concept alone, and one with another emoji beside.

    Both have the same emoji of the concept.
    """
    rng = np.random.default_rng(seed)
    alone: list[Scene] = []
    beside: list[Scene] = []
    for subject, rival in zip(subjects, rivals, strict=True):
        singles, doubles = [], []
        for pair in draw_pairs(subject, staging.pictures, rng):
            drawings = [read_drawing(emoji[one], staging.size) for one in pair]
            corners = draw_corners(1, staging.size, rng)
            singles.append(paste(drawings[:1], corners, staging.colour))
            corners = draw_corners(2, staging.size, rng)
            doubles.append(paste(drawings, corners, staging.colour))
        alone.append(Scene.of(labeler, subject, rival, singles))
        beside.append(Scene.of(labeler, subject, rival, doubles))
    return alone, beside


def evenly(scenes: Sequence[Scene], count: int) -> list[Scene]:
    """Return the first picture of ``count`` scenes, from the best to the last."""
    chosen = np.linspace(0, len(scenes) - 1, min(count, len(scenes))).round().astype(int)
    return [scenes[i].first() for i in chosen]


def score(
    labeler: ic.NeuronConceptLabeler, method: Method, scenes: Sequence[Scene], measure: Measure
) -> Scores:
    """Return what a method scores on every picture, for the labelled neurons and their rivals."""
    subject: list[int] = []
    labelled: list[NDArray[np.float64]] = []
    random: list[NDArray[np.float64]] = []
    for scene in scenes:
        inputs, masks = scene.inputs(), scene.masks()
        for neuron, scores in ((scene.subject.neuron, labelled), (scene.rival, random)):
            found, active = np.full(len(inputs), np.nan), scene.active[:, neuron]
            if active.any():
                maps = attribution_maps(labeler, method, inputs[active], neuron)
                found[active] = measure(maps, masks[active])
            scores.append(found)
        subject += [scene.subject.neuron] * len(inputs)
    return Scores(np.array(subject), np.concatenate(labelled), np.concatenate(random))

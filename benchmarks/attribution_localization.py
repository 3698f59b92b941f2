"""Whether attributions of labelled neurons lie on the object that the label names.

``python -m benchmarks.attribution_localization`` labels EfficientNet-lite0 with the demo's emoji
and takes the best neurons. Held-out emoji of their concepts are pasted at random places on a plain
canvas, alone and beside an emoji that has nothing to do with the concept. For every method of
`benchmarks.localization_of_neurons.methods` two tables say how far its positive attribution lies
inside the object, and on which of two objects it lies, with random neurons on the same pictures.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import invert_captum as ic
from benchmarks.calibration.emoji_labels import read_labels
from benchmarks.command_line import read_words, report_parser
from benchmarks.localization_of_neurons.figure import draw
from benchmarks.localization_of_neurons.measures import area_ratio, concept_share
from benchmarks.localization_of_neurons.methods import (
    LAYER_MAP,
    METHODS,
    N_NOISE,
    N_SAMPLES,
    N_STEPS,
    WITH_GOAL,
    check_colour,
)
from benchmarks.localization_of_neurons.scenes import Staging, evenly, make_scenes, score
from benchmarks.localization_of_neurons.selection import best_labelled, draw_random_neurons
from benchmarks.machine import describe_machine
from benchmarks.results import Report, Table
from invert_captum.demo.network import LAYER, load_network
from invert_captum.demo.run import extract

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from torch import nn

    from benchmarks.localization_of_neurons.measures import Scores
    from benchmarks.localization_of_neurons.methods import Method
    from benchmarks.localization_of_neurons.scenes import Measure, Scene
    from benchmarks.results import Cell

IMAGE = Path(__file__).parent / "images" / "attribution_localization.png"
LEAST_RATIO, LEAST_SHARE, ALPHA = 2, 0.65, 0.01
DRAWN = 5

ALONE = [
    "one emoji",
    "pictures",
    "silent",
    "ratio",
    "random neurons: silent",
    "random neurons: ratio",
    f"above {LEAST_RATIO}",
]
BESIDE = [
    "two emoji",
    "pictures",
    "silent",
    "share",
    "random neurons: silent",
    "random neurons: share",
    "pairs",
    "difference",
    "p by picture",
    "p by neuron",
    f"share ≥ {LEAST_SHARE}, p < {ALPHA}",
]


def label(network: nn.Module) -> ic.LabelingResult:
    """Label the network's neurons as the demo does."""
    labels = read_labels()
    return ic.label_neurons(
        {LAYER: extract(network, labels.emoji, show_progress=True)},
        labels.concepts,
        max_length=3,
        beam_width=5,
        min_positives=12,
        significance="holdout",
        groups=labels.groups.tolist(),
        show_progress=True,
    )


def alone_row(method: Method, scores: Scores) -> list[Cell]:
    """Return a row of the table of pictures with the concept's emoji alone."""
    silent, random_silent = scores.silent()
    ratio, random_ratio = scores.medians()
    met = "–" if method.name not in WITH_GOAL else "yes" if ratio > LEAST_RATIO else "no"
    found = [_percent(silent), _number(ratio), _percent(random_silent), _number(random_ratio)]
    return [method.name, len(scores.labelled), *found, met]


def beside_row(method: Method, scores: Scores) -> list[Cell]:
    """Return a row of the table of pictures with two emoji."""
    silent, random_silent = scores.silent()
    share, random_share = scores.means()
    differences = scores.differences()
    p = scores.p_by_picture()
    met = "yes" if share >= LEAST_SHARE and p < ALPHA else "no"
    return [
        method.name,
        len(scores.labelled),
        _percent(silent),
        _number(share),
        _percent(random_silent),
        _number(random_share),
        len(differences),
        _number(differences.mean() if len(differences) else np.nan),
        f"{p:.1e}",
        f"{scores.p_by_neuron():.1e}",
        met if method.name == LAYER_MAP else "–",
    ]


def _percent(share: float) -> str:
    return f"{share:.1%}"


def _number(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2f}"


def table(
    labeler: ic.NeuronConceptLabeler,
    scenes: Sequence[Scene],
    measure: Measure,
    row_of: Callable[[Method, Scores], list[Cell]],
    *,
    columns: list[str],
    slow_neurons: int,
) -> Table:
    """Return the table of all methods; slow ones see one picture of some of the neurons."""
    rows = []
    for method in METHODS:
        started = time.perf_counter()
        seen = evenly(scenes, slow_neurons) if method.slow else scenes
        rows.append(row_of(method, score(labeler, method, seen, measure)))
        print(f"{rows[-1]} {time.perf_counter() - started:.0f} s", file=sys.stderr)
    return Table(columns, rows)


def measure(arguments: argparse.Namespace) -> Report:
    """Label, paste, attribute, draw; return the report."""
    check_colour(arguments.colour)
    labels = read_labels()
    network = load_network()
    result = label(network)
    labeler = ic.NeuronConceptLabeler(network, LAYER)
    subjects = best_labelled(result, labels.concepts, arguments.neurons)
    rng = np.random.default_rng([arguments.seed, 1])
    rivals = draw_random_neurons(subjects, len(result), rng)
    staging = Staging(arguments.pictures, arguments.size, arguments.colour)
    alone, beside = make_scenes(labeler, subjects, rivals, labels.emoji, staging, arguments.seed)
    slow = arguments.slow_neurons
    tables = [
        table(labeler, alone, area_ratio, alone_row, columns=ALONE, slow_neurons=slow),
        table(labeler, beside, concept_share, beside_row, columns=BESIDE, slow_neurons=slow),
    ]
    images = []
    if arguments.image is not None:
        draw(labeler, evenly(beside, DRAWN), arguments.image)
        images = [f"images/{arguments.image.name}"]
    command = "python -m benchmarks.attribution_localization"
    command += "".join(f" {word}" for word in arguments.given)
    title = "Where the attributions of labelled neurons lie"
    notes = notes_of(arguments, alone)
    return Report(title, command, describe_machine(), notes, tables, images)


def notes_of(arguments: argparse.Namespace, scenes: Sequence[Scene]) -> list[str]:
    """Return what explains the numbers."""
    aucs = [scene.subject.heldout_auc for scene in scenes]
    formulas = {str(scene.subject.formula) for scene in scenes}
    area = float(np.mean([scene.masks().mean() for scene in scenes]))
    return [
        f"EfficientNet-lite0, {LAYER}, labelled as in the demo. The {len(scenes)} neurons of the "
        f"greatest held-out AUC ({min(aucs):.2f} to {max(aucs):.2f}), with {len(formulas)} "
        "different labels, of those with a significant label that has a positive literal; as many "
        "random neurons from all others, one for each, on the same pictures.",
        f"Held-out emoji for which the label holds, up to {arguments.pictures} for each neuron, "
        f"{arguments.size} pixels wide on a canvas of 224 pixels ({arguments.colour}), at random "
        f"places; alpha gives the object. Seed {arguments.seed}.",
        "Attributions are summed over the colours; only their positive part counts. Silent: the "
        "neuron's activation is 0, or nothing is positive; all other figures are over the rest.",
        "Ratio: the median of the share of the attribution that lies inside the object, over the "
        f"object's share of the area. That is {area:.1%} on average, so that a ratio of "
        f"{1 / area:.1f} is about the most, and 1 means nothing.",
        "Share: with a second held-out emoji, for which neither the label nor any of its positive "
        "literals holds, the mean of a / (a + b), with a the mean attribution on the concept's "
        "emoji and b that on the other. Difference and p-values (one-sided Wilcoxon) compare "
        "labelled with random neurons on pictures on which neither is silent; by neuron, the mean "
        "differences of the neurons, because pictures of one neuron are not independent.",
        "Baseline of DeepLift, IntegratedGradients, Conductance and FeatureAblation: plain grey, "
        f"zero to the network; of GradientShap: {N_NOISE} pictures of uniform noise. "
        "Conductance: for the predicted class; behind this layer the network is linear, so that it "
        "is IntegratedGradients times the neuron's weight for that class, of either sign.",
        f"DeepLift, GradientShap ({N_SAMPLES} samples), IntegratedGradients and Conductance "
        f"({N_STEPS} steps) and FeatureAblation (14 x 14 squares) take long, and see one picture "
        f"of each of {min(arguments.slow_neurons, len(scenes))} neurons, evenly chosen from the "
        "best to the last.",
    ]


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = report_parser(__doc__)
    parser.add_argument("--neurons", type=int, default=50, help="how many of the best")
    parser.add_argument("--slow-neurons", type=int, default=20, help="of these, with slow methods")
    parser.add_argument("--pictures", type=int, default=5, help="for each neuron")
    parser.add_argument("--size", type=int, default=96, help="of an emoji in pixels, at most 112")
    parser.add_argument("--colour", default="white", help="of the canvas")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--image", type=Path, help=f"save the figure, such as images/{IMAGE.name}")
    return read_words(parser, words)


def main(words: Sequence[str] | None = None) -> None:
    """Measure, print, and save where asked."""
    arguments = parse(words)
    measure(arguments).deliver(arguments.output)


if __name__ == "__main__":
    main()

"""By how much contributions of labelled neurons miss the change of the prediction.

``python -m benchmarks.contribution_gap`` labels two layers of EfficientNet-lite0 on emoji as the
demo does, splits the score of the predicted class of 50 emoji over the neurons of each layer with
each of Captum's methods, and prints how far labels and remainder together are from the change of
the score: with the layer before the last, behind which the network is linear, and with one in the
middle. The baseline is the demo's zero input, a grey picture.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from captum.attr import (
    LayerConductance,
    LayerDeepLift,
    LayerGradientXActivation,
    LayerIntegratedGradients,
)
from torch.utils.data import DataLoader

import invert_captum as ic
from benchmarks.command_line import read_words, report_parser
from benchmarks.machine import describe_machine
from benchmarks.results import Report, Table
from invert_captum.attr.contribution.concept_contribution import ConceptContribution
from invert_captum.demo.emoji import CREDIT, PictureDataset, read_emoji
from invert_captum.demo.near_duplicates import emoji_groups
from invert_captum.demo.network import LAYER, load_network
from invert_captum.demo.run import testable
from invert_captum.demo.unicode_concepts import emoji_concepts

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from captum.attr import LayerAttribution
    from torch import Tensor, nn

    from benchmarks.results import Cell
    from invert_captum.attr.contribution.contributions import Contributions
    from invert_captum.demo.emoji import Emoji
    from invert_captum.result import LabelingResult

INNER = "_blocks.10"
METHODS = (
    LayerConductance,
    LayerIntegratedGradients,
    LayerDeepLift,
    LayerGradientXActivation,
)
IN_STEPS = METHODS[:2]
BATCH_SIZE = 8
AT_ONCE = 17  # a third of the points of a path
COLUMNS = [
    *("layer", "method", "steps", "pictures", "median |delta| / |change|", "mean", "max"),
    *("sum |delta| / sum |change|", "remainder / change", "s per picture"),
]


@dataclass(frozen=True)
class Run:
    """One row: which layer, which method, in how many steps, on how many pictures."""

    layer: str
    method: type[LayerAttribution]
    steps: int
    pictures: int


def label_layers(network: nn.Module, layers: list[str], emoji: Sequence[Emoji]) -> LabelingResult:
    """Label the neurons of ``layers`` as the demo does."""
    groups = emoji_groups(emoji)
    concepts = testable(emoji_concepts(emoji), groups)
    loader = DataLoader(PictureDataset(emoji), batch_size=BATCH_SIZE)
    activations = ic.NeuronConceptLabeler(network, layers).extract(loader)
    return ic.label_neurons(
        activations,
        concepts,
        max_length=3,
        min_positives=12,
        significance="holdout",
        groups=groups.tolist(),
    )


def split(
    network: nn.Module, result: LabelingResult, run: Run, pictures: Tensor
) -> tuple[list[Contributions], float]:
    """Split the predictions for pictures, one by one; return that and the seconds it took."""
    contribution = ConceptContribution(network, run.layer, result)
    options: dict[str, Any] = {"n_steps": run.steps, "internal_batch_size": AT_ONCE}
    started = time.perf_counter()
    parts = [
        contribution.attribute(picture[None], "predicted", run.method, **options)
        for picture in pictures[: run.pictures]
    ]
    return parts, time.perf_counter() - started


def gap_row(run: Run, parts: Sequence[Contributions], seconds: float) -> list[Cell]:
    """Return the numbers of one run."""
    change = torch.cat([one.change for one in parts])
    delta = torch.cat([one.delta for one in parts]).abs()
    remainder = torch.cat([one.remainder for one in parts])
    gap = delta / change.abs()
    steps = str(run.steps) if run.method in IN_STEPS else "–"
    row: list[Cell] = [run.layer, run.method.__name__, steps, len(parts)]
    row += [gap.median().item(), gap.mean().item(), gap.max().item()]
    row += [(delta.sum() / change.abs().sum()).item()]
    return [*row, (remainder.sum() / change.sum()).item(), seconds / len(parts)]


def runs_of(arguments: argparse.Namespace, layers: Sequence[str]) -> list[Run]:
    """Return all rows: every method at every layer, and the slowest to converge in more steps."""
    runs = [
        Run(layer, one, arguments.steps, arguments.pictures) for layer in layers for one in METHODS
    ]
    few = min(arguments.pictures, arguments.more_pictures)
    more = [Run(layers[-1], LayerConductance, steps, few) for steps in arguments.more_steps]
    return runs + more


def measure(arguments: argparse.Namespace) -> Report:
    """Label, split, return the report."""
    network, emoji = load_network(), read_emoji()[: arguments.emoji]
    layers = [LAYER, INNER]
    result = label_layers(network, layers, emoji)
    every = max(1, len(emoji) // arguments.pictures)
    dataset = PictureDataset(emoji[::every][: arguments.pictures])
    pictures = torch.stack([dataset[i] for i in range(len(dataset))])
    rows = []
    for run in runs_of(arguments, layers):
        rows.append(gap_row(run, *split(network, result, run, pictures)))
        print(*rows[-1], flush=True)
    significant = [one for one in result.explanations if one.rank == 0 and one.significant]
    counts = {layer: sum(one.layer == layer for one in significant) for layer in layers}
    notes = [
        "The gap of a picture is |delta| / |change|: by how much labels and remainder miss the "
        "change of the predicted class's score, as a share of that change. The change is that from "
        "a grey picture; for LayerGradientXActivation that from the layer at zero.",
        f"Every {every}th emoji, {len(pictures)} in all. Significant labels: "
        + ", ".join(f"{n:,} at {layer}" for layer, n in counts.items())
        + "; the neurons without one are the remainder, whose share of the change is given.",
        f"Goals: at {LAYER} below 0.01 with LayerConductance in 50 steps, and 1e-5 with a method "
        "that is exact for the linear head.",
        "Captum's LayerConductance sums gradient × difference of activations between neighbouring "
        "nodes of a Gauss-Legendre rule. It leaves out both ends of the path, which is all that "
        f"is missing at {LAYER}, and takes the gradient at the start of each step: where gradients "
        f"change along the path, as at {INNER}, that is a rule of first order only. The last rows "
        "show how slowly it gets better.",
        CREDIT + ".",
    ]
    command = "python -m benchmarks.contribution_gap" + "".join(f" {w}" for w in arguments.given)
    title = "What contributions leave of the prediction's change"
    return Report(title, command, describe_machine(), notes, [Table(COLUMNS, rows)], [])


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = report_parser(__doc__)
    parser.add_argument("--pictures", type=int, default=50, help="how many emoji to explain")
    parser.add_argument("--emoji", type=int, default=None, help="label on the first so many only")
    parser.add_argument("--steps", type=int, default=50, help="steps of the methods with a path")
    parser.add_argument("--more-steps", type=int, nargs="*", default=[200, 800])
    parser.add_argument("--more-pictures", type=int, default=10, help="how many for these")
    return read_words(parser, words)


def main(words: Sequence[str] | None = None) -> None:
    """Measure, print, and save where asked."""
    arguments = parse(words)
    measure(arguments).deliver(arguments.output)


if __name__ == "__main__":
    main()

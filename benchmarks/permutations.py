"""What a search on permuted samples costs, beside labelling neurons and in parts.

``python -m benchmarks.permutations`` takes the two ImageNet-shaped label sets of
`benchmarks.imagenet` and the emoji concepts, and times

- **labelling** continuous neurons of noise, ``label_neurons(..., significance=None)``, or with
  ``"holdout"`` where half of the samples are held out;
- **permutations**: as many whole searches of one neuron on permuted samples, the permutations drawn
  anew: of a neuron without ties, and of neurons after a ReLU with 50, 90 and 98 % zeros.

Both use the same settings and the same number of threads, in the same run. Permutations are dealt
to the threads in chunks.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

import invert_captum as ic
from benchmarks.command_line import read_words, report_parser
from benchmarks.engine import best_seconds
from benchmarks.imagenet import imagenet_concepts
from benchmarks.machine import describe_machine
from benchmarks.results import Report, Table
from invert_captum.demo.emoji import read_emoji
from invert_captum.demo.unicode_concepts import emoji_concepts
from invert_captum.search import (
    ActivationRows,
    AucScore,
    Permutations,
    SearchLabels,
    SearchSettings,
    search_permuted,
    size_limits,
    untied_row,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

CHUNK = 50
ZEROS = (50, 90, 98)
COLUMNS = ["labels", "what", "ms per search", "× labelling one neuron"]


@dataclass(frozen=True)
class Problem:
    """What is searched: labels, limits, and half of them or all samples seen by the search."""

    name: str
    concepts: ic.ConceptSet
    beam_width: int
    min_fraction: float
    heldout: NDArray[np.bool_] | None = None

    def labels(self) -> SearchLabels:
        """Return the labels as a search takes them."""
        return SearchLabels.from_labels(self.concepts.labels, self.concepts.names, self.heldout)

    def settings(self, labels: SearchLabels, max_length: int) -> SearchSettings:
        """Return the settings that `label_neurons` would search with."""
        low, high = size_limits(
            labels.n_searched,
            min_positives=20 * labels.n_searched / self.concepts.n_samples,
            min_fraction=self.min_fraction,
            max_fraction=0.5,
        )
        return SearchSettings(max_length, self.beam_width, low, high, AucScore("positive"))


def problems() -> list[Problem]:
    """Return what is timed, smallest last."""
    emoji = emoji_concepts(read_emoji())
    half = np.random.default_rng(0).random(emoji.n_samples) < 0.5
    return [
        Problem("ImageNet, by class", imagenet_concepts(by_sample=False), 3, 0.0),
        Problem("ImageNet, by sample", imagenet_concepts(by_sample=True), 3, 0.0),
        Problem("emoji", emoji, 5, 0.02),
        Problem("emoji, half held out", emoji, 5, 0.02, half),
    ]


def permute(
    rows: ActivationRows, labels: SearchLabels, settings: SearchSettings, count: int
) -> NDArray[np.float64]:
    """Return the scores of one neuron under permutations, drawn and searched by all threads."""
    permutations = Permutations(len(labels.arrays.slots), seed=0)

    def search(first: int) -> NDArray[np.float64]:
        drawn = permutations.draw(first, min(first + CHUNK, count))
        return search_permuted(rows, labels, settings, drawn).scores

    with ThreadPoolExecutor(torch.get_num_threads()) as threads:
        return np.concatenate(list(threads.map(search, range(0, count, CHUNK))), axis=1)


def after_relu(n_samples: int, percent: int) -> ActivationRows:
    """Return one neuron of noise, so far cut off that ``percent`` of its samples are zero."""
    noise = np.random.default_rng(percent).standard_normal((1, n_samples), dtype=np.float32)
    return ActivationRows.dense(np.maximum(noise - np.float32(np.percentile(noise, percent)), 0))


def contenders(
    problem: Problem, arguments: argparse.Namespace
) -> dict[str, tuple[int, Callable[[], object]]]:
    """Return what is timed: how many searches each is, and the function."""
    n_samples, count = problem.concepts.n_samples, arguments.permutations
    labels = problem.labels()
    settings = problem.settings(labels, arguments.max_length)
    noise = np.random.default_rng(1).standard_normal(
        (n_samples, arguments.neurons), dtype=np.float32
    )

    def label() -> object:
        return ic.label_neurons(
            noise,
            problem.concepts,
            max_length=arguments.max_length,
            beam_width=problem.beam_width,
            min_fraction=problem.min_fraction,
            significance=None if problem.heldout is None else "holdout",
        )

    rows = {"permutations, no ties": untied_row(n_samples)}
    rows |= {f"permutations, {zeros} % zeros": after_relu(n_samples, zeros) for zeros in ZEROS}
    timed: dict[str, tuple[int, Callable[[], object]]] = {
        "label_neurons": (arguments.neurons, label)
    }
    for name, one in rows.items():
        timed[name] = (count, lambda one=one: permute(one, labels, settings, count))
    return timed


def rows_of(problem: Problem, arguments: argparse.Namespace) -> list[list[str | int | float]]:
    """Time one problem and return its rows of the table."""
    timed = contenders(problem, arguments)
    for _, function in timed.values():
        function()
    seconds = best_seconds({name: run for name, (_, run) in timed.items()}, arguments.repeats)
    each = {name: 1e3 * seconds[name] / count for name, (count, _) in timed.items()}
    labelling = each["label_neurons"]
    return [[problem.name, name, one, one / labelling] for name, one in each.items()]


def measure(arguments: argparse.Namespace) -> Report:
    """Time everything, return the report."""
    torch.set_num_threads(arguments.threads)
    all_problems = problems()
    sizes = "; ".join(
        f"{one.name}: {one.concepts.n_samples:,} samples, {one.concepts.n_concepts:,} concepts, "
        f"B = {one.beam_width}, min_fraction = {one.min_fraction}"
        for one in all_problems
    )
    notes = [
        f"{sizes}; L = {arguments.max_length}. {arguments.neurons:,} neurons of noise are labelled "
        "without a test (by hold-out where half is held out), each neuron permuted "
        f"{arguments.permutations:,} times, on {arguments.threads} threads; drawing the "
        "permutations is in the time.",
        "Goal: permutations of a neuron without ties cost at most 1 × labelling.",
        f"The least wall-clock time of {arguments.repeats} rounds, in which all run in turn.",
    ]
    rows = [row for problem in all_problems for row in rows_of(problem, arguments)]
    title = "Searches on permuted samples"
    command = "python -m benchmarks.permutations" + "".join(f" {word}" for word in arguments.given)
    return Report(title, command, describe_machine(), notes, [Table(COLUMNS, rows)], [])


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = report_parser(__doc__)
    parser.add_argument("--neurons", type=int, default=1_000)
    parser.add_argument("--permutations", type=int, default=1_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--max-length", type=int, default=3)
    return read_words(parser, words)


def main(words: Sequence[str] | None = None) -> None:
    """Measure, print, and save where asked."""
    arguments = parse(words)
    measure(arguments).deliver(arguments.output)


if __name__ == "__main__":
    main()

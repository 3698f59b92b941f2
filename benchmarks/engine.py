"""How long labelling a neuron takes on an ImageNet-shaped problem, against two yardsticks.

``python -m benchmarks.engine`` times `label_neurons` on the two label sets of `benchmarks.imagenet`
and prints milliseconds per neuron (wall clock) beside

- **the floor**, on one thread: one ``np.sort`` of the neuron's activations and one product of the
  label matrix (concepts × samples, SciPy CSR of float64) with a vector;
- **one sort per formula**, as the reference computes an AUC: for each formula one ``np.argsort`` of
  the float32 activations with its default kind and one masked sum. A few hundred are timed and
  scaled to the 4·k·B·(L−1) + k formulas that a beam search evaluates.
"""

from __future__ import annotations

import time
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse
import torch

import invert_captum as ic
from benchmarks.command_line import read_words, report_parser
from benchmarks.imagenet import imagenet_concepts
from benchmarks.machine import describe_machine
from benchmarks.neurons import holds, synthetic_activations
from benchmarks.results import Report, Table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

N_SORTED = 300
TESTS = {"no test": None, "in_sample": "in_sample", "holdout (default)": "holdout"}
COLUMNS = ["labels", "what", "ms per neuron", "× the floor", "× faster than one sort per formula"]


def n_formulas(n_concepts: int, beam_width: int, max_length: int) -> int:
    """Return how many formulas a beam search evaluates: 4·k·B·(L−1) + k."""
    return 4 * n_concepts * beam_width * (max_length - 1) + n_concepts


def rank_sum_by_sorting(values: NDArray[np.float32], mask: NDArray[np.bool_]) -> int:
    """Return the sum of the ranks (from 0) of the samples in a mask, by sorting all of them."""
    return int(np.flatnonzero(mask[np.argsort(values)]).sum())


def random_formulas(
    concepts: ic.ConceptSet, count: int, rng: np.random.Generator
) -> list[NDArray[np.bool_]]:
    """Return for which samples some conjunctions and disjunctions of two concepts hold."""
    by_concept = concepts.labels.tocsc()
    pairs = rng.integers(0, concepts.n_concepts, (count, 2))
    masks = [(holds(by_concept, first), holds(by_concept, second)) for first, second in pairs]
    return [a | b if number % 2 else a & b for number, (a, b) in enumerate(masks)]


def contenders(
    concepts: ic.ConceptSet, activations: NDArray[np.float32], arguments: argparse.Namespace
) -> dict[str, Callable[[], object]]:
    """Return what is timed: the two yardsticks, then `label_neurons` with each test."""
    rng = np.random.default_rng(1)
    columns = np.ascontiguousarray(activations.T)
    by_concept = scipy.sparse.csr_array(concepts.labels.T.astype(np.float64))
    vector = rng.random(concepts.n_samples)
    formulas = random_formulas(concepts, arguments.sorted, rng)

    def label(significance: str | None) -> Callable[[], object]:
        return lambda: ic.label_neurons(
            activations,
            concepts,
            max_length=arguments.max_length,
            beam_width=arguments.beam_width,
            significance=significance,  # type: ignore[arg-type]
        )

    return {
        "floor": lambda: [(np.sort(column), by_concept @ vector) for column in columns],
        "one sort per formula": lambda: [
            rank_sum_by_sorting(columns[number % len(columns)], mask)
            for number, mask in enumerate(formulas)
        ],
        **{name: label(significance) for name, significance in TESTS.items()},
    }


def best_seconds(timed: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the least seconds of each function over rounds in which they run in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in timed}
    for _ in range(rounds):
        for name, function in timed.items():
            started = time.perf_counter()
            function()
            seconds[name].append(time.perf_counter() - started)
    return {name: min(times) for name, times in seconds.items()}


def rows_of(
    labels: str, seconds: dict[str, float], k: int, arguments: argparse.Namespace
) -> Iterable[list[str | float]]:
    """Return the table's rows of one set of labels, in milliseconds per neuron."""
    formulas = n_formulas(k, arguments.beam_width, arguments.max_length)
    per_neuron = {name: 1e3 * total / arguments.neurons for name, total in seconds.items()}
    sorting = 1e3 * seconds["one sort per formula"] / arguments.sorted * formulas
    per_neuron["one sort per formula"] = sorting
    for name, milliseconds in per_neuron.items():
        what = f"label_neurons, {name}" if name in TESTS else name
        ratios = [milliseconds / per_neuron["floor"], sorting / milliseconds]
        yield [labels, what, milliseconds, *ratios]


def describe(labels: str, concepts: ic.ConceptSet, arguments: argparse.Namespace) -> str:
    """Return a sentence with the size of a problem."""
    matrix = concepts.labels
    n_rows = len({matrix.indices[a:b].tobytes() for a, b in pairwise(matrix.indptr)})
    formulas = n_formulas(concepts.n_concepts, arguments.beam_width, arguments.max_length)
    return (
        f"Labels {labels}: {concepts.n_samples:,} samples, {concepts.n_concepts:,} concepts, "
        f"{matrix.nnz / concepts.n_samples:.2f} labels per sample, {n_rows:,} different rows; "
        f"a beam search evaluates {formulas:,} formulas."
    )


def measure(arguments: argparse.Namespace) -> Report:
    """Build both problems, time everything, return the report."""
    torch.set_num_threads(arguments.threads)
    notes = [
        f"{arguments.neurons:,} neurons, half of them continuous, half as after a ReLU; "
        f"L = {arguments.max_length}, B = {arguments.beam_width}; label_neurons on "
        f"{arguments.threads} threads, the floor and the sorts on one.",
        "Goal: at most 3 × the floor, and at least 50,000 × faster than one sort per formula.",
        f"The least wall-clock time of {arguments.repeats} rounds, in which all run in turn; one "
        f"sort per formula: {arguments.sorted} timed, scaled to all.",
    ]
    rows: list[list[str | int | float]] = []
    for labels in ("by class", "by sample"):
        concepts = imagenet_concepts(
            by_sample=labels == "by sample",
            per_class=arguments.per_class,
            shuffled=arguments.shuffled,
        )
        notes.append(describe(labels, concepts, arguments))
        rng = np.random.default_rng(2)
        activations = synthetic_activations(concepts.labels, arguments.neurons, rng)
        timed = contenders(concepts, activations, arguments)
        if not rows:
            seconds_to_warm_up = warm_up(activations, concepts)
            notes.append(
                f"Before the timing, first calls took {seconds_to_warm_up:.1f} s: they compile, "
                "or load what an earlier process compiled."
            )
        seconds = best_seconds(timed, arguments.repeats)
        rows.extend(rows_of(labels, seconds, concepts.n_concepts, arguments))
    title = "Time per neuron on an ImageNet-shaped problem"
    command = "python -m benchmarks.engine" + "".join(f" {word}" for word in arguments.given)
    return Report(title, command, describe_machine(), notes, [Table(COLUMNS, rows)], [])


def warm_up(activations: NDArray[np.float32], concepts: ic.ConceptSet) -> float:
    """Return the seconds of a first call for eight neurons, with every test."""
    started = time.perf_counter()
    for significance in TESTS.values():
        ic.label_neurons(activations[:, :8], concepts, significance=significance)  # type: ignore[arg-type]
    return time.perf_counter() - started


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = report_parser(__doc__)
    parser.add_argument("--neurons", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--beam-width", type=int, default=3)
    parser.add_argument("--max-length", type=int, default=3)
    parser.add_argument("--per-class", type=int, default=50, help="samples of a class")
    parser.add_argument("--sorted", type=int, default=N_SORTED, help="formulas scored by a sort")
    parser.add_argument("--shuffled", action="store_true", help="samples in random order")
    return read_words(parser, words)


def main(words: Sequence[str] | None = None) -> None:
    """Measure, print, and save where asked."""
    arguments = parse(words)
    measure(arguments).deliver(arguments.output)


if __name__ == "__main__":
    main()

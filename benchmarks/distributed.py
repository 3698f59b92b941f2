"""How much faster two Dask workers of one thread label neurons than one does.

``python -m benchmarks.distributed`` builds 50,000 samples with 500 random concepts, and activations
in an `ActivationStore`, which the workers read, and in memory, from where they are sent. It starts
two workers, warms them up, lets one of them and both label all neurons in turn, and prints the
least times of some rounds and their ratio. The process that sends the work and Dask's scheduler
run on the same cores; sending activations from memory costs them more than a store does.
"""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse
import torch

import invert_captum as ic
from benchmarks.command_line import read_words, report_parser
from benchmarks.machine import describe_machine
from benchmarks.neurons import synthetic_activations
from benchmarks.results import Report, Table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Executor

    from numpy.typing import NDArray

N_SAMPLES, N_CONCEPTS, SHARE = 50_000, 500, 0.01


def random_concepts(rng: np.random.Generator) -> ic.ConceptSet:
    """Return concepts that hold for random samples, about one in a hundred each."""
    size = int(N_SAMPLES * N_CONCEPTS * SHARE)
    places = rng.integers(0, N_SAMPLES, size), rng.integers(0, N_CONCEPTS, size)
    shape = (N_SAMPLES, N_CONCEPTS)
    labels = scipy.sparse.coo_array((np.ones(size, np.bool_), places), shape).tocsr()
    return ic.ConceptSet(labels, [f"c{number:03}" for number in range(N_CONCEPTS)])


@contextmanager
def dask_executors() -> Iterator[dict[int, Executor]]:
    """Start two Dask workers, processes of one thread, and return executors on one and on both."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        client.wait_for_workers(2)
        first = next(iter(client.run(os.getpid)))
        yield {1: client.get_executor(workers=[first]), 2: client.get_executor()}


def stored(activations: NDArray[np.float32], folder: str) -> ic.ActivationStore:
    """Write activations into a store."""
    layer = torch.nn.Identity()
    labeler = ic.NeuronConceptLabeler(torch.nn.Sequential(layer), layer)
    store = labeler.extract(torch.from_numpy(activations), batch_size=4096, store=folder)
    assert isinstance(store, ic.ActivationStore)
    return store


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = report_parser(__doc__)
    parser.add_argument("--neurons", type=int, default=6144)
    parser.add_argument("--beam-width", type=int, default=10)
    parser.add_argument("--max-length", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    return read_words(parser, words)


def measure(parsed: argparse.Namespace) -> Report:
    """Build the problem, time it, return the report."""
    rng = np.random.default_rng(0)
    concepts = random_concepts(rng)
    in_memory = synthetic_activations(concepts.labels, parsed.neurons, rng)
    search = {"beam_width": parsed.beam_width, "max_length": parsed.max_length}
    rows: list[list[str | int | float]] = []
    with tempfile.TemporaryDirectory() as folder, dask_executors() as executors:
        for source, activations in (("store", stored(in_memory, folder)), ("memory", in_memory)):
            label = partial(ic.label_neurons, activations, concepts, **search)
            for executor in executors.values():
                label(neurons=range(256), executor=executor)
            one, two = seconds_of(label, executors, parsed.rounds)
            rows.append([source, one, two, one / two])
    notes = [
        f"{concepts}, {parsed.neurons:,} neurons, L = {parsed.max_length}, "
        f"B = {parsed.beam_width}; Dask workers are processes of one thread each. The least of "
        f"{parsed.rounds} rounds, in which one and two workers take turns; all gave one table.",
        "Activations in memory are sent to the workers, which takes the same cores.",
    ]
    columns = ["activations in", "one worker, s", "two workers, s", "times faster"]
    command = " ".join(["python -m benchmarks.distributed", *parsed.given])
    title = "Two Dask workers against one"
    return Report(title, command, describe_machine(), notes, [Table(columns, rows)], [])


def seconds_of(
    label: partial[ic.LabelingResult], executors: dict[int, Executor], rounds: int
) -> tuple[float, float]:
    """Return the least seconds with one and with two workers; their tables must be the same."""
    seconds: dict[int, list[float]] = {1: [], 2: []}
    tables = []
    for _ in range(rounds):
        for count, executor in executors.items():
            started = time.perf_counter()
            tables.append(label(executor=executor))
            seconds[count].append(time.perf_counter() - started)
    assert all(table == tables[-1] for table in tables), "the tables differ"
    return min(seconds[1]), min(seconds[2])


def main(words: Sequence[str] | None = None) -> None:
    """Measure, print, and save where asked."""
    parsed = parse(words)
    measure(parsed).deliver(parsed.output)


if __name__ == "__main__":
    main()

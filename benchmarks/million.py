"""A million samples that do not fit: 512 neurons in a store on disk, labelled in bounded memory.

``python -m benchmarks.million`` writes 1,000,000 × 512 float32 activations (2 GB) into an
`ActivationStore`, then labels them from the store in a process of its own, with 1,000 concepts of
twelve labels a sample, L = 3, B = 3. It prints the time and the peak of memory beyond what the
interpreter with all libraries takes, the labels included; `benchmarks.scale_point` says how that is
measured.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse
import torch

import invert_captum as ic
from benchmarks.command_line import read_words, report_parser
from benchmarks.machine import describe_machine
from benchmarks.neurons import synthetic_activations
from benchmarks.results import Report, Table
from benchmarks.scale_point import TINY, Point, concept_set, memory

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def label_store(folder: Path, threads: int) -> dict[str, float]:
    """Label the store in a folder; return the seconds and the bytes of memory at the peak."""
    torch.set_num_threads(threads)
    rng = np.random.default_rng(1)
    tiny = TINY.labels(rng)
    options = {"max_length": 3, "beam_width": 3}
    ic.label_neurons(synthetic_activations(tiny, TINY.d, rng), concept_set(tiny), **options)
    store = ic.ActivationStore.open(folder / "store")
    store.read(None, [0])

    Path("/proc/self/clear_refs").write_text("5")
    before, started = memory("VmRSS"), time.perf_counter()
    concepts = concept_set(scipy.sparse.csr_array(scipy.sparse.load_npz(folder / "labels.npz")))
    result = ic.label_neurons(store, concepts, **options)
    seconds = time.perf_counter() - started
    found = sum(result[neuron][0].formula is not None for neuron in result)
    return {"seconds": seconds, "peak_bytes": memory("VmHWM") - before, "labelled": found}


def write_store(folder: Path, n_samples: int, n_neurons: int) -> float:
    """Write labels and a store of activations into a folder; return the seconds of the store."""
    rng = np.random.default_rng(0)
    labels = Point(n_samples, n_neurons, 1000, 3, 3, 0.012).labels(rng)
    scipy.sparse.save_npz(folder / "labels.npz", labels, compressed=False)
    activations = torch.from_numpy(synthetic_activations(labels, n_neurons, rng))
    labeler = ic.NeuronConceptLabeler(torch.nn.Sequential(torch.nn.Identity()), "0")
    started = time.perf_counter()
    labeler.extract(activations, store=folder / "store", batch_size=1024)
    return time.perf_counter() - started


def measure(arguments: argparse.Namespace) -> Report:
    """Write the store, label it in another process, return the report."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        writing = write_store(folder, arguments.samples, arguments.neurons)
        threads = str(torch.get_num_threads())
        command = [sys.executable, "-m", "benchmarks.million", "--child", name, threads]
        child = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    found = json.loads(child.stdout)
    size = arguments.samples * arguments.neurons * 4
    row: list[str | int | float] = [
        arguments.samples,
        arguments.neurons,
        size / 1e9,
        writing,
        found["seconds"],
        1e3 * found["seconds"] / arguments.neurons,
        found["peak_bytes"] / 1e9,
    ]
    columns = [
        *("samples", "neurons", "activations, GB", "writing, s", "labelling, s"),
        *("labelling, ms per neuron", "peak memory, GB"),
    ]
    notes = [
        "1,000 concepts, 12 labels a sample, L = 3, B = 3, hold-out; "
        f"{found['labelled']:,} neurons got a label. Labelling includes reading the store and the "
        "labels; memory is what comes on top of the interpreter and its libraries.",
    ]
    command_line = " ".join(["python -m benchmarks.million", *arguments.given])
    title = "A million samples in a store"
    return Report(title, command_line, describe_machine(), notes, [Table(columns, [row])], [])


def main(words: Sequence[str] | None = None) -> None:
    """Measure, print, and save where asked."""
    words = list(sys.argv[1:] if words is None else words)
    if words[:1] == ["--child"]:
        print(json.dumps(label_store(Path(words[1]), int(words[2]))))
        return
    parser = report_parser(__doc__)
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--neurons", type=int, default=512)
    arguments = read_words(parser, words)
    measure(arguments).deliver(arguments.output)


if __name__ == "__main__":
    main()

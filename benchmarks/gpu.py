"""What a GPU gains: the same call with activations on the GPU and on two threads of the CPU.

``python -m benchmarks.gpu`` labels 4,096 neurons of the ImageNet-shaped problem on both, checks
that the tables are the same to the byte, and prints the ratio. It also times the sort of all
activations alone and compares the bytes that it must at least read and write with what a copy on
the device moves in the same time.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np
import torch

import invert_captum as ic
from benchmarks.command_line import read_words, report_parser
from benchmarks.imagenet import imagenet_concepts
from benchmarks.machine import describe_machine
from benchmarks.neurons import synthetic_activations
from benchmarks.results import Report, Table
from invert_captum.search.device_search import DeviceSearch

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

_NEURONS_A_SORT = 64


def seconds_of(function: Callable[[], object], repeats: int) -> float:
    """Return the least seconds of some calls, the device's work included."""
    times = []
    for _ in range(repeats):
        torch.cuda.synchronize()
        started = time.perf_counter()
        function()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return min(times)


def measure(arguments: argparse.Namespace) -> Report:
    """Label on both, compare, time the parts."""
    concepts = imagenet_concepts(by_sample=arguments.by_sample)
    rng = np.random.default_rng(2)
    on_cpu = torch.from_numpy(synthetic_activations(concepts.labels, arguments.neurons, rng))
    on_gpu = on_cpu.cuda()

    def label(activations: torch.Tensor) -> ic.LabelingResult:
        return ic.label_neurons(activations, concepts, max_length=3, beam_width=3)

    n_threads = torch.get_num_threads()
    label(on_cpu[:, :16])
    with patch.object(
        DeviceSearch, "search", autospec=True, side_effect=DeviceSearch.search
    ) as seen:
        label(on_gpu[:, :16])
    if not seen.called:
        raise SystemExit("activations on the GPU were not searched there")
    torch.set_num_threads(2)
    two_threads = seconds_of(lambda: label(on_cpu), 1)
    expected = label(on_cpu).to_frame()
    torch.set_num_threads(n_threads)
    gpu = seconds_of(lambda: label(on_gpu), arguments.repeats)
    same = label(on_gpu).to_frame().equals(expected)
    if not same:
        raise SystemExit("the tables of CPU and GPU differ")

    rows = on_gpu.T.contiguous()
    sorting = seconds_of(
        lambda: [torch.sort(block, dim=1) for block in rows.split(_NEURONS_A_SORT)],
        arguments.repeats,
    )
    copying = seconds_of(lambda: rows.clone(), arguments.repeats)
    moved = rows.numel() * rows.element_size()
    # A sort reads the values once and writes values and 64-bit places once, at the very least.
    of_bandwidth = (moved * 4 / sorting) / (moved * 2 / copying)
    table = Table(
        ["what", "seconds", "ms per neuron"],
        [
            [what, seconds, 1e3 * seconds / arguments.neurons]
            for what, seconds in (
                ("label_neurons, two threads of the CPU", two_threads),
                ("label_neurons, GPU", gpu),
                ("the sort alone, GPU", sorting),
            )
        ],
    )
    notes = [
        f"{torch.cuda.get_device_name()}; {arguments.neurons:,} neurons, {concepts.n_samples:,} "
        f"samples, {concepts.n_concepts:,} concepts, L = 3, B = 3; the tables are the same.",
        f"The GPU takes 1/{two_threads / gpu:.1f} of the time of two threads; sorting is "
        f"{sorting / gpu:.0%} of it, and moves the bytes that it must at {of_bandwidth:.1%} of the "
        "rate of a copy on the device.",
    ]
    command = " ".join(["python -m benchmarks.gpu", *arguments.given])
    return Report("A GPU against two threads", command, describe_machine(), notes, [table], [])


def main(words: Sequence[str] | None = None) -> None:
    """Measure, print, and save where asked."""
    parser = report_parser(__doc__)
    parser.add_argument("--neurons", type=int, default=4096)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--by-sample", action="store_true", help="no two samples labelled alike")
    arguments = read_words(parser, words)
    if not torch.cuda.is_available():
        raise SystemExit("there is no CUDA device")
    measure(arguments).deliver(arguments.output)


if __name__ == "__main__":
    main()

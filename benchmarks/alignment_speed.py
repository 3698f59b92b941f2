"""How fast maps of importance are compared, against a loop over SciPy.

``python -m benchmarks.alignment_speed`` correlates the ranks of 1,000 pairs of 224×224 maps with
`spearman_correlation` and with a loop over ``scipy.stats.spearmanr``, in turn and on one thread,
and prints the ratio of the times and the largest difference of the results.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.stats import spearmanr
from threadpoolctl import threadpool_limits

from benchmarks.command_line import read_words, report_parser
from benchmarks.machine import describe_machine
from benchmarks.results import Report, Table
from invert_captum.alignment.metrics.spearman import spearman_correlation

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from benchmarks.results import Cell

KINDS = {"continuous": False, "half of it 0, as after a ReLU": True}
IN_TURN = 50  # pairs
COLUMNS = [
    *("maps", "pairs", "size", "SciPy, ms per pair", "spearman_correlation, ms per pair"),
    *("ratio", "lowest ratio", "ratio of processor times", "largest difference"),
]


@dataclass(frozen=True)
class SpearmanTimes:
    """What both took, and how far their results differ.

    Attributes:
        seconds: Of each repeat, of SciPy and ours, by the clock and of the processor; shape
            (repeats, 2, 2).
        largest_difference: The largest absolute difference of the correlations.
    """

    seconds: NDArray[np.float64]
    largest_difference: float

    @property
    def ratios(self) -> NDArray[np.float64]:
        """How many times as long SciPy took, by the clock and in processor time, (repeats, 2)."""
        return self.seconds[:, 0] / self.seconds[:, 1]


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread, in torch as in the libraries below NumPy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(threads)


def seconds(function: Callable[[], object]) -> NDArray[np.float64]:
    """Return how long a call takes, by the clock and in this thread's processor time."""
    started = np.array([time.perf_counter(), time.thread_time()])
    function()
    return np.array([time.perf_counter(), time.thread_time()]) - started


def loop_over_scipy(a: NDArray[np.float32], b: NDArray[np.float32]) -> list[float]:
    """Return Spearman's correlations of pairs of maps, (n, H, W) x 2."""
    pairs = zip(a.reshape(len(a), -1), b.reshape(len(b), -1), strict=True)
    return [float(spearmanr(*pair).statistic) for pair in pairs]


def spearman_ratio(
    n_maps: int, side: int, repeats: int, rng: np.random.Generator, *, rectified: bool = False
) -> SpearmanTimes:
    """Time the correlation of pairs of random maps, ``side`` positions wide and high.

    Args:
        n_maps: How many pairs.
        side: Positions along each side.
        repeats: How often all are correlated.
        rng: Draws the maps, from a normal distribution.
        rectified: Set their negative values to 0.
    """
    a, b = (rng.standard_normal((n_maps, side, side), dtype=np.float32) for _ in range(2))
    if rectified:
        a, b = np.maximum(a, 0), np.maximum(b, 0)

    def ours(block: slice) -> NDArray[np.float64]:
        maps = torch.from_numpy(a[block]), torch.from_numpy(b[block])
        return spearman_correlation(*maps).numpy()

    def theirs(block: slice) -> list[float]:
        return loop_over_scipy(a[block], b[block])

    blocks = [slice(start, start + IN_TURN) for start in range(0, n_maps, IN_TURN)]
    with one_thread():
        differences = [np.abs(ours(block) - theirs(block)).max() for block in blocks]
        times = [
            # In turn, so that what else the machine does falls on both.
            sum(
                np.array([seconds(partial(run, block)) for run in (theirs, ours)])
                for block in blocks
            )
            for _ in range(repeats)
        ]
    return SpearmanTimes(np.array(times), float(max(differences)))


def spearman_row(kind: str, n_maps: int, side: int, times: SpearmanTimes) -> list[Cell]:
    """Return the numbers of one kind of maps."""
    theirs, ours = 1e3 * np.median(times.seconds[..., 0], axis=0) / n_maps
    ratio, of_processor = np.median(times.ratios, axis=0)
    lowest = times.ratios[:, 0].min()
    row: list[Cell] = [kind, n_maps, f"{side}×{side}"]
    row += [float(cell) for cell in (theirs, ours, ratio, lowest, of_processor)]
    return [*row, f"{times.largest_difference:.1e}"]


def spearman_table(arguments: argparse.Namespace) -> Table:
    """Return the numbers of all kinds of maps."""
    rows = []
    for kind, rectified in KINDS.items():
        rng = np.random.default_rng(0)
        size = arguments.maps, arguments.side
        times = spearman_ratio(*size, arguments.repeats, rng, rectified=rectified)
        rows.append(spearman_row(kind, *size, times))
    return Table(COLUMNS, rows)


def measure(arguments: argparse.Namespace) -> Report:
    """Time everything, return the report."""
    notes = [
        f"Both on one thread and in turn, {IN_TURN} pairs each; {arguments.repeats} repeats after "
        "one that is not timed. Times are by the clock. Times and ratios are medians over the "
        "repeats, a ratio being taken within each; that of processor times leaves out when other "
        "programs ran.",
        "Goal: a ratio of at least 3.",
        "The difference is the largest of the correlations of a pair. SciPy's function also "
        "computes p-values.",
    ]
    command = "python -m benchmarks.alignment_speed" + "".join(f" {w}" for w in arguments.given)
    title = "Time to compare maps of importance"
    return Report(title, command, describe_machine(), notes, [spearman_table(arguments)], [])


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = report_parser(__doc__)
    parser.add_argument("--maps", type=int, default=1000, help="pairs of maps")
    parser.add_argument("--side", type=int, default=224, help="positions along each side")
    parser.add_argument("--repeats", type=int, default=5)
    return read_words(parser, words)


def main(words: Sequence[str] | None = None) -> None:
    """Measure, print, and save where asked."""
    arguments = parse(words)
    measure(arguments).deliver(arguments.output)


if __name__ == "__main__":
    main()

"""Rank-sum p-values against the exact conditional distribution, for neurons with and without ties.

``python -m benchmarks.ties`` draws labels of 10, 20, 50 and 200 positives among 945 samples whose
p-value is about 0.3, 1e-3, 1e-6, 1e-12 and 1e-30, for neurons without ties, with many zeros and of
16 levels. It counts the choices of as many samples with Python's integers and prints by which
factor the p-values of `rank_sum_log10_p`, of the saddlepoint alone and of the normal approximation
with tie correction differ from that. A second table has the microseconds of a call.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.command_line import read_words, report_parser
from benchmarks.machine import describe_machine
from benchmarks.results import Report, Table
from invert_captum.significance.conditional import rank_sum_log10_p
from invert_captum.significance.draws import Draw
from invert_captum.significance.exact import exact_log_tail
from invert_captum.significance.mann_whitney import mann_whitney_log10_p
from invert_captum.significance.saddlepoint import saddlepoint_log_tail
from invert_captum.significance.separation import Separation

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from benchmarks.results import Cell

KINDS = ["continuous", "50 % zeros", "90 % zeros", "98 % zeros", "16 levels"]
LOG10_P = [-0.5, -3, -6, -12, -30]
LOG_10 = math.log(10)


def activations_of(kind: str, n_samples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the activations of one neuron."""
    ranks = rng.permutation(n_samples).astype(np.float64)
    if kind == "16 levels":
        return np.floor(ranks * 16 / n_samples)
    zeros = 0 if kind == "continuous" else int(kind.split()[0])
    return np.maximum(ranks - n_samples * zeros // 100, 0)


def labelled(values: NDArray[np.float64], n_positive: int, log10_p: float, seed: int) -> Separation:
    """Return a separation whose p-value is about as wanted, if it can be so small."""
    noise = np.random.default_rng(seed).gumbel(size=len(values))
    lowest, highest = 0.0, 100.0
    shares = values / values.max()
    for _ in range(30):
        effect = (lowest + highest) / 2
        chosen = np.argsort(noise + effect * shares)[-n_positive:]
        separation = Separation.of(values, np.isin(np.arange(len(values)), chosen))
        if rank_sum_log10_p(separation, alternative="greater") > log10_p:
            lowest = effect
        else:
            highest = effect
    return separation


def counted_log10_p(draw: Draw) -> float:
    """Count the choices of no larger deficit with Python's integers, group by group.

    A polynomial of deficits is one long integer, with enough bits for every coefficient.
    """
    bits = math.comb(draw.n_samples, draw.n_drawn).bit_length() + 1
    step = int(np.gcd.reduce(draw.deficits)) or 1
    kept = (1 << bits * (draw.most // step + 1)) - 1
    rows = [1] + [0] * draw.n_drawn
    for size, deficit in zip(draw.sizes.tolist(), draw.deficits.tolist(), strict=True):
        for j in range(draw.n_drawn, 0, -1):
            for m in range(1, min(size, j) + 1):
                if m * deficit <= draw.most:
                    rows[j] += math.comb(size, m) * rows[j - m] << bits * (m * deficit // step)
            rows[j] &= kept
    coefficient = (1 << bits) - 1
    ways, row = 0, rows[-1]
    digits = row.to_bytes((row.bit_length() + 7) // 8 + 1, "little")
    for place in range(draw.most // step + 1):
        first, shift = divmod(place * bits, 8)
        piece = int.from_bytes(digits[first : first + bits // 8 + 2], "little")
        ways += (piece >> shift) & coefficient
    return math.log10(ways) - math.log10(math.comb(draw.n_samples, draw.n_drawn))


def factor(log10_p: float, exact: float) -> float:
    """Return by which factor a p-value is too large."""
    return float(10 ** (log10_p - exact))


def normal_log10_p(separation: Separation) -> float:
    """Return the p-value of the normal approximation."""
    sizes = separation.positives + separation.negatives
    n_positive, n_samples = separation.n_positive, int(sizes.sum())
    return mann_whitney_log10_p(
        separation.doubled_u + n_positive * (n_positive + 1),
        n_positive,
        n_samples,
        tie_sum=int((sizes**3 - sizes).sum()),
        alternative="greater",
    )


def accuracy(n_samples: int, counts: Sequence[int], *, counted: int) -> Table:
    """Compare p-values; up to ``counted`` positives with integers, else with a large budget."""
    columns = ["activations", "positives", "oracle", "log10 p", "ours", "by", "saddlepoint"]
    rows: list[list[Cell]] = []
    for kind in KINDS:
        values = activations_of(kind, n_samples, np.random.default_rng(1))
        for n_positive in counts:
            for log10_p in LOG10_P:
                separation = labelled(values, n_positive, log10_p, seed=2)
                draw = Draw.of(separation, upper=True)
                ours = rank_sum_log10_p(separation, alternative="greater")
                if draw.most <= draw.least()[0] or not draw.above_mean:
                    continue
                integers = n_positive <= counted
                if integers:
                    exact = counted_log10_p(draw)
                else:
                    exact = (exact_log_tail(draw, budget=10**10) or math.nan) / LOG_10
                row: list[Cell] = [kind, n_positive, "integers" if integers else "floats", exact]
                row += [factor(ours, exact), _method(draw)]
                row += [factor(saddlepoint_log_tail(draw) / LOG_10, exact)]
                row += [factor(normal_log10_p(separation), exact)]
                rows.append(row)
    return Table([*columns, "normal approximation"], rows)


def _method(draw: Draw) -> str:
    return "exact" if exact_log_tail(draw) is not None else "saddlepoint"


def speed(sizes: dict[int, Sequence[int]], repeats: int) -> Table:
    """Return the least microseconds of a call near p = 1e-3."""
    rows: list[list[Cell]] = []
    for n_samples, counts in sizes.items():
        for kind in KINDS:
            values = activations_of(kind, n_samples, np.random.default_rng(1))
            for n_positive in counts:
                separation = labelled(values, n_positive, -3, seed=2)
                seconds = []
                for _ in range(repeats):
                    started = time.perf_counter()
                    rank_sum_log10_p(separation, alternative="greater")
                    seconds.append(time.perf_counter() - started)
                draw = Draw.of(separation, upper=True)
                rows.append([n_samples, kind, n_positive, _method(draw), 1e6 * min(seconds)])
    return Table(["samples", "activations", "positives", "by", "µs per call"], rows)


def measure(arguments: argparse.Namespace) -> Report:
    """Compare, time, return the report."""
    accurate = accuracy(945, [10, 20, 50, 200], counted=arguments.counted)
    timed = speed(
        {945: [10, 20, 50, 200], 25_000: [20, 500], 500_000: [500, 5_000]}, arguments.repeats
    )
    notes = [
        "One-sided p-values of 945 samples; the columns ours, saddlepoint and normal approximation "
        "are factors: p-value / exact p-value. The oracle counts choices with Python's integers; "
        f"with more than {arguments.counted} positives it is the package's own exact distribution, "
        "with a budget without end.",
        "Goal: ours within a factor 1.25 at 1e-3 and 2 at 1e-6.",
        f"Times are the least of {arguments.repeats} calls, labels of a p-value of about 1e-3.",
    ]
    title = "Rank-sum p-values with ties"
    command = "python -m benchmarks.ties" + "".join(f" {word}" for word in arguments.given)
    return Report(title, command, describe_machine(), notes, [accurate, timed], [])


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = report_parser(__doc__)
    parser.add_argument("--counted", type=int, default=20, help="positives up to which to count")
    parser.add_argument("--repeats", type=int, default=20)
    return read_words(parser, words)


def main(words: Sequence[str] | None = None) -> None:
    """Measure, print, and save where asked."""
    arguments = parse(words)
    measure(arguments).deliver(arguments.output)


if __name__ == "__main__":
    main()

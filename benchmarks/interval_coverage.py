"""How often intervals for an AUC cover it, and how often tests of grouped noise reject.

``python -m benchmarks.interval_coverage`` draws positives and negatives from two normal
distributions (``binormal``), after a ReLU that leaves half of the negatives at 0 (``ReLU``), or
rounded to whole standard deviations (``rounded``); the means are set so that the AUC, ties counting
one half, is the one given. For every cell it computes 95 % intervals: DeLong's on the scale of the
AUC, on the logit scale, and `auc_interval`.

The second table tests noise that is constant within groups of 1 to 9 of 945 samples, as are most
of the labels: `cluster_log10_p`, the z-test with Obuchowski's variance, and the Mann–Whitney test,
which takes the samples for independent.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import scipy.optimize
import scipy.special
import scipy.stats

from benchmarks.command_line import read_words, report_parser
from benchmarks.machine import describe_machine
from benchmarks.results import Report, Table
from invert_captum.significance.clusters import cluster_log10_p, cluster_variance
from invert_captum.significance.delong import delong_variance
from invert_captum.significance.intervals import auc_interval
from invert_captum.significance.separation import Separation

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from numpy.typing import NDArray

N_SAMPLES = 945
LEVEL = 0.95
KINDS = ("binormal", "ReLU", "rounded")
POSITIVES = (30, 50, 100, 200)
AUCS = (0.5, 0.65, 0.75, 0.85, 0.9, 0.95, 0.98)
ZEROS = {"continuous": 0.0, "50 % zeros": 0.5, "90 % zeros": 0.9, "98 % zeros": 0.98}
GROUPED_POSITIVES = (10, 20, 50, 200)
METHODS = ("DeLong", "logit", "ours")
TESTS = ("cluster_log10_p", "Obuchowski z", "Mann–Whitney")
LEVELS = (0.05, 0.001)


def true_auc(shift: float, kind: str) -> float:
    """Return the AUC of positives from N(shift, 1) against negatives from N(0, 1)."""
    if kind == "binormal":
        return float(scipy.special.ndtr(shift / np.sqrt(2)))
    if kind == "ReLU":
        above = np.linspace(0, max(shift, 0) + 9, 4001)
        density = np.exp(-((above - shift) ** 2) / 2) / np.sqrt(2 * np.pi)
        higher = float(np.trapezoid(density * scipy.special.ndtr(above), above))
        return higher + float(scipy.special.ndtr(-shift)) / 4
    edges = np.arange(-40, 61) + 0.5
    negatives = np.diff(scipy.special.ndtr(edges), prepend=0)
    positives = np.diff(scipy.special.ndtr(edges - shift), prepend=0)
    return float(positives @ (np.cumsum(negatives) - negatives / 2))


def coverage(cell: tuple[str, int, float], replicates: int) -> list[str | int | float]:
    """Return a row: for each method the share of the intervals that cover, and their mean width."""
    kind, n_positive, auc = cell
    shift = scipy.optimize.brentq(lambda s: true_auc(s, kind) - auc, -1, 20)
    rng = np.random.default_rng([KINDS.index(kind), n_positive, round(1000 * auc)])
    mask = np.arange(N_SAMPLES) < n_positive
    z = float(scipy.special.ndtri((1 + LEVEL) / 2))
    covered, widths = np.zeros(3), np.zeros(3)
    for _ in range(replicates):
        values = rng.standard_normal(N_SAMPLES) + shift * mask
        values = {"binormal": values, "ReLU": np.maximum(values, 0), "rounded": np.rint(values)}[
            kind
        ]
        separation = Separation.of(values, mask)
        bounds = intervals(separation, z)
        covered += (bounds[:, 0] <= auc) & (auc <= bounds[:, 1])
        widths += bounds[:, 1] - bounds[:, 0]
    shares = [100 * float(share) for share in covered / replicates]
    return [kind, n_positive, f"{auc:.2f}", *shares, *(float(w) for w in widths / replicates)]


def intervals(separation: Separation, z: float) -> NDArray[np.float64]:
    """Return the bounds of the three methods, one a row."""
    auc, half = separation.auc, z * np.sqrt(delong_variance(separation))
    ours = auc_interval(separation, level=LEVEL)
    logit = np.array([auc, auc])
    if 0 < auc < 1:
        step = half / (auc * (1 - auc))
        logit = scipy.special.expit(scipy.special.logit(auc) + np.array([-step, step]))
    return np.array([[max(auc - half, 0), min(auc + half, 1)], logit, [ours.low, ours.high]])


def draw_groups(rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the groups of the samples: sizes 1 to 9, of mean 2.4."""
    sizes = np.minimum(rng.geometric(0.42, N_SAMPLES), 9)
    return np.repeat(np.arange(N_SAMPLES), sizes)[:N_SAMPLES]


def draw_labels(
    rng: np.random.Generator, groups: NDArray[np.int64], n_positive: int
) -> NDArray[np.bool_]:
    """Return positives in random groups, of which a tenth of the samples are left out."""
    order = np.argsort(rng.permutation(groups.max() + 1)[groups], kind="stable")
    order = order[rng.random(N_SAMPLES) < 0.9]
    mask = np.zeros(N_SAMPLES, np.bool_)
    mask[order[:n_positive]] = True
    return mask


def sizes(cell: tuple[str, int], replicates: int) -> list[str | int | float]:
    """Return a row: how often each test rejects at each level, in per cent."""
    kind, n_positive = cell
    rng = np.random.default_rng([7, list(ZEROS).index(kind), n_positive])
    p_values = np.empty((replicates, 3))
    n_with = 0
    for replicate in range(replicates):
        groups = draw_groups(rng)
        mask = draw_labels(rng, groups, n_positive)
        values = rng.standard_normal(groups.max() + 1)[groups]
        if ZEROS[kind]:
            values = np.maximum(values, np.quantile(values, ZEROS[kind]))
        variance = cluster_variance(values, mask, groups)
        excess = Separation.of(values, mask).auc - 0.5
        z = excess / np.sqrt(variance) if variance else np.sign(excess) * np.inf
        p_values[replicate] = (
            10 ** cluster_log10_p(values, mask, groups, alternative="greater"),
            scipy.special.ndtr(-z),
            scipy.stats.mannwhitneyu(values[mask], values[~mask], alternative="greater").pvalue,
        )
        n_with += len(np.unique(groups[mask]))
    shares = [100 * float((p_values[:, i] <= level).mean()) for i in range(3) for level in LEVELS]
    return [kind, n_positive, round(n_with / replicates), *shares]


def measure(arguments: argparse.Namespace) -> Report:
    """Run all cells on a few processes and return the report."""
    cells = list(product(KINDS, POSITIVES, AUCS))
    grouped = list(product(ZEROS, GROUPED_POSITIVES))
    with ProcessPoolExecutor(arguments.processes) as pool:
        covering = pool.map(coverage, cells, [arguments.replicates] * len(cells))
        testing = pool.map(sizes, grouped, [arguments.noise] * len(grouped))
        tables = [
            Table(columns_of_coverage(), list(covering)),
            Table(columns_of_sizes(), list(testing)),
        ]
    bands = [scipy.stats.binom.ppf(0.995, arguments.noise, level) for level in LEVELS]
    upper = [100 * float(band) / arguments.noise for band in bands]
    low = {
        (method, few): lowest(tables[0], *((100, 0.9) if few == "many" else (0, 1)), f"{method} %")
        for method in ("ours", "logit")
        for few in ("many", "all")
    }
    notes = [
        f"{N_SAMPLES} samples, 95 % intervals, {arguments.replicates:,} replicates a cell; "
        "coverage in per cent.",
        "Goal of ours: at least 93 % up to AUC 0.9 with 100 or more positives, 90 % elsewhere.",
        f"Lowest coverage of ours: {low['ours', 'many']:.1f} % and {low['ours', 'all']:.1f} %; of "
        f"the logit interval: {low['logit', 'many']:.1f} % and {low['logit', 'all']:.1f} %.",
        f"Tests of noise that is constant within groups, {arguments.noise:,} replicates a cell; "
        f"the 99 % binomial band ends at {upper[0]:.2f} % for 0.05 and {upper[1]:.2f} % for 0.001.",
    ]
    title = "Coverage of intervals for an AUC, and the size of tests with groups"
    command = "python -m benchmarks.interval_coverage" + "".join(f" {w}" for w in arguments.given)
    return Report(title, command, describe_machine(), notes, tables, [])


def columns_of_coverage() -> list[str]:
    """Return the names of what `coverage` returns."""
    widths = [f"width, {method}" for method in METHODS]
    return ["activations", "positives", "AUC", *(f"{method} %" for method in METHODS), *widths]


def columns_of_sizes() -> list[str]:
    """Return the names of what `sizes` returns."""
    rejected = [f"{test}, % below {level}" for test in TESTS for level in LEVELS]
    return ["noise", "positives", "in groups", *rejected]


def lowest(table: Table, positives: int, auc: float, column: str) -> float:
    """Return the lowest coverage with so many positives or more, up to an AUC."""
    place = table.columns.index(column)
    rows = [row for row in table.rows if int(row[1]) >= positives and float(row[2]) <= auc]
    return min(float(row[place]) for row in rows)


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = report_parser(__doc__)
    parser.add_argument("--replicates", type=int, default=10_000, help="intervals a cell")
    parser.add_argument("--noise", type=int, default=2_000, help="tests of grouped noise a cell")
    parser.add_argument("--processes", type=int, default=2)
    return read_words(parser, words)


def main(words: Sequence[str] | None = None) -> None:
    """Measure, print, and save where asked."""
    arguments = parse(words)
    measure(arguments).deliver(arguments.output)


if __name__ == "__main__":
    main()

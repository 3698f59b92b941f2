"""Which variants of Guided Feature Inversion point better: layers, backgrounds, steps, losses.

``python -m benchmarks.localization_variants`` asks every variant of
`benchmarks.localization_of_objects.inversion_variants` the same queries, drawn with another seed
than those of `benchmarks.localization`, and measures as that does. Grad-CAM stands beside them.
"""

from __future__ import annotations

import shlex
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.command_line import read_words, report_parser
from benchmarks.localization import frozen_network, refuse_too_few
from benchmarks.localization_of_objects.gallery import read_gallery
from benchmarks.localization_of_objects.inversion_variants import variants
from benchmarks.localization_of_objects.method_scores import MEASURES, ONE, TWO, timed_maps
from benchmarks.localization_of_objects.object_methods import (
    LAST_BLOCK,
    POOLING,
    Method,
    centre,
    grad_cam,
)
from benchmarks.localization_of_objects.paired_bootstrap import paired_interval
from benchmarks.machine import describe_machine
from benchmarks.results import Report, Table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from torch import nn

    from benchmarks.localization_of_objects.query_pictures import QueryPictures
    from benchmarks.results import Cell

SEED = 1
COLUMNS = [
    *("varied", "variant", "pointing", "difference", "95 % from", "to"),
    *("class share", "difference", "95 % from", "to"),
    *("asked-for ahead", "localisation error", "s per picture"),
]


@dataclass(frozen=True)
class VariantScores:
    """What a variant scores.

    Attributes:
        values: By kind and measure, one for each query.
        seconds: For a picture.
    """

    values: Mapping[tuple[str, str], NDArray[np.float64]]
    seconds: float

    def pointing(self) -> NDArray[np.float64]:
        """Return the values of pointing on all queries."""
        return np.concatenate([self.values[kind, "pointing"] for kind in (ONE, TWO)])


def score_variant(
    network: nn.Module, variant: Method, queries: Mapping[str, QueryPictures]
) -> VariantScores:
    """Ask a variant all queries."""
    values: dict[tuple[str, str], NDArray[np.float64]] = {}
    times: list[float] = []
    for kind in (ONE, TWO):
        explain = variant.of(network, queries[kind].inputs[:1])
        maps, seconds, _ = timed_maps(network, explain, queries[kind])
        times += seconds
        for name, measure in MEASURES[kind].items():
            values[kind, name] = measure(maps, queries[kind].masks)
    return VariantScores(values, float(np.median(times)))


def variant_row(
    varied: str,
    name: str,
    scores: VariantScores,
    usual: VariantScores,
    queries: Mapping[str, QueryPictures],
) -> list[Cell]:
    """Return a row: what a variant scores, and its differences to the method as it is."""
    both = np.concatenate([queries[kind].pictures for kind in (ONE, TWO)])
    shares = scores.values[TWO, "share"], usual.values[TWO, "share"]
    row: list[Cell] = [varied, name]
    for mine, others, pictures in (
        (scores.pointing(), usual.pointing(), both),
        (*shares, queries[TWO].pictures),
    ):
        apart = paired_interval(mine, others, pictures)
        row += [float(mine.mean()), apart.mean, apart.low, apart.high]
    ahead, error = scores.values[TWO, "ahead"], scores.values[ONE, "error"]
    return [*row, float(ahead.mean()), float(error.mean()), scores.seconds]


def chosen(only: Sequence[str] | None) -> list[tuple[str, Method]]:
    """Return the variants with what they vary: the method as it is, and all or some others.

    Args:
        only: Names of the others; None for all.
    """
    known = [(varied, one) for varied, ones in variants().items() for one in ones]
    if only is None:
        return known
    return [known[0], *(pair for pair in known[1:] if pair[1].name in only)]


def measure(arguments: argparse.Namespace) -> Report:
    """Ask every variant; return the report."""
    network = frozen_network()
    gallery = read_gallery(
        network, alone=arguments.alone, beside=arguments.beside, rounds=0, seed=arguments.seed
    ).at_most(max(arguments.alone, arguments.beside))
    queries = gallery.queries
    asked = [
        *((varied, one) for varied, one in chosen(arguments.only)),
        ("other methods", Method("LayerGradCam", grad_cam)),
        ("other methods", Method("centre", centre)),
    ]
    rows: list[list[Cell]] = []
    usual: VariantScores | None = None
    for varied, one in asked:
        started = time.perf_counter()
        scores = score_variant(network, one, queries)
        usual = usual or scores
        rows.append(variant_row(varied, one.name, scores, usual, queries))
        taken = time.perf_counter() - started
        print(f"{rows[-1]} {taken:.0f} s", file=sys.stderr, flush=True)
    command = "python -m benchmarks.localization_variants"
    command += "".join(f" {shlex.quote(word)}" for word in arguments.given)
    title = "Variants of Guided Feature Inversion"
    notes = [*gallery.notes, *_explanations()]
    return Report(title, command, describe_machine(), notes, [Table(COLUMNS, rows)], [])


def _explanations() -> list[str]:
    return [
        f"As it is: l0 = the output of {LAST_BLOCK}, l1 = the input of {POOLING} (1,280 channels "
        "of 7 x 7), background blurred with σ = 11 pixels, 10 + 70 steps, learning rate .01, "
        "absolute loss, γ = 10, λ = 1, δ = 1. Each variant changes what it names.",
        "Pointing, class share, asked-for ahead, localisation error and time as in "
        "`benchmarks.localization`: pointing over all queries, class share and ahead with two "
        "objects, error with one. Differences are to the method as it is, with 95 % bootstrap "
        "intervals over pictures. Many variants are tried on few queries: what looks best here "
        "looks better than it is.",
        "Means of masks cost as many inversions as there are masks.",
    ]


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = report_parser(__doc__)
    parser.add_argument("--alone", type=int, default=8, help="queries of one object, at least")
    parser.add_argument("--beside", type=int, default=16, help="queries of two, at least")
    names = [one.name for _, one in chosen(None)]
    parser.add_argument(
        "--only", nargs="+", choices=names, metavar="NAME", help="and the method as it is"
    )
    parser.add_argument("--seed", type=int, default=SEED, help="not that of the main benchmark")
    arguments = read_words(parser, words)
    refuse_too_few(parser, arguments)
    return arguments


def main(words: Sequence[str] | None = None) -> None:
    """Measure, print, and save where asked."""
    arguments = parse(words)
    measure(arguments).deliver(arguments.output)


if __name__ == "__main__":
    main()

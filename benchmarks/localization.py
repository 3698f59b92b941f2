"""Where methods look when asked for a class: Guided Feature Inversion beside Captum's.

``python -m benchmarks.localization`` pastes photographic cut-outs into photographs, one or two of
different classes in a picture, and sets mosaics of four labelled photographs. For each object whose
class EfficientNet-lite0 ranks in its top 5, every method of
`benchmarks.localization_of_objects.object_methods` says where the class lies; the tables say how
often that is on the object, how well it foretells the prediction, what it costs, and by how much
Guided Feature Inversion is better or worse, with intervals over pictures.

The pictures come from ``pip install -e ".[localization]"`` and, on Debian, from ``apt-get install
tuxpaint-stamps-default``.
"""

from __future__ import annotations

import shlex
import sys
import time
from typing import TYPE_CHECKING

from benchmarks.command_line import read_words, report_parser
from benchmarks.localization_of_objects.gallery import read_gallery
from benchmarks.localization_of_objects.inversion_cost import measure_cost
from benchmarks.localization_of_objects.localization_notes import notes_of
from benchmarks.localization_of_objects.localization_tables import (
    bar_table,
    cost_table,
    difference_table,
    method_row,
    method_table,
    rounding_table,
)
from benchmarks.localization_of_objects.method_scores import TWO, Sizes, score_method
from benchmarks.localization_of_objects.object_methods import (
    AT_LAST_BLOCK,
    INVERSION,
    METHODS,
    chosen_methods,
)
from benchmarks.machine import describe_machine
from benchmarks.results import Report
from invert_captum.demo.network import BATCH_SIZE, load_network

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from torch import nn

    from benchmarks.localization_of_objects.method_scores import MethodScores
    from benchmarks.localization_of_objects.object_methods import Method
    from benchmarks.localization_of_objects.query_pictures import QueryPictures

# The fewest that can be asked for: a bootstrap draws from at least two pictures.
LEAST = {
    **dict.fromkeys(("alone", "beside", "queries", "slow_queries"), 2),
    **dict.fromkeys(("faithful", "sensitive"), 1),
    "repeats": 0,
}
QUICK = {"queries": 6, "slow_queries": 3, "faithful": 1, "sensitive": 1, "repeats": 1}


def frozen_network() -> nn.Module:
    """Return EfficientNet-lite0 whose parameters ask for no gradients."""
    return load_network().requires_grad_(False)


def score_all(
    network: nn.Module,
    methods: Sequence[Method],
    queries: Mapping[str, QueryPictures],
    sizes: Sizes,
) -> list[MethodScores]:
    """Return what every method scores, with a line of progress for each."""
    scores = []
    for method in methods:
        started = time.perf_counter()
        scores.append(score_method(network, method, queries, sizes))
        taken = time.perf_counter() - started
        print(f"{method_row(scores[-1])} {taken:.0f} s", file=sys.stderr, flush=True)
    return scores


def measure(arguments: argparse.Namespace) -> Report:
    """Paste, ask, time; return the report."""
    network = frozen_network()
    gallery = read_gallery(
        network,
        alone=arguments.alone,
        beside=arguments.beside,
        rounds=arguments.rounds,
        seed=arguments.seed,
    )
    if arguments.queries is not None:
        gallery = gallery.at_most(arguments.queries)
    for note in gallery.notes:
        print(note, file=sys.stderr, flush=True)
    two = gallery.queries[TWO]
    # First, while the machine is as it is for all of it.
    cost = None
    if arguments.repeats:
        cost = measure_cost(network, two.inputs[:BATCH_SIZE], two.targets, arguments.repeats)
        print(cost, file=sys.stderr, flush=True)
    sizes = Sizes(arguments.slow_queries, arguments.faithful, arguments.sensitive)
    methods = chosen_methods(arguments.subject, arguments.methods)
    scores = score_all(network, methods, gallery.queries, sizes)
    tables = [
        method_table(scores),
        difference_table(scores),
        bar_table(scores, cost),
    ]
    if cost is not None:
        tables += [cost_table(cost), rounding_table(cost)]
    command = "python -m benchmarks.localization"
    command += "".join(f" {shlex.quote(word)}" for word in arguments.given)
    title = "Where methods look when asked for a class"
    if arguments.subject != INVERSION:
        title += f", held against {arguments.subject}"
    notes = notes_of(gallery, scores, sizes, arguments)
    return Report(title, command, describe_machine(), notes, tables, [])


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = report_parser(__doc__)
    parser.add_argument("--alone", type=int, default=60, help="queries of one object, at least")
    parser.add_argument("--beside", type=int, default=100, help="queries of two, at least")
    parser.add_argument("--rounds", type=int, default=2, help="mosaics of each photograph")
    parser.add_argument(
        "--subject",
        choices=[INVERSION, AT_LAST_BLOCK],
        default=INVERSION,
        help="what sees all queries, and others are held against",
    )
    names = [one.name for one in METHODS]
    parser.add_argument("--methods", nargs="+", choices=names, metavar="NAME", help="the others")
    parser.add_argument("--queries", type=int, help="of each kind, at most")
    parser.add_argument("--slow-queries", type=int, default=12, help="of each, for slow methods")
    parser.add_argument("--faithful", type=int, default=8, help="of these, for insertion etc.")
    parser.add_argument("--sensitive", type=int, default=2, help="of these, for sensitivity")
    parser.add_argument(
        "--repeats", type=int, default=3, help="of what costs are measured by; 0 for none"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="a check of minutes")
    arguments = read_words(parser, words)
    if arguments.quick:
        vars(arguments).update(QUICK)
    refuse_too_few(parser, arguments)
    return arguments


def refuse_too_few(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """End the program if an option asks for fewer than can be measured."""
    for name, least in LEAST.items():
        number = getattr(arguments, name, None)
        if number is not None and number < least:
            option = "--" + name.replace("_", "-")
            parser.error(f"{option} is {number}; expected {least} or more")


def main(words: Sequence[str] | None = None) -> None:
    """Measure, print, and save where asked."""
    arguments = parse(words)
    measure(arguments).deliver(arguments.output)


if __name__ == "__main__":
    main()

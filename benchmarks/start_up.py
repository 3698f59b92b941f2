"""How long importing the package and asking the command line for help take.

Every round starts fresh Python processes, one after the other: an empty one, one that imports torch
and Captum, one that imports the package, too, and the command with ``--help``.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.command_line import read_words, report_parser
from benchmarks.machine import describe_machine
from benchmarks.results import Cell, Report, Table

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

COLUMNS = ["what", "median s", "least s", "most s", "bar", "bar met"]
_OTHERS = "import torch, captum.attr, captum.concept"
IMPORTS = {
    "python, nothing imported": "",
    "torch and captum": _OTHERS,
    "torch, captum and invert_captum": f"{_OTHERS}, invert_captum",
}
WITHOUT, WITH = list(IMPORTS)[1:]
BEYOND = "invert_captum beyond torch and captum"
HELP = "invert-captum --help"
BARS = {BEYOND: 0.5, HELP: 1.0}


def command() -> str:
    """Return the path of ``invert-captum`` beside this Python.

    Raises:
        FileNotFoundError: If the package is not installed there.
    """
    beside = shutil.which("invert-captum", path=str(Path(sys.executable).parent))
    if beside is None:
        raise FileNotFoundError(f"there is no invert-captum beside {sys.executable}: install it")
    return beside


def seconds(words: Sequence[str]) -> float:
    """Return the wall-clock time of a process, which must succeed."""
    started = time.perf_counter()
    subprocess.run(words, check=True, capture_output=True)  # noqa: S603 - our own commands
    return time.perf_counter() - started


def time_rounds(rounds: int) -> dict[str, list[float]]:
    """Return the times of every process, one a round, in the same order."""
    processes = {what: [sys.executable, "-c", code] for what, code in IMPORTS.items()}
    processes[HELP] = [command(), "--help"]
    for words in processes.values():  # Files come into the cache, compiled modules to the disk.
        seconds(words)
    times: dict[str, list[float]] = {what: [] for what in processes}
    for _ in range(rounds):
        for what, words in processes.items():
            times[what].append(seconds(words))
    times[BEYOND] = [w - o for w, o in zip(times[WITH], times[WITHOUT], strict=True)]
    return times


def row(what: str, times: Sequence[float]) -> list[Cell]:
    """Return what the table says of one process."""
    median = statistics.median(times)
    bar = BARS.get(what)
    goal = ["–", "–"] if bar is None else [f"{bar:g}", "yes" if median <= bar else "no"]
    return [what, median, min(times), max(times), *goal]


def measure(arguments: Namespace) -> Report:
    """Time all and return the report."""
    times = time_rounds(arguments.rounds)
    notes = [
        f"{arguments.rounds} rounds after one that is not counted; in each round every process "
        "runs once, and the difference of two imports is that of the same round.",
        "Importing the package loads neither torch nor Captum: its public names are resolved when "
        "they are first used.",
    ]
    words = "python -m benchmarks.start_up" + "".join(f" {word}" for word in arguments.given)
    rows = [row(what, times[what]) for what in times]
    title = "Time to import the package and to answer --help"
    return Report(title, words, describe_machine(), notes, [Table(COLUMNS, rows)], [])


def parse(words: Sequence[str] | None) -> Namespace:
    """Read the command line."""
    parser = report_parser(__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="how often each process runs")
    parser.add_argument("--check", action="store_true", help="fail where a bar is not met")
    return read_words(parser, words)


def main(words: Sequence[str] | None = None) -> None:
    """Measure, print, save and check where asked."""
    arguments = parse(words)
    report = measure(arguments)
    report.deliver(arguments.output)
    missed = [one[0] for one in report.tables[0].rows if one[-1] == "no"]
    if arguments.check and missed:
        raise SystemExit(f"too slow: {', '.join(map(str, missed))}")


if __name__ == "__main__":
    main()

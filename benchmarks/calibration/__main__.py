"""The command line of the calibration studies."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.calibration import demo, figures, groups, noise, signal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.results import Report

STUDIES = ("noise", "groups", "signal", "demo")
HOME = Path(__file__).parents[1]


def run_study(name: str, folder: Path | None, *, quick: bool, command: str) -> Report:
    """Run a study, print its report, and save it with its figure where a folder is given."""
    image = f"images/calibration_{name}.png"
    if name == "noise":
        report, drawn = noise.run(noise.QUICK if quick else noise.NoiseSizes(), command, image)
        if folder:
            figures.draw_noise(drawn, folder / image)
    elif name == "signal":
        report, cells = signal.run(signal.QUICK if quick else signal.SignalSizes(), command, image)
        if folder:
            figures.draw_power(cells, folder / image)
    elif name == "groups":
        report = groups.run(groups.QUICK if quick else groups.GroupSizes(), command)
    else:
        report = demo.run(demo.QUICK if quick else demo.DemoSizes(), command)
    report.deliver(folder / f"results/calibration_{name}.json" if folder else None)
    return report


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration")
    parser.add_argument("study", nargs="?", default="all", choices=[*STUDIES, "all"])
    parser.add_argument(
        "--output",
        type=Path,
        help="the folder of results/ and images/; without it benchmarks/, or none with --quick",
    )
    parser.add_argument("--quick", action="store_true", help="tiny versions, to try the code")
    return parser.parse_args(sys.argv[1:] if words is None else words)


def main(words: Sequence[str] | None = None) -> None:
    """Run the studies that were asked for."""
    arguments = parse(words)
    folder = arguments.output or (None if arguments.quick else HOME)
    for name in STUDIES if arguments.study == "all" else (arguments.study,):
        started = time.perf_counter()
        command = f"python -m benchmarks.calibration {name}" + " --quick" * arguments.quick
        run_study(name, folder, quick=arguments.quick, command=command)
        print(f"\n{name}: {time.perf_counter() - started:.0f} s\n", flush=True)


if __name__ == "__main__":
    main()

"""How time and peak memory grow with n, d, k, L, the beam and the density of the labels.

``python -m benchmarks.scale`` changes one of the six at a time, the others as in `BASE`, and
measures `label_neurons` with its default test, every point in a process of its own
(`benchmarks.scale_point` says how, and what memory means). It prints all points and the exponents p
of the least-squares fits ``time ∝ xᵖ`` and ``memory ∝ xᵖ`` on logarithms, and draws them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from benchmarks.command_line import read_words, report_parser
from benchmarks.machine import describe_machine
from benchmarks.results import Report, Table
from benchmarks.scale_plot import draw
from benchmarks.scale_point import Point

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).parents[1]
IMAGE = Path(__file__).parent / "images" / "scale.png"
BASE = Point(n=50_000, d=512, k=1_000, max_length=3, beam_width=3, density=0.01)
SWEEPS: dict[str, Sequence[float]] = {
    "n": (12_500, 25_000, 50_000, 100_000, 200_000),
    "d": (128, 256, 512, 1_024, 2_048),
    "k": (125, 250, 500, 1_000, 2_000, 4_000),
    "max_length": (1, 2, 3, 4, 5, 6),
    "beam_width": (1, 2, 4, 8, 16, 32),
    "density": (0.0025, 0.005, 0.01, 0.02, 0.04, 0.08),
}
NAMES = {"max_length": "L", "beam_width": "B", "density": "label density"}
QUICK = Point(n=1_000, d=4, k=20, max_length=2, beam_width=2, density=0.1)
MIB = 2**20


@dataclass(frozen=True)
class Measured:
    """One point: what was changed, to which value, and what it took."""

    changed: str
    value: float
    seconds: float
    peak_bytes: float


def measure_point(point: Point, *, threads: int, repeats: int) -> dict[str, float]:
    """Return seconds and peak bytes of a point, from a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        point.write(Path(folder), threads=threads, repeats=repeats)
        command = [sys.executable, "-m", "benchmarks.scale_point", folder]
        run = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    measured: dict[str, float] = json.loads(run.stdout)
    return measured


def sweep(
    base: Point, values: Mapping[str, Sequence[float]], *, threads: int, repeats: int
) -> list[Measured]:
    """Measure all points, printing each as it comes."""
    measured = []
    for changed, several in values.items():
        for value in several:
            changes: dict[str, Any] = {changed: value}
            numbers = measure_point(replace(base, **changes), threads=threads, repeats=repeats)
            measured.append(Measured(NAMES.get(changed, changed), value, **numbers))
            print(f"{measured[-1]}", file=sys.stderr)
    return measured


def exponent(values: Sequence[float], quantities: Sequence[float]) -> float:
    """Return p of the least-squares fit ``quantity ∝ valueᵖ`` on logarithms."""
    return float(np.polyfit(np.log(values), np.log(np.maximum(quantities, 4096)), 1)[0])


def tables(measured: Sequence[Measured], n_neurons: int) -> list[Table]:
    """Return the exponents, then all points."""
    exponents: list[list[str | int | float]] = []
    for changed in dict.fromkeys(one.changed for one in measured):
        chosen = [one for one in measured if one.changed == changed]
        values = [one.value for one in chosen]
        fits = (
            exponent(values, [1e6 * one.seconds for one in chosen]),
            exponent(values, [one.peak_bytes for one in chosen]),
        )
        exponents.append([changed, f"{min(values):,} to {max(values):,}", *fits])
    points: list[list[str | int | float]] = [
        [
            one.changed,
            f"{one.value:,}",
            one.seconds,
            1e3 * one.seconds / (one.value if one.changed == "d" else n_neurons),
            one.peak_bytes / MIB,
        ]
        for one in measured
    ]
    return [
        Table(["changed", "range", "exponent of time", "exponent of memory"], exponents),
        Table(["changed", "to", "seconds", "ms per neuron", "peak MiB"], points),
    ]


def report(measured: Sequence[Measured], base: Point, arguments: argparse.Namespace) -> Report:
    """Return the report on the measured points."""
    notes = [
        f"n = {base.n:,} samples, d = {base.d:,} neurons, k = {base.k:,} concepts, "
        f"L = {base.max_length}, B = {base.beam_width}, label density {base.density}; one of them "
        f"changes at a time. Hold-out test, {arguments.threads} threads.",
        f"Seconds: the least of {arguments.repeats} calls. Peak: what the first call needs at most "
        "on top of the interpreter, the libraries and its inputs.",
        "Exponents are fitted to all points of a row; a part that does not grow pulls them down.",
    ]
    return Report(
        title="Growth of time and peak memory",
        command="python -m benchmarks.scale" + "".join(f" {word}" for word in arguments.given),
        machine=describe_machine(),
        notes=notes,
        tables=tables(measured, base.d),
        images=["images/scale.png"],
    )


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = report_parser(__doc__)
    parser.add_argument("--quick", action="store_true", help="two tiny points each, to try it out")
    parser.add_argument("--only", nargs="+", choices=SWEEPS, default=list(SWEEPS))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--image", type=Path, default=IMAGE, help="where the plot goes")
    return read_words(parser, words)


def main(words: Sequence[str] | None = None) -> None:
    """Measure, print, draw, and save where asked."""
    arguments = parse(words)
    base, values = BASE, SWEEPS
    if arguments.quick:
        base, values = QUICK, {name: several[:2] for name, several in SWEEPS.items()}
        values |= {"n": (1_000, 2_000), "density": (0.1, 0.2)}
    values = {name: values[name] for name in arguments.only}
    measured = sweep(base, values, threads=arguments.threads, repeats=arguments.repeats)
    result = report(measured, base, arguments)
    print(result.text())
    draw(measured, arguments.image)
    if arguments.output:
        result.save(arguments.output)


if __name__ == "__main__":
    main()

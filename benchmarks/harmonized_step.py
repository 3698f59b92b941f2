"""What a harmonized training step costs beside a plain one.

``python -m benchmarks.harmonized_step`` trains ResNet-18 and a small network with batch norm on
random pictures and maps: a plain step (cross-entropy with smoothed labels, SGD with weight decay)
and a harmonized step on the same batch, one after the other in each repeat, on one thread.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torchvision.models import resnet18

from benchmarks.command_line import read_words, report_parser
from benchmarks.machine import describe_machine
from benchmarks.results import Report, Table
from invert_captum.alignment.loss.harmonization_loss import HarmonizationLoss
from invert_captum.alignment.training.harmonization_step import harmonization_step

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from benchmarks.results import Cell

BAR = 4.0
N_CLASSES = 10


def small_network() -> nn.Module:
    """Return four convolutions with batch norm, as for pictures of 32 by 32."""
    layers: list[nn.Module] = []
    for before, after in ((3, 16), (16, 32), (32, 64), (64, 64)):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU()]
        layers += [nn.MaxPool2d(2)] if after == 32 else []
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, N_CLASSES))


def seconds(step: Callable[[], object]) -> float:
    """Return how long a step took."""
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def step_times(
    model: nn.Module, n_images: int, side: int, repeats: int, seed: int = 0
) -> tuple[list[float], list[float]]:
    """Return the seconds of plain and of harmonized steps, in turn, on one batch."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(n_images, 3, side, side, generator=generator)
    heatmaps = torch.rand(n_images, side, side, generator=generator)
    labels = torch.randint(N_CLASSES, (n_images,), generator=generator)
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, weight_decay=1e-5)
    undecayed = torch.optim.SGD(model.parameters(), lr=1e-3)
    entropy, loss = nn.CrossEntropyLoss(label_smoothing=0.1), HarmonizationLoss()

    def plain() -> None:
        optimizer.zero_grad()
        entropy(model(images), labels).backward()
        optimizer.step()

    def harmonized() -> None:
        harmonization_step(model, undecayed, images, labels, heatmaps, loss=loss)

    plain()
    harmonized()
    pairs = [(seconds(plain), seconds(harmonized)) for _ in range(repeats)]
    first, second = zip(*pairs, strict=True)
    return list(first), list(second)


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line's arguments."""
    parser = report_parser(__doc__)
    parser.add_argument("--repeats", type=int, default=10, help="pairs of steps")
    parser.add_argument("--quick", action="store_true", help="small pictures, to try the command")
    return read_words(parser, words)


def measure(arguments: argparse.Namespace) -> Report:
    """Time the steps of each network."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    cases = [
        ("ResNet-18", resnet18(num_classes=N_CLASSES), 2 if arguments.quick else 8, 224),
        ("four convolutions with batch norm", small_network(), 64, 32),
    ]
    rows: list[list[Cell]] = []
    for name, model, n_images, side in cases:
        side = 32 if arguments.quick else side
        plain, harmonized = step_times(model, n_images, side, arguments.repeats)
        ratios = np.divide(harmonized, plain)
        ratio = float(np.median(harmonized) / np.median(plain))
        spread = f"{ratios.min():.2f} to {ratios.max():.2f}"
        met = "yes" if ratio <= BAR else "no"
        rows.append(
            [name, f"{n_images} x 3 x {side} x {side}", float(np.median(plain)),
             float(np.median(harmonized)), ratio, spread, met]
        )  # fmt: skip
    columns = [
        *("network", "batch", "plain step, s", "harmonized step, s", "ratio of medians"),
        *("ratios of pairs", f"at most {BAR:g}"),
    ]
    return Report(
        title="A harmonized training step beside a plain one",
        command=f"python -m benchmarks.harmonized_step {' '.join(arguments.given)}".strip(),
        machine=describe_machine(),
        notes=[
            "A plain step is forward, cross-entropy with smoothed labels, backward and SGD; a "
            "harmonized step adds the gradient at the pictures and its derivative.",
            f"Medians of {arguments.repeats} repeats, the two steps in turn, on one thread.",
        ],
        tables=[Table(columns, rows)],
        images=[],
    )


def main(words: Sequence[str] | None = None) -> None:
    """Measure, print, and save where asked."""
    arguments = parse(words)
    measure(arguments).deliver(arguments.output)


if __name__ == "__main__":
    main()

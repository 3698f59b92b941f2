"""Noise that is constant within groups: what groups are for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.calibration import methods
from benchmarks.calibration.activations import CONTINUOUS, grouped_noise
from benchmarks.calibration.bands import binomial_band, share_at_most
from benchmarks.calibration.emoji_labels import read_labels
from benchmarks.calibration.noise import LEVELS, verdict
from benchmarks.calibration.steps import report_step
from benchmarks.machine import describe_machine
from benchmarks.results import Report, Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.calibration.methods import Method
    from benchmarks.results import Cell
    from invert_captum.demo.emoji import Emoji

GROUPED_KINDS = (CONTINUOUS, "ReLU, 50 % zeros", "ReLU, 90 % zeros")
SMALLEST, LARGEST = 2, 8


@dataclass(frozen=True)
class GroupSizes:
    """How large the study is.

    Attributes:
        neurons: Of each kind.
        permutations: Of each permutation test.
    """

    neurons: int = 2_000
    permutations: int = 1_999


QUICK = GroupSizes(neurons=4, permutations=99)


def artificial_groups(emoji: list[Emoji], seed: int) -> NDArray[np.int64]:
    """Return groups of 2 to 8 emoji that Unicode puts next to each other, int64 of shape (n,).

    Neighbours by category and subcategory have most concepts in common, as near-duplicates do; the
    last group may be smaller.
    """
    order = sorted(range(len(emoji)), key=lambda i: (emoji[i].category, emoji[i].subcategory, i))
    rng = np.random.default_rng(seed)
    sizes = rng.integers(SMALLEST, LARGEST + 1, len(emoji))
    groups = np.empty(len(emoji), np.int64)
    groups[order] = np.repeat(np.arange(len(emoji)), sizes)[: len(emoji)]
    return groups


def tests(n_permutations: int) -> list[tuple[Method, bool]]:
    """Return methods, and whether each is told the groups."""
    own = methods.permutation("own_null", n_permutations)
    # The shared table is for samples without groups only, and cheap.
    by_ties = methods.permutation("random_tie_breaks", n_permutations)
    pairs = [(methods.HOLD_OUT, True), (methods.HOLD_OUT, False)]
    pairs += [(methods.TWO_FOLDS, True), (methods.TWO_FOLDS, False)]
    return [*pairs, (own, True), (by_ties, False)]


def rows_of(name: str, groups: NDArray[np.int64], sizes: GroupSizes) -> list[list[Cell]]:
    """Return the table's rows of one grouping."""
    concepts = read_labels().concepts
    rows: list[list[Cell]] = []
    for kind in GROUPED_KINDS:
        activations = grouped_noise(kind, groups, sizes.neurons, seed=0)
        for method, told in tests(sizes.permutations):
            given = {"groups": groups.tolist()} if told else {}
            found = methods.p_values(methods.label(activations, concepts, method, **given))
            cells: list[Cell] = []
            places = []
            for level in LEVELS:
                band, share = binomial_band(level, sizes.neurons), share_at_most(found, level)
                places.append(band.place(share))
                cells += [share, places[-1]]
            promise = methods.VALID if told else methods.NO_PROMISE
            told_or_not = "with groups" if told else "without"
            kept = verdict(promise, places, ties=True)
            report_step(f"{name}, {kind}: {method.name}, {told_or_not} {cells}")
            rows.append([name, kind, method.name, told_or_not, *cells, kept])
    return rows


def run(sizes: GroupSizes, command: str) -> Report:
    """Run the study.

    Args:
        sizes: How large it is.
        command: What the user called.
    """
    labels = read_labels()
    groupings = {
        "near-duplicates of the demo": labels.groups,
        f"runs of {SMALLEST} to {LARGEST} neighbours": artificial_groups(labels.emoji, seed=0),
    }
    rows = [row for name, groups in groupings.items() for row in rows_of(name, groups, sizes)]
    columns = ["groups", "noise", "method", "told the groups"]
    for level in LEVELS:
        columns += [f"share p ≤ {level}", "share is"]
    counts = {name: np.bincount(groups) for name, groups in groupings.items()}
    notes = [
        f"{sizes.neurons:,} neurons a kind, the same activation for every emoji of a group; L = 3, "
        f"B = 5, min_fraction 0.02; {sizes.permutations:,} permutations.",
        *(
            f"Groups, {name}: {len(of):,} of {int(of.sum()):,} emoji, {int(of.max())} at most, "
            f"{int((of == 1).sum()):,} of one."
            for name, of in counts.items()
        ),
        "The 99 % binomial bands: "
        + " and ".join(f"{binomial_band(level, sizes.neurons)} at {level}" for level in LEVELS)
        + ". Told the groups, a test may not be above them.",
    ]
    title = "Noise that is constant within groups"
    return Report(
        title, command, describe_machine(), notes, [Table([*columns, "as promised"], rows)], []
    )

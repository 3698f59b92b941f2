"""Noise stays noise: how often each method calls a neuron significant that responds to nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import scipy.stats

from benchmarks.calibration import methods
from benchmarks.calibration.activations import CONTINUOUS, KINDS, noise
from benchmarks.calibration.approximation import LEVELS, approximation_table
from benchmarks.calibration.bands import (
    Band,
    binomial_band,
    share_at_most,
    shared_table_band,
)
from benchmarks.calibration.emoji_labels import read_labels
from benchmarks.calibration.familywise import familywise_table
from benchmarks.calibration.steps import report_step
from benchmarks.machine import describe_machine
from benchmarks.results import Report, Table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from benchmarks.calibration.methods import Method
    from benchmarks.results import Cell

SEEDS = (0, 1, 2)
# Half of these are about the fewest that any formula has on the held-out half.
MANY_POSITIVES, FEWEST_HELD_OUT = 60, 10
KS_LEVEL = 0.001


@dataclass(frozen=True)
class NoiseSizes:
    """How large the study is.

    Attributes:
        neurons: Of each kind.
        permutations: Of each permutation test, at least 999.
        splits: Of the study of the normal approximation,
        neurons_per_split: and how many neurons for each.
        repetitions: Of the family-wise study,
        family: and how many neurons a family has.
    """

    neurons: int = 2_000
    permutations: int = 9_999
    splits: int = 5
    neurons_per_split: int = 4_000
    repetitions: int = 100
    family: int = 100


QUICK = NoiseSizes(
    neurons=10, permutations=999, splits=1, neurons_per_split=10, repetitions=1, family=5
)
NoiseP = dict[str, dict[str, "NDArray[np.float64]"]]


def methods_of(kind: str, n_permutations: int) -> list[Method]:
    """Return the methods for a kind of noise; without ties all permutation tests are one."""
    tied = ("own_null", "random_tie_breaks", "untied_approximation")
    return [
        methods.IN_SAMPLE,
        methods.HOLD_OUT,
        *(
            methods.permutation(name, n_permutations)
            for name in (tied if kind != CONTINUOUS else ("random_tie_breaks",))
        ),
        methods.TWO_FOLDS,
        *(methods.five_folds(name) for name in ("mean", "median", "forward_stouffer")),
        methods.calibrated_folds(n_permutations),
    ]


def draw(sizes: NoiseSizes) -> NoiseP:
    """Return the p-values of every kind of noise by every method."""
    concepts = read_labels().concepts
    drawn: NoiseP = {}
    for kind in KINDS:
        activations = noise(kind, concepts.n_samples, sizes.neurons, seed=0)
        drawn[kind] = {}
        for method in methods_of(kind, sizes.permutations):
            result = methods.label(activations, concepts, method)
            drawn[kind][method.name] = methods.p_values(result)
            shares = [share_at_most(drawn[kind][method.name], level) for level in LEVELS]
            report_step(f"{kind}: {method.name} {shares}")
            if method is methods.HOLD_OUT:
                approximated = methods.normal_p_values(result, activations, concepts)
                drawn[kind][methods.NORMAL_NAME] = approximated
    return drawn


def band_of(method: Method | None, kind: str, level: float, sizes: NoiseSizes) -> Band:
    """Return the band of a method; None is the normal approximation."""
    arguments = {} if method is None else method.arguments
    own = kind != CONTINUOUS and arguments.get("tied_neurons") == "own_null"
    if arguments.get("significance") == "permutation" and not own:
        return shared_table_band(level, sizes.neurons, sizes.permutations)
    return binomial_band(level, sizes.neurons)


def verdict(promise: str, places: list[str], *, ties: bool) -> str:
    """Return whether a promise was kept, given where the shares lie in their bands."""
    if promise == methods.NO_PROMISE:
        return "no promise"
    broken = "above" in places or (promise == methods.EXACT and not ties and "below" in places)
    return "NO" if broken else "yes"


def size_table(drawn: NoiseP, sizes: NoiseSizes) -> Table:
    """Return the share of p-values at or below each level."""
    rows: list[list[Cell]] = []
    for kind, by_method in drawn.items():
        known = {one.name: one for one in methods_of(kind, sizes.permutations)}
        for name, found in by_method.items():
            method = known.get(name)
            promise = methods.NO_PROMISE if method is None else method.promise
            cells: list[Cell] = []
            places = []
            for level in LEVELS:
                band, share = band_of(method, kind, level, sizes), share_at_most(found, level)
                places.append(band.place(share))
                cells += [share, str(band), places[-1]]
            rows.append([kind, name, *cells, verdict(promise, places, ties=kind != CONTINUOUS)])
    columns = ["noise", "method"]
    for level in LEVELS:
        columns += [f"share p ≤ {level}", "99 % band", "share is"]
    return Table([*columns, "as promised"], rows)


def uniformity_table(drawn: NoiseP, sizes: NoiseSizes) -> Table:
    """Return the Kolmogorov–Smirnov tests: uniform without ties, else not below uniform."""
    concepts = read_labels().concepts
    rows: list[list[Cell]] = []
    for seed in SEEDS:
        activations = noise(CONTINUOUS, concepts.n_samples, sizes.neurons, seed=100 + seed)
        result = methods.label(
            activations, concepts, methods.HOLD_OUT, seed, min_positives=MANY_POSITIVES
        )
        positives = methods.heldout_positives(result, concepts)
        kept = methods.p_values(result)[positives >= FEWEST_HELD_OUT]
        p_value = float(scipy.stats.kstest(kept, "uniform").pvalue)
        test = f"uniform, seed {seed}, at least {positives.min()} held-out positives"
        report_step(f"{test}: KS p {p_value:.3g}")
        rows.append([CONTINUOUS, "hold-out", test, len(kept), p_value, _passed(p_value)])
    for kind, by_method in drawn.items():
        for name in ("hold-out", "permutation, own null"):
            if kind == CONTINUOUS or name not in by_method:
                continue
            found = by_method[name]
            p_value = float(scipy.stats.kstest(found, "uniform", alternative="greater").pvalue)
            rows.append([kind, name, "super-uniform", len(found), p_value, _passed(p_value)])
    return Table(["noise", "method", "tested", "neurons", "KS p", f"p > {KS_LEVEL}"], rows)


def _passed(p_value: float) -> str:
    return "yes" if p_value > KS_LEVEL else "NO"


def run(sizes: NoiseSizes, command: str, image: str) -> tuple[Report, NoiseP]:
    """Run the study.

    Args:
        sizes: How large it is.
        command: What the user called.
        image: Where the figure will be, relative to ``benchmarks/``.

    Returns:
        The report, and the p-values for the figure.
    """
    drawn = draw(sizes)
    concepts = read_labels().concepts
    tables = [
        size_table(drawn, sizes),
        approximation_table(sizes.neurons_per_split, sizes.splits),
        uniformity_table(drawn, sizes),
        familywise_table(sizes.repetitions, sizes.family),
    ]
    notes = [
        f"Independent noise in place of activations, {sizes.neurons:,} neurons a kind; the labels "
        f"are the {concepts.n_concepts} concepts of {concepts.n_samples:,} emoji; L = 3, B = 5, "
        f"min_fraction 0.02; {sizes.permutations:,} permutations.",
        "Bands are of 99 %: binomial, and beta-binomial where all neurons share one null table "
        "(standard error about √(α(1−α)/P + α(1−α)/d)).",
        "As promised: not above the band; without ties not below it either, where the method is "
        "exact (hold-out, permutation, forward folds, calibrated folds).",
        f"Uniformity of hold-out: min_positives {MANY_POSITIVES}, so that every formula has at "
        f"least {FEWEST_HELD_OUT} held-out positives; activations and split differ by seed.",
        f"The normal approximation, on {sizes.splits} splits: tests with the exact distribution or "
        "the saddlepoint, and with the approximation, of the same formulas.",
        f"Families: {sizes.repetitions} of {sizes.family} noise neurons, each with its own seed; "
        "at most 11 of 100 may name any.",
    ]
    title = "Noise stays noise: the size of every test"
    return Report(title, command, describe_machine(), notes, tables, [image]), drawn

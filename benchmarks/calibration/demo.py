"""The real demo: how many neurons of the network each method names, and how many when it may not.

The labels are those of the demo, then the same ones dealt to the emoji at random
(`invert_captum.shuffled`), of which no neuron knows anything.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import invert_captum as ic
from benchmarks.calibration import methods
from benchmarks.calibration.emoji_labels import read_labels
from benchmarks.calibration.methods import Method
from benchmarks.calibration.steps import report_step
from benchmarks.machine import describe_machine
from benchmarks.neurons import synthetic_activations
from benchmarks.results import Report, Table
from invert_captum.demo.network import load_network
from invert_captum.demo.run import extract
from invert_captum.significance import correct_p_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.results import Cell

ALPHA = 0.05
WITH_GROUPS = "hold-out, with groups"


@dataclass(frozen=True)
class DemoSizes:
    """How large the study is.

    Attributes:
        neurons: The first so many of the network; None for all 1,280.
        synthetic: Whether made-up neurons stand in for them, which spares the network.
        shuffles: How many times the labels are dealt at random.
        own: Permutations where each neuron has its own null,
        joint: and for max-T.
    """

    neurons: int | None = None
    synthetic: bool = False
    shuffles: int = 5
    own: int = 999
    joint: int = 200


QUICK = DemoSizes(neurons=20, synthetic=True, shuffles=1, own=99, joint=20)


def demo_methods(sizes: DemoSizes) -> list[tuple[Method, str]]:
    """Return methods and a correction each; None permutations are as many as Holm's needs."""
    joint = methods.permutation("own_null", sizes.joint).arguments
    return [
        (methods.IN_SAMPLE, "holm"),
        (methods.HOLD_OUT, "holm"),
        (Method(WITH_GROUPS, methods.EXACT), "holm"),
        (methods.TWO_FOLDS, "holm"),
        (methods.permutation("random_tie_breaks", None), "holm"),
        (methods.permutation("own_null", sizes.own), "holm"),
        (methods.calibrated_folds(None), "holm"),
        (Method("max-T, standardised", methods.EXACT, joint), "westfall_young"),
        (Method("max-T, raw", methods.EXACT, joint), "westfall_young_raw"),
    ]


def activations_of(sizes: DemoSizes) -> NDArray[Any]:
    """Return the activations of the demo's layer, float32 of shape (n, d)."""
    labels = read_labels()
    if sizes.synthetic:
        rng = np.random.default_rng(0)
        return synthetic_activations(labels.concepts.labels, sizes.neurons or 1_280, rng)
    return extract(load_network(), labels.emoji).numpy()[:, : sizes.neurons]


def named(
    activations: NDArray[Any], concepts: ic.ConceptSet, method: Method, correction: str
) -> tuple[int, int | None]:
    """Return how many neurons a method names: with a family-wise correction, and with BH.

    Max-T corrects for the family only: None for BH.
    """
    groups = read_labels().groups.tolist()
    given = {"groups": groups} if method.name == WITH_GROUPS else {}
    result = methods.label(activations, concepts, method, correction=correction, **given)
    family = sum(bool(one.significant) for one in result.explanations)
    if correction != "holm":
        return family, None
    _, by_rate = correct_p_values(methods.p_values(result), method="fdr_bh", alpha=ALPHA)
    return family, int(by_rate.sum())


def row_of(
    activations: NDArray[Any],
    concepts: ic.ConceptSet,
    dealt: list[ic.ConceptSet],
    method: Method,
    correction: str,
) -> list[Cell]:
    """Return the table's row of a method: with the labels, then with those that were dealt."""
    started = time.perf_counter()
    family, by_rate = named(activations, concepts, method, correction)
    seconds = time.perf_counter() - started
    false = [named(activations, one, method, correction) for one in dealt]
    report_step(f"{method.name}: {family}, {by_rate}; shuffled {false}")
    false_by_rate = [pair[1] for pair in false if pair[1] is not None]
    return [
        method.name,
        "Holm" if correction == "holm" else "max-T",
        family,
        "–" if by_rate is None else f"{by_rate:,}",
        f"{np.median([pair[0] for pair in false]):,.0f}",
        f"{np.median(false_by_rate):,.0f}" if false_by_rate else "–",
        ", ".join(str(count) for count in false_by_rate or [pair[0] for pair in false]),
        seconds,
    ]


def run(sizes: DemoSizes, command: str) -> Report:
    """Run the study.

    Args:
        sizes: How large it is.
        command: What the user called.
    """
    concepts = read_labels().concepts
    activations = activations_of(sizes)
    dealt = [ic.shuffled(concepts, seed) for seed in range(sizes.shuffles)]
    rows = [
        row_of(activations, concepts, dealt, method, correction)
        for method, correction in demo_methods(sizes)
    ]
    shuffled = f"shuffled labels, median of {sizes.shuffles}"
    columns = [
        "method", "family-wise by", "named, family-wise", "named, BH", f"family-wise, {shuffled}",
        f"BH, {shuffled}", "each shuffle, BH or max-T", "seconds",
    ]  # fmt: skip
    return Report(
        "The demo's network: how many neurons are significant",
        command,
        describe_machine(),
        notes_of(sizes, activations),
        [Table(columns, rows)],
        [],
    )


def notes_of(sizes: DemoSizes, activations: NDArray[Any]) -> list[str]:
    """Return what explains the numbers."""
    n_tied = sum(len(np.unique(values)) < len(values) for values in activations.T)
    n_neurons = activations.shape[1]
    what = "synthetic neurons" if sizes.synthetic else "neurons of EfficientNet-lite0"
    needed = round(n_neurons / ALPHA) - 1
    return [
        f"{n_neurons:,} {what}, of which {n_tied:,} have ties; L = 3, B = 5, min_fraction 0.02; "
        f"significant at {ALPHA} after the correction. Shuffled labels: false alarms.",
        f"Permutations: {needed:,} with random ties and for calibrated folds, which Holm's "
        f"correction needs; {sizes.own:,} with each neuron's own null, with which Holm's can "
        f"reject nothing; {sizes.joint:,} for max-T.",
    ]

"""What it does to a concept's probe to switch off the neurons that are labelled with the concept.

``python -m benchmarks.ablation`` labels the demo's network on the emoji, as the demo does. For each
concept a logistic regression is fitted on the activations of the samples that the search saw. On
the held-out samples it is asked by how much the balanced accuracy of this probe falls when the
neurons labelled with the concept are set to zero, or to their mean over the searched samples;
compared with

- **random neurons**: as many others, the mean of some draws;
- **disjoint concepts**: what the same neurons do to the probes of the concepts that share no emoji
  with theirs, the mean over these.

A neuron is labelled with a concept that its formula has as a literal that is not negated, if the
formula's AUC on the held-out samples is above 0.7. Concepts count with at least three such neurons
and eight positives in either half.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import rankdata, wilcoxon

import invert_captum as ic
from benchmarks.calibration.demo import DemoSizes, activations_of
from benchmarks.calibration.emoji_labels import read_labels
from benchmarks.calibration.steps import report_step
from benchmarks.command_line import read_words, report_parser
from benchmarks.linear_probes import fit_probe
from benchmarks.machine import describe_machine
from benchmarks.probe_ablations import (
    MIN_AUC,
    MIN_NEURONS,
    MIN_POSITIVES,
    SELECTIONS,
    VALUES,
    Ablations,
    Case,
    Halves,
    Selection,
    cases_of,
)
from benchmarks.results import Report, Table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from benchmarks.results import Cell

MIN_CONCEPTS = 20
GOAL = 0.01


def labelled_halves(arguments: argparse.Namespace) -> Halves:
    """Label the network, or synthetic neurons, as the demo does."""
    labels = read_labels()
    sizes = DemoSizes(neurons=arguments.neurons, synthetic=arguments.synthetic)
    activations = activations_of(sizes)
    report_step(f"activations {activations.shape}")
    result = ic.label_neurons(
        activations,
        labels.concepts,
        max_length=3,
        beam_width=5,
        min_positives=12,
        significance="holdout",
        groups=labels.groups.tolist(),
        seed=0,
    )
    report_step("labels")
    heldout = result.heldout
    if heldout is None:
        raise RuntimeError("the labelling has no held-out half")
    present = {name: labels.concepts[name] for name in labels.concepts}
    return Halves(activations.astype(np.float64), present, heldout, result)


def rank_biserial(differences: NDArray[np.float64]) -> float:
    """Return the matched-pairs rank-biserial correlation, in [−1, 1].

    The share of the ranks of Wilcoxon's test that differences above zero have, less that of those
    below; zeros have no rank.
    """
    moved = differences[differences != 0]
    if not len(moved):
        return 0.0
    ranks = rankdata(np.abs(moved))
    return float((np.sign(moved) * ranks).sum() / ranks.sum())


def comparison_row(cases: list[Case], selection: str, value: str, other: str) -> list[Cell]:
    """Return the row of a one-sided Wilcoxon test of the drops against ``random`` or another."""
    drops = [case.accuracy_drops[value] for case in cases]
    pairs = np.array([(one.own, getattr(one, other)) for one in drops])
    tested = pairs[~np.isnan(pairs[:, 1])]
    differences = tested[:, 0] - tested[:, 1]
    p_value = float(wilcoxon(differences, alternative="greater").pvalue)
    met = p_value < GOAL and len(tested) >= MIN_CONCEPTS
    return [
        selection,
        value,
        {"random": "random neurons", "disjoint": "disjoint concepts"}[other],
        len(tested),
        *(float(mean) for mean in tested.mean(axis=0)),
        f"{(differences > 0).sum()} of {len(tested)}",
        rank_biserial(differences),
        float(differences.mean() / differences.std(ddof=1)),
        f"{p_value:.2g}",
        "yes" if met else "no",
    ]


def comparisons(by_selection: dict[Selection, list[Case]]) -> Table:
    """Return the table of the tests."""
    columns = [
        "labels chosen by AUC on", "set to", "compared with", "concepts", "mean drop",
        "mean drop compared", "greater in", "rank-biserial", "Cohen's d", "Wilcoxon p", "goal met",
    ]  # fmt: skip
    rows = [
        comparison_row(cases, selection, value, other)
        for selection, cases in by_selection.items()
        for value in VALUES
        for other in ("random", "disjoint")
    ]
    return Table(columns, rows)


def undisturbed(by_selection: dict[Selection, list[Case]]) -> Table:
    """Return the table of the probes' scores, and by how much the AUC falls."""
    rows: list[list[Cell]] = []
    for selection, cases in by_selection.items():
        of_auc = [
            (one.auc_drops.own, one.auc_drops.random, one.auc_drops.disjoint) for one in cases
        ]
        scores = np.mean([(one.accuracy, one.auc) for one in cases], axis=0)
        row: list[Cell] = [selection, len(cases), *map(float, scores)]
        rows.append([*row, *map(float, np.nanmean(of_auc, axis=0))])
    columns = [
        "labels chosen by AUC on", "concepts", "balanced accuracy before", "AUC before",
        "drop of AUC", "by random neurons", "of disjoint concepts",
    ]  # fmt: skip
    return Table(columns, rows)


def each_concept(cases: list[Case]) -> Table:
    """Return the table of all concepts, drops of balanced accuracy."""
    columns = ["concept", "neurons", "held-out positives", "disjoint concepts", "before"]
    kinds = ["own", "random", "disjoint"]
    columns += [f"{value}: {kind}" for value in VALUES for kind in kinds]
    rows: list[list[Cell]] = []
    for case in cases:
        row: list[Cell] = [case.concept, case.n_neurons, case.n_positive, case.n_disjoint]
        row.append(case.accuracy)
        for value in VALUES:
            drops = case.accuracy_drops[value]
            row += [drops.own, drops.random, drops.disjoint]
        rows.append([*row, case.auc_drops.own])
    return Table([*columns, "AUC: own"], rows)


def measure(arguments: argparse.Namespace) -> Report:
    """Label, fit the probes, set neurons, return the report."""
    halves = labelled_halves(arguments)
    seen = ~halves.heldout
    probes = {
        name: fit_probe(halves.activations[seen], mask[seen], arguments.strength)
        for name, mask in halves.present.items()
        if halves.enough(name)
    }
    report_step(f"{len(probes)} probes")
    ablations = Ablations(halves, probes)
    by_selection = {
        selection: cases_of(halves, ablations, selection, arguments.draws, arguments.seed)
        for selection in SELECTIONS
    }
    report_step("ablations")
    tables = [comparisons(by_selection), undisturbed(by_selection)]
    tables.append(each_concept(by_selection["held-out"]))
    command = "python -m benchmarks.ablation" + "".join(f" {word}" for word in arguments.given)
    title = "Switching off the neurons of a concept"
    notes = notes_of(halves, arguments)
    return Report(title, command, describe_machine(), notes, tables, [])


def notes_of(halves: Halves, arguments: argparse.Namespace) -> list[str]:
    """Return what explains the numbers."""
    what = "synthetic neurons" if arguments.synthetic else "neurons of EfficientNet-lite0"
    n_samples, n_neurons = halves.activations.shape
    n_heldout = int(halves.heldout.sum())
    return [
        f"{n_neurons:,} {what}, {n_samples:,} emoji labelled as the demo does; probes (logistic "
        f"regression, C = {arguments.strength:g}, balanced classes, standardised activations) "
        f"fitted on the {n_samples - n_heldout:,} searched emoji, all scores on the {n_heldout:,} "
        "held-out ones.",
        f"A drop is that of the probe's balanced accuracy at its own threshold. Concepts have at "
        f"least {MIN_NEURONS} neurons, labelled with the concept as a positive literal by a "
        f"formula of an AUC above {MIN_AUC}, and {MIN_POSITIVES} positives in either half.",
        f"Random: as many other neurons, mean of {arguments.draws} draws. Disjoint: the same "
        f"neurons, mean over the probes of the concepts that share no emoji with theirs.",
        f"Goal: one-sided Wilcoxon signed-rank p < {GOAL} over at least {MIN_CONCEPTS} concepts, "
        "for labels chosen by the held-out AUC. That choice sees the half on which drops are "
        "measured; with labels chosen by the searched half's AUC nothing does.",
        "Concepts share emoji and neurons, so that they are no independent cases: the p-values are "
        "those of a test that takes them as such.",
        "The AUC of a probe does not depend on its threshold: it falls by what is lost for good, "
        "the balanced accuracy also by the decisions' shift, which a new intercept would mend.",
    ]


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = report_parser(__doc__)
    parser.add_argument("--neurons", type=int, help="only the first so many neurons")
    parser.add_argument("--synthetic", action="store_true", help="made-up neurons, no network")
    parser.add_argument("--draws", type=int, default=20, help="draws of random neurons")
    parser.add_argument("--strength", type=float, default=1.0, help="scikit-learn's C")
    parser.add_argument("--seed", type=int, default=0, help="of the draws")
    return read_words(parser, words)


def main(words: Sequence[str] | None = None) -> None:
    """Measure, print, and save where asked."""
    arguments = parse(words)
    measure(arguments).deliver(arguments.output)


if __name__ == "__main__":
    main()

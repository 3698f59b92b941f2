"""The tables of `benchmarks.harmonization`: every run, and what harmonization changes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.localization_of_objects.paired_bootstrap import Interval, paired_interval
from benchmarks.results import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.harmonized_emoji.training import PictureScores, Run
    from benchmarks.results import Cell

LEAST_RISE, MOST_LOST = 0.15, 0.05
MOST_MINUTES = 20

# A λ is eligible that costs at most this share of the validation accuracy on either data set, as
# much as the promise allows.
CHOICE_MOST_LOST = 0.05
# The share that was to be allowed, before any λ had been tried.
FIRST_MOST_LOST = 0.02

RUN_COLUMNS = [
    "photographs",
    "network",
    "channels",
    "λ",
    "seed",
    "accuracy",
    "Spearman",
    "signed Spearman",
    "Dice",
    "IoU",
    "s",
]
CHANGE_COLUMNS = [
    "photographs",
    "network",
    "channels",
    "seed",
    "Spearman rises by",
    "95 % over pictures",
    "95 % over emoji",
    "signed Spearman rises by",
    "accuracy rises by",
    "its 95 % over pictures",
    "its 95 % over emoji",
    "bar",
    "met",
]
CHOICE_COLUMNS = ["λ", "photographs", "accuracy", "Spearman", "signed Spearman", "Dice", "IoU"]


@dataclass(frozen=True)
class Change:
    """What one λ changes on the same pictures, with the same seed.

    Attributes:
        run: The harmonized one.
        spearman: Of the rise of the Spearman correlation of |gradient|.
        spearman_by_series: The same with whole series of emoji drawn.
        signed: Mean rise of that of the signed gradient.
        accuracy: Of the rise of the accuracy, below 0 where it falls.
        accuracy_by_series: The same with whole series of emoji drawn.
    """

    run: Run
    spearman: Interval
    spearman_by_series: Interval
    signed: float
    accuracy: Interval
    accuracy_by_series: Interval

    @classmethod
    def between(cls, run: Run, harmonized: PictureScores, plain: PictureScores) -> Change:
        """Compare two runs on the same pictures."""
        pictures = np.arange(len(plain.series))
        pairs = {
            "spearman": (harmonized.spearman, plain.spearman),
            "accuracy": (harmonized.correct, plain.correct),
        }
        over = {
            name + ending: paired_interval(*pair, units)
            for name, pair in pairs.items()
            for ending, units in (("", pictures), ("_by_series", plain.series))
        }
        signed = float((harmonized.signed_spearman - plain.signed_spearman).mean())
        return cls(run, signed=signed, **over)

    @property
    def has_bar(self) -> bool:
        """Whether something was promised of it."""
        return _is_promised(self.run)

    @property
    def bar(self) -> str:
        """What was promised."""
        if self.run.backgrounds == "unrelated":
            return "interval of the rise above 0"
        return f"rise ≥ {LEAST_RISE}, accuracy falls by ≤ {MOST_LOST:.0%}"

    @property
    def is_met(self) -> bool:
        """Whether it was kept."""
        if self.run.backgrounds == "unrelated":
            return self.spearman.low > 0
        return self.spearman.mean >= LEAST_RISE and self.accuracy.mean >= -MOST_LOST

    def row(self) -> list[Cell]:
        """Return it as a row of the table."""
        return [
            *_subject(self.run),
            self.run.seed,
            self.spearman.mean,
            _bounds(self.spearman),
            _bounds(self.spearman_by_series),
            self.signed,
            self.accuracy.mean,
            _bounds(self.accuracy),
            _bounds(self.accuracy_by_series),
            self.bar if self.has_bar else "–",
            ("yes" if self.is_met else "NO") if self.has_bar else "–",
        ]


def changes_of(scores: Mapping[Run, PictureScores]) -> list[Change]:
    """Compare every harmonized run with the plain one of the same seed and pictures."""
    return [
        Change.between(run, found, scores[replace(run, lambda_harmonization=0.0)])
        for run, found in scores.items()
        if run.lambda_harmonization > 0
    ]


def run_table(scores: Mapping[Run, PictureScores]) -> Table:
    """Return the means over pictures of every run."""
    rows: list[list[Cell]] = [
        [
            *_subject(run),
            f"{run.lambda_harmonization:g}",
            run.seed,
            *_means(found),
            float(found.seconds),
        ]
        for run, found in scores.items()
    ]
    return Table(RUN_COLUMNS, rows)


def change_table(changes: list[Change]) -> Table:
    """Return what λ changes, with intervals and bars."""
    return Table(CHANGE_COLUMNS, [change.row() for change in changes])


def choice_table(scores: Mapping[Run, PictureScores]) -> Table:
    """Return what each λ gives on the validation pictures."""
    rows: list[list[Cell]] = [
        [f"{run.lambda_harmonization:g}", run.backgrounds, *_means(found)]
        for run, found in scores.items()
    ]
    return Table(CHOICE_COLUMNS, rows)


def best_lambda(
    scores: Mapping[Run, PictureScores], most_lost: float = CHOICE_MOST_LOST
) -> float | None:
    """Return the eligible λ of the greatest mean Spearman over data sets; None if none is."""
    means: dict[float, list[float]] = {}
    barred = set()
    for run, found in scores.items():
        plain = scores[replace(run, lambda_harmonization=0.0)]
        if found.correct.mean() < plain.correct.mean() - most_lost:
            barred.add(run.lambda_harmonization)
        means.setdefault(run.lambda_harmonization, []).append(float(found.spearman.mean()))
    eligible = [one for one in means if one > 0 and one not in barred]
    return max(eligible, key=lambda one: float(np.mean(means[one])), default=None)


def bar_lines(changes: list[Change]) -> list[str]:
    """Return a line for every data set that something was promised of: kept or not."""
    lines = []
    for backgrounds in dict.fromkeys(change.run.backgrounds for change in changes):
        judged = [one for one in changes if one.has_bar and one.run.backgrounds == backgrounds]
        if judged:
            met = sum(one.is_met for one in judged)
            verdict = "PASS" if met == len(judged) else "FAIL"
            lines.append(
                f"{verdict}: {backgrounds} photographs, {judged[0].bar}: met in {met} of "
                f"{len(judged)} seeds"
            )
    return lines


def time_line(scores: Mapping[Run, PictureScores], workers: int) -> str:
    """Return whether the training of what was promised took as long as it may."""
    seconds = [float(found.seconds) for run, found in scores.items() if _is_promised(run)]
    minutes = sum(seconds) / workers / 60
    verdict = "PASS" if minutes <= MOST_MINUTES else "FAIL"
    return (
        f"{verdict}: {len(seconds)} trainings of the small grey network took {minutes:.1f} minutes "
        f"by {workers} workers, the bar is {MOST_MINUTES}"
    )


def _is_promised(run: Run) -> bool:
    return run.network == "small" and run.channels == 1


def _subject(run: Run) -> list[Cell]:
    return [run.backgrounds, run.network, run.channels]


def _means(scores: PictureScores) -> list[Cell]:
    columns = (scores.correct, scores.spearman, scores.signed_spearman, scores.dice, scores.iou)
    return [float(values.mean()) for values in columns]


def _bounds(interval: Interval) -> str:
    return f"{interval.low:+.3f} to {interval.high:+.3f}"

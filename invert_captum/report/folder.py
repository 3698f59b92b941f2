"""A labelling written into a folder: the table, the result to load again, and a figure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from invert_captum.report.figures import plot_neurons
from invert_captum.report.table import best_keys, write_csv

if TYPE_CHECKING:
    import os

    from invert_captum.concepts import ConceptSet
    from invert_captum.neuron_columns import Activations
    from invert_captum.report.neuron_card import Pictures
    from invert_captum.result import LabelingResult

_CARDS = 12
_CAPTION = (
    "The best labels by {score}, each with concepts of its own. AUC compares every sample with the "
    "label to every one without: a rare label can score 0.95 and still miss the top eight."
)


@dataclass(frozen=True)
class ReportFiles:
    """The files of a written labelling.

    Attributes:
        labels: The table of all neurons, CSV.
        result: The result, for `LabelingResult.load`.
        figure: Cards of the dozen best neurons, PNG.
    """

    labels: Path
    result: Path
    figure: Path

    @classmethod
    def inside(cls, folder: str | os.PathLike[str]) -> ReportFiles:
        """Return the files' paths in ``folder``, which is made if it does not exist."""
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        return cls(path / "labels.csv", path / "result.json", path / "neurons.png")

    def __str__(self) -> str:
        return "\n".join(map(str, (self.labels, self.result, self.figure)))


def write_report(
    files: ReportFiles,
    result: LabelingResult,
    activations: Activations,
    concepts: ConceptSet,
    pictures: Pictures,
    *,
    credit: str | None = None,
) -> None:
    """Write the table, the result and a figure of the dozen best neurons, over what was there.

    Args:
        files: Where to.
        result: The labels.
        activations: What was labelled: shape (n, d), or a mapping from a layer's name to that.
        concepts: What it was labelled with, n samples.
        pictures: Gives the picture of the sample with an index, as for `plot_neurons`.
        credit: A licence line for the foot of the figure.
    """
    write_csv(result, files.labels)
    result.save(files.result)
    keys = best_keys(result, _CARDS, distinct=True)
    caption = _CAPTION.format(score="AUC" if result.heldout is None else "held-out AUC")
    figure = plot_neurons(result, activations, concepts, pictures, keys, credit, caption=caption)
    figure.savefig(files.figure)

"""A labelling written into a folder: the table, the result to load again, and a figure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from invert_captum.report.figures import plot_neurons
from invert_captum.report.showcase import showcase_keys
from invert_captum.report.table import write_csv

if TYPE_CHECKING:
    import os

    from invert_captum.concepts import ConceptSet
    from invert_captum.neuron_columns import Activations
    from invert_captum.report.neuron_card import Pictures
    from invert_captum.result import LabelingResult

_CARDS = 12
_CAPTION = (
    "Shown: of the labels with the highest AUC{where}, those with the highest average precision"
    "{where}, as far as possible each with concepts of its own."
)


@dataclass(frozen=True)
class ReportFiles:
    """The files of a written labelling.

    Attributes:
        labels: The table of all neurons, CSV.
        result: The result, for `LabelingResult.load`.
        figure: Cards of a dozen neurons with good labels, PNG.
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
    """Write the table, the result and a figure of a dozen neurons, over what was there.

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
    keys = showcase_keys(result, activations, concepts, _CARDS)
    caption = _CAPTION.format(where="" if result.heldout is None else " on held-out samples")
    figure = plot_neurons(result, activations, concepts, pictures, keys, credit, caption=caption)
    figure.savefig(files.figure)

"""A labelling in a folder: the table, a figure, and all that its page can be made of again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from invert_captum._files import replacing
from invert_captum.concepts import ConceptSet
from invert_captum.report.figures import plot_neurons
from invert_captum.report.showcase import showcase_keys
from invert_captum.report.table import write_csv
from invert_captum.result import LabelingResult

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from torch import Tensor

    from invert_captum.report.neuron_card import Pictures

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
        activations: What was labelled, safetensors, by the name of the layer.
        concepts: What it was labelled with, for `ConceptSet.load`.
        page: The explorer, HTML.
    """

    labels: Path
    result: Path
    figure: Path
    activations: Path
    concepts: Path
    page: Path

    @classmethod
    def inside(cls, folder: str | os.PathLike[str]) -> ReportFiles:
        """Return the files' paths in ``folder``, which is made if it does not exist."""
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        return cls(
            labels=path / "labels.csv",
            result=path / "result.json",
            figure=path / "neurons.png",
            activations=path / "activations.safetensors",
            concepts=path / "concepts.npz",
            page=path / "report.html",
        )

    def __str__(self) -> str:
        paths = (
            self.labels,
            self.result,
            self.figure,
            self.activations,
            self.concepts,
            self.page,
        )
        return "\n".join(str(path) for path in paths if path.exists())


@dataclass(frozen=True)
class SavedRun:
    """What `write_report` kept of a labelling.

    Attributes:
        result: The labels.
        activations: By the name of the layer, (n, d).
        concepts: n samples.
    """

    result: LabelingResult
    activations: dict[str, Tensor]
    concepts: ConceptSet


def write_report(
    files: ReportFiles,
    result: LabelingResult,
    activations: Mapping[str, Tensor],
    concepts: ConceptSet,
    pictures: Pictures,
    *,
    credit: str | None = None,
) -> None:
    """Write the table, the result, what it was made of, and a figure of a dozen neurons.

    Files of these names that were there are overwritten.

    Args:
        files: Where to.
        result: The labels.
        activations: What was labelled: by the name of the layer, shape (n, d).
        concepts: What it was labelled with, n samples.
        pictures: Gives the picture of the sample with an index, as for `plot_neurons`.
        credit: A licence line for the foot of the figure.
    """
    from safetensors.torch import save

    write_csv(result, files.labels)
    result.save(files.result)
    concepts.save(files.concepts)
    with replacing(files.activations) as file:
        file.write(save({name: rows.contiguous() for name, rows in activations.items()}))
    keys = showcase_keys(result, activations, concepts, _CARDS)
    caption = _CAPTION.format(where="" if result.heldout is None else " on held-out samples")
    figure = plot_neurons(result, activations, concepts, pictures, keys, credit, caption=caption)
    figure.savefig(files.figure)


def read_report(files: ReportFiles) -> SavedRun:
    """Read what `write_report` wrote; all of it is checked first.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is damaged, or the files are not of one labelling.
    """
    missing = [
        path.name
        for path in (files.result, files.activations, files.concepts)
        if not path.is_file()
    ]
    if missing:
        raise FileNotFoundError(
            f"{str(files.result.parent)!r} lacks {', '.join(missing)}; expected a folder that "
            "invert-captum label or demo has written"
        )
    result = LabelingResult.load(files.result)
    concepts = ConceptSet.load(files.concepts)
    activations = _read_activations(files.activations)
    n_samples = result.settings["n_samples"]
    counts = {concepts.n_samples, *(len(rows) for rows in activations.values())}
    if set(activations) != set(result.layers) or counts != {n_samples}:
        raise ValueError(
            f"{str(files.result.parent)!r} has activations of {sorted(activations)} and concepts "
            f"for {sorted(counts)} samples, its result is of {list(result.layers)} and "
            f"{n_samples:,}; expected the files of one labelling"
        )
    return SavedRun(result, activations, concepts)


def _read_activations(path: Path) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    try:
        activations: dict[str, Tensor] = load_file(path)
    except Exception as error:
        # The file exists: what fails is its content, as JSON, as numbers or as dtypes.
        raise ValueError(f"{str(path)!r} is no safetensors file: {error}") from error
    return activations

"""A labelling in a folder: the table, a figure, and all that its page can be made of again."""

from __future__ import annotations

import contextlib
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from invert_captum._files import replacing
from invert_captum._log import warn
from invert_captum._validation import listed
from invert_captum.concepts import ConceptSet
from invert_captum.report.figures import plot_neurons
from invert_captum.report.showcase import showcase_keys
from invert_captum.report.table import write_csv
from invert_captum.result import LabelingResult
from invert_captum.result.check import check_same_data, labeled_columns

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping

    from torch import Tensor

    from invert_captum.report.neuron_card import Pictures

_CARDS = 12
_MISSING_SIGN = re.compile(r"Glyph (\d+) \(.*missing from (?:current )?font")
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

    Files of these names that were there are overwritten. A page that was there is removed: it is
    of another labelling.

    Args:
        files: Where to.
        result: The labels.
        activations: What was labelled: by the name of the layer, shape (n, d).
        concepts: What it was labelled with, n samples.
        pictures: Gives the picture of the sample with an index, as for `plot_neurons`.
        credit: A licence line for the foot of the figure.
    """
    from safetensors.torch import save

    files.page.unlink(missing_ok=True)
    write_csv(result, files.labels)
    result.save(files.result)
    concepts.save(files.concepts)
    with replacing(files.activations) as file:
        file.write(save({name: rows.contiguous() for name, rows in activations.items()}))
    keys = showcase_keys(result, activations, concepts, _CARDS)
    caption = _CAPTION.format(where="" if result.heldout is None else " on held-out samples")
    with _signs_that_are_missing(files.figure.name):
        figure = plot_neurons(
            result, activations, concepts, pictures, keys, credit, caption=caption
        )
        figure.savefig(files.figure)


@contextlib.contextmanager
def _signs_that_are_missing(name: str) -> Iterator[None]:
    """Tell in one warning which signs no font of Matplotlib's has; others are passed on."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    signs = set()
    for one in caught:
        if found := _MISSING_SIGN.match(str(one.message)):
            signs.add(chr(int(found[1])))
        else:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    if signs:
        warn(
            f"{name}: Matplotlib's font has no sign for {listed(sorted(signs))}; they are drawn as "
            "boxes there (report.html shows them)"
        )


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
    run = SavedRun(result, activations, concepts)
    if difference := _difference(run):
        raise ValueError(
            f"{str(files.result.parent)!r}: {difference}; expected the files of one labelling"
        )
    return run


def _difference(run: SavedRun) -> str | None:
    """Say in what the files are not those of one labelling; None if they are."""
    result = run.result
    if set(run.activations) != set(result.layers):
        return f"activations are of {sorted(run.activations)}, result of {list(result.layers)}"
    for name, rows in run.activations.items():
        if rows.ndim != 2:
            return f"activations of {name!r} have shape {tuple(rows.shape)}, not (n, d)"
    try:
        layers, concepts = labeled_columns(result, run.activations, run.concepts)
        check_same_data(result, layers, concepts)
    except (TypeError, ValueError) as error:
        return str(error)
    # Of activations it is taken block by block; that they are others shows in the AUC.
    if run.concepts.fingerprint != result.settings["fingerprints"]["concepts"]:
        return "concepts have other samples than those that result was made of"
    return None


def _read_activations(path: Path) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    try:
        activations: dict[str, Tensor] = load_file(path)
    except Exception as error:
        # The file exists: what fails is its content, as JSON, as numbers or as dtypes.
        raise ValueError(f"{str(path)!r} is no safetensors file: {error}") from error
    return activations

"""The command ``label``: a user's own model on a user's own pictures."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import typer
from torch.utils.data import DataLoader

from invert_captum.activations import model_fingerprint
from invert_captum.cli.failures import MISFITS, first_line
from invert_captum.cli.images import PictureFiles, read_concepts
from invert_captum.cli.imports import current_folder_importable
from invert_captum.cli.model import TORCHVISION, load_model
from invert_captum.cli.page import class_names, write_page
from invert_captum.cli.preprocessing import assumed_preprocess, choose_preprocess
from invert_captum.labeler import NeuronConceptLabeler
from invert_captum.labeling import label_neurons
from invert_captum.labeling.label import checked_settings
from invert_captum.report.folder import ReportFiles, SavedRun, write_report
from invert_captum.report.table import describe_best

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from torch import Tensor, nn

    from invert_captum.concepts import ConceptSet

_SHOWN = 20


@dataclass(frozen=True)
class ModelChoice:
    """The model, the layers, and how activations become one number per neuron."""

    spec: str
    layers: tuple[str, ...]
    weights: Path | None
    device: str
    reduce: str
    neuron_dim: int | None
    class_names: tuple[str, ...] | None = None


@dataclass(frozen=True)
class PictureChoice:
    """The pictures, their concepts, and how pictures become inputs."""

    folder: Path
    concepts: str
    preprocess: str | None
    image_size: int | None
    batch_size: int


def run_label(
    model: ModelChoice,
    pictures: PictureChoice,
    out: Path,
    *,
    page: bool,
    top: int,
    show_progress: bool,
    **labeling: Any,
) -> ReportFiles:
    """Extract, label, print the best labels, and write the report.

    Args:
        model: The model.
        pictures: The pictures.
        out: The folder of the report.
        page: Whether to write the explorer page.
        top: How many neurons get heat maps on it.
        show_progress: Whether to draw progress bars on standard error.
        **labeling: Arguments of `label_neurons`.
    """
    # label_neurons checks these, too, but only after an extraction that may last hours.
    checked_settings(**labeling)
    # To the end: functions of the user may import when they are called, on any picture.
    with own_code_importable(model.spec, pictures.preprocess):
        files, concepts = _told_concepts(pictures)
        network = on_device(load_model(model.spec, model.weights), model.device)
        choice = pictures.preprocess or "", model.spec, pictures.image_size
        preprocess = choose_preprocess(*choice)
        if assumed := assumed_preprocess(*choice):
            typer.echo(assumed)
        dataset = PictureFiles(files, preprocess)
        labeler = NeuronConceptLabeler(network, list(dict.fromkeys(model.layers)))
        report = ReportFiles.inside(out)
        # What can fail comes before the hours of extraction and labelling, not after them.
        provenance = _provenance(network, model, pictures)
        loader = DataLoader(dataset, batch_size=pictures.batch_size)
        activations = _extracted(labeler, loader, model, show_progress=show_progress)
        dataset.warn_of_transparent()
        result = label_neurons(activations, concepts, show_progress=show_progress, **labeling)
        made = {**result.settings, **provenance, "extraction": labeler.extraction}
        result = replace(result, settings=made)
        typer.echo(describe_best(result, _SHOWN))
        write_report(report, result, activations, concepts, dataset.picture)
        if page:
            run = SavedRun(result, activations, concepts)
            _write_page(
                report.page,
                run,
                dataset,
                labeler,
                model,
                pictures,
                top,
                show_progress=show_progress,
            )
    typer.echo(f"\nwritten:\n{report}")
    return report


def _write_page(
    path: Path,
    run: SavedRun,
    dataset: PictureFiles,
    labeler: NeuronConceptLabeler,
    model: ModelChoice,
    pictures: PictureChoice,
    top: int,
    *,
    show_progress: bool,
) -> None:
    try:
        write_page(
            path,
            run,
            dataset,
            labeler,
            model.class_names or class_names(model.spec),
            top=top,
            batch_size=pictures.batch_size,
            show_progress=show_progress,
        )
    except (ValueError, TypeError, *MISFITS) as error:
        raise ValueError(
            f"the labels are written to {str(path.parent)!r}, but their page is not: "
            f"{first_line(error)}; invert-captum report makes it, with --no-heat-maps without the "
            "model"
        ) from error


def _told_concepts(pictures: PictureChoice) -> tuple[list[Path], ConceptSet]:
    """Return the picture files and their concepts, and print how many there are."""
    files, concepts, left_out = read_concepts(pictures.folder, pictures.concepts)
    told = f" ({left_out:,} more have no row and are left out)" if left_out else ""
    noun = "concept" if concepts.n_concepts == 1 else "concepts"
    typer.echo(f"{len(files):,} pictures{told}, {concepts.n_concepts:,} {noun}")
    return files, concepts


def _extracted(
    labeler: NeuronConceptLabeler,
    loader: DataLoader[Tensor],
    model: ModelChoice,
    *,
    show_progress: bool,
) -> dict[str, Tensor]:
    try:
        # A list of layers, so a dict.
        return labeler.extract(  # type: ignore[return-value]
            loader,
            reduce=model.reduce,  # type: ignore[arg-type]
            neuron_dim=model.neuron_dim,
            show_progress=show_progress,
        )
    except MISFITS as error:
        raise ValueError(
            f"the model cannot run on these pictures: {first_line(error)}; their size and layout "
            "are given by --preprocess or --image-size, their number at once by --batch-size"
        ) from error


def own_code_importable(model: str | None, preprocess: str | None) -> AbstractContextManager[None]:
    """Let files of the current folder be imported, but only by code that the user has named.

    Libraries try to import packages that are not installed; a file of such a name that lies beside
    somebody's pictures must not run.

    Args:
        model: As given to `load_model`, or None.
        preprocess: As given to `choose_preprocess`, or None.
    """
    names_code = bool(preprocess) or (model is not None and not model.startswith(TORCHVISION))
    return current_folder_importable() if names_code else nullcontext()


def on_device(network: nn.Module, device: str) -> nn.Module:
    """Return the network on a device.

    Raises:
        ValueError: If there is no such device.
    """
    try:
        return network.to(device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"--device is {device!r}, which cannot be used: {first_line(error)}"
        ) from error


def _provenance(
    network: nn.Module, model: ModelChoice, pictures: PictureChoice
) -> dict[str, dict[str, Any]]:
    choices = {**asdict(model), **asdict(pictures)}
    command = {
        name: value if isinstance(value, (int, str, tuple, type(None))) else str(value)
        for name, value in choices.items()
    }
    try:
        digest = model_fingerprint(network)
    # Such as the shape of weights that a lazy module makes only when it runs.
    except RuntimeError as error:
        raise ValueError(
            f"--model {model.spec} has unreadable weights: {first_line(error)}"
        ) from error
    command["name"] = "label"
    return {"model": {"class": type(network).__qualname__, "sha256": digest}, "command": command}

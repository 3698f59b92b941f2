"""The command ``label``: a user's own model on a user's own pictures."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import typer
from torch.utils.data import DataLoader

from invert_captum.activations import model_fingerprint
from invert_captum.cli.images import PictureFiles, read_concepts
from invert_captum.cli.model import choose_preprocess, load_model
from invert_captum.labeler import NeuronConceptLabeler
from invert_captum.labeling import label_neurons
from invert_captum.labeling.settings import LabelingSettings
from invert_captum.report.folder import ReportFiles, write_report
from invert_captum.report.table import describe_best

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from invert_captum.result import LabelingResult

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
    show_progress: bool,
    **labeling: Any,
) -> ReportFiles:
    """Extract, label, print the best labels, and write the report.

    Args:
        model: The model.
        pictures: The pictures.
        out: The folder of the report.
        show_progress: Whether to draw progress bars on standard error.
        **labeling: Arguments of `label_neurons`.
    """
    # label_neurons checks these, too, but only after an extraction that may last hours.
    LabelingSettings(alternative=None, holdout_fraction=0.5, **labeling)
    files, concepts, left_out = read_concepts(pictures.folder, pictures.concepts)
    told = f" ({left_out:,} more have no row and are left out)" if left_out else ""
    noun = "concept" if concepts.n_concepts == 1 else "concepts"
    typer.echo(f"{len(files):,} pictures{told}, {concepts.n_concepts:,} {noun}")
    network = _on_device(load_model(model.spec, model.weights), model.device)
    preprocess = choose_preprocess(pictures.preprocess or "", model.spec, pictures.image_size)
    dataset = PictureFiles(files, preprocess)
    labeler = NeuronConceptLabeler(network, list(dict.fromkeys(model.layers)))
    report = ReportFiles.inside(out)

    activations = labeler.extract(
        DataLoader(dataset, batch_size=pictures.batch_size),
        reduce=model.reduce,  # type: ignore[arg-type]
        neuron_dim=model.neuron_dim,
        show_progress=show_progress,
    )
    result = label_neurons(activations, concepts, show_progress=show_progress, **labeling)
    result = _with_provenance(result, network, model, pictures)
    typer.echo(describe_best(result, _SHOWN))
    write_report(report, result, activations, concepts, dataset.picture)
    typer.echo(f"\nwritten:\n{report}")
    return report


def _on_device(network: nn.Module, device: str) -> nn.Module:
    try:
        return network.to(device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"--device is {device!r}, which cannot be used: {reason}") from error


def _with_provenance(
    result: LabelingResult, network: nn.Module, model: ModelChoice, pictures: PictureChoice
) -> LabelingResult:
    choices = {**asdict(model), **asdict(pictures)}
    command = {
        name: value if isinstance(value, (int, str, tuple, type(None))) else str(value)
        for name, value in choices.items()
    }
    made = {"class": type(network).__qualname__, "sha256": model_fingerprint(network)}
    return replace(result, settings={**result.settings, "model": made, "command": command})

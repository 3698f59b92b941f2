"""The command ``report``: the explorer page of a labelling that lies in a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from invert_captum.activations import model_fingerprint
from invert_captum.cli.images import PictureFiles, files_inside
from invert_captum.cli.label import on_device, own_code_importable
from invert_captum.cli.model import TORCHVISION, load_model
from invert_captum.cli.page import class_names, read_class_names, write_page
from invert_captum.cli.preprocessing import Preprocess, choose_preprocess
from invert_captum.cli.saved_command import SavedCommand
from invert_captum.labeler import NeuronConceptLabeler
from invert_captum.report.explorer import write_explorer
from invert_captum.report.folder import ReportFiles, SavedRun, read_report

if TYPE_CHECKING:
    from torch import nn

    from invert_captum.cli.heat_map_choice import HeatMapChoice


@dataclass(frozen=True)
class Overrides:
    """What of the labelling's command line is to be taken otherwise; None: as it was.

    A function that the saved file alone names is never run: whoever wrote the file would choose
    the code.
    """

    model: str | None
    preprocess: str | None
    weights: Path | None
    images: Path | None
    device: str
    class_names: Path | None = None


def run_report(
    folder: Path,
    out: Path | None,
    overrides: Overrides,
    maps: HeatMapChoice,
    *,
    show_progress: bool,
) -> Path:
    """Write the page of the labelling in ``folder`` and print where it lies.

    Args:
        folder: What ``label`` or ``demo`` has written.
        out: The HTML file; None for ``report.html`` in the folder.
        overrides: What has moved since, and code that may run.
        maps: Of how many neurons to make heat maps, and how.
        show_progress: Whether to draw progress bars on standard error.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"DIR is {str(folder)!r}; expected a folder that exists")
    files = ReportFiles.inside(folder)
    run = read_report(files)
    page = out or files.page
    command = run.result.settings.get("command") or {}
    name = command.get("name") if isinstance(command, dict) else None
    if name == "label":
        with own_code_importable(overrides.model, overrides.preprocess):
            _label_page(page, run, SavedCommand.of(command), overrides, maps, show_progress)
    else:
        _refuse_overrides(overrides)
        if name == "demo":
            _demo_page(page, run, overrides.device, maps, show_progress=show_progress)
        else:
            _refuse_inversion(maps)
            write_explorer(run.result, page, run.activations, run.concepts, top=0)
    typer.echo(f"written:\n{page}")
    return page


def _refuse_overrides(overrides: Overrides) -> None:
    names = ("model", "preprocess", "weights", "images", "class_names")
    given = [
        f"--{name.replace('_', '-')}" for name in names if getattr(overrides, name) is not None
    ]
    if given:
        raise ValueError(
            f"{' and '.join(given)}: only for what invert-captum label has written; expected none "
            "of them for DIR"
        )


def _refuse_inversion(maps: HeatMapChoice) -> None:
    if maps.inversion_layer is not None:
        raise ValueError(
            "--inversion-layer: only for what invert-captum demo or label has written, of which "
            "the model is known; expected none for DIR"
        )


def _demo_page(
    page: Path, run: SavedRun, device: str, maps: HeatMapChoice, *, show_progress: bool
) -> None:
    from invert_captum.demo.emoji import read_emoji
    from invert_captum.demo.network import load_network
    from invert_captum.demo.page import write_demo_page

    network = load_network()
    _check_same_model(network, run)
    write_demo_page(
        page,
        run.result,
        run.activations,
        run.concepts,
        read_emoji(),
        on_device(network, device),
        top=maps.top,
        show_progress=show_progress,
        map_arguments=maps.arguments,
    )


def _label_page(
    page: Path,
    run: SavedRun,
    command: SavedCommand,
    overrides: Overrides,
    maps: HeatMapChoice,
    show_progress: bool,
) -> None:
    images = overrides.images or Path(command.folder)
    if overrides.images and not images.is_dir():
        raise FileNotFoundError(
            f"--images is {str(images)!r}, which does not exist; the pictures of this labelling "
            f"lay in {command.folder!r}"
        )
    if not images.is_dir():
        raise FileNotFoundError(
            f"the pictures of this labelling lay in {str(images)!r}, which does not exist from "
            "here; expected --images"
        )
    # Told, because the file in DIR may be all that says so.
    typer.echo(f"pictures: {images}")
    if run.concepts.sample_ids is None:
        raise ValueError("concepts.npz names no pictures; expected what invert-captum label writes")
    files = files_inside(images, run.concepts.sample_ids, "the saved labelling has")
    labeler, spec = None, overrides.model or command.spec
    preprocess: Preprocess = _never
    if maps.top:
        network = _trusted_model(spec, command, overrides)
        preprocess = choose_preprocess(
            _trusted(command.preprocess, overrides.preprocess, "--preprocess") or "",
            spec,
            command.image_size,
        )
        _check_same_model(network, run)
        labeler = NeuronConceptLabeler(on_device(network, overrides.device), list(command.layers))
    write_page(
        page,
        run,
        PictureFiles(files, preprocess),
        labeler,
        read_class_names(overrides.class_names) or command.class_names or class_names(spec),
        top=maps.top,
        batch_size=command.batch_size,
        show_progress=show_progress,
        map_arguments=maps.arguments,
    )


def _never(_: object) -> Any:
    raise RuntimeError("a page without heat maps runs no model")


def _trusted_model(spec: str, command: SavedCommand, overrides: Overrides) -> nn.Module:
    if not spec.startswith(TORCHVISION):
        _trusted(spec, overrides.model, "--model")
    weights = overrides.weights or (Path(command.weights) if command.weights else None)
    return load_model(spec, weights)


def _trusted(saved: str | None, given: str | None, option: str) -> str | None:
    """Return the function to run, or raise if only the saved file names it."""
    if saved and not given:
        raise ValueError(
            f"this labelling was made with {option} {saved}, which is code that runs; expected "
            f"{option} {saved} again if you trust it, or --no-heat-maps"
        )
    return given


def _check_same_model(network: nn.Module, run: SavedRun) -> None:
    labelled = run.result.settings.get("model")
    if not isinstance(labelled, dict) or model_fingerprint(network) != labelled.get("sha256"):
        raise ValueError(
            "the model has other weights than the one that was labelled (without --weights they "
            "are random each time); expected the same --model and --weights, or --no-heat-maps"
        )

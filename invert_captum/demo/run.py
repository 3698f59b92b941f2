"""The demo: what 1,280 neurons of EfficientNet-lite0 stand for, on 1,889 emoji."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import typer
from torch import Tensor
from torch.utils.data import DataLoader

from invert_captum._validation import check_integer
from invert_captum.activations import model_fingerprint
from invert_captum.demo.emoji import CREDIT, PictureDataset, read_emoji
from invert_captum.demo.near_duplicates import emoji_groups
from invert_captum.demo.network import BATCH_SIZE, LAYER, NEURONS, load_network
from invert_captum.demo.page import write_demo_page
from invert_captum.demo.unicode_concepts import emoji_concepts
from invert_captum.labeler import NeuronConceptLabeler
from invert_captum.labeling import label_neurons
from invert_captum.report.folder import ReportFiles, write_report
from invert_captum.report.table import describe_best

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import nn

    from invert_captum.concepts import ConceptSet
    from invert_captum.demo.emoji import Emoji
    from invert_captum.result import LabelingResult

# A little below the smallest concept, so that a split which leaves less than half of a concept's
# emoji to the search does not bar that concept.
_MIN_POSITIVES = 12

_MIN_GROUPS = 10

_SHOWN = 20

# The page shows the labels that came after the best one.
_TOP_K = 3

TOP = 48
"""How many neurons get heat maps on the page, if nothing else is said."""


def run_demo(
    out: str | os.PathLike[str],
    neurons: int | None = None,
    *,
    page: bool = True,
    top: int = TOP,
    show_progress: bool = True,
) -> ReportFiles:
    """Label neurons of EfficientNet-lite0 with what Unicode says about emoji, and report.

    Prints what it does and the best labels, and writes into a folder, over files of these names,
    the table ``labels.csv``, the figure ``neurons.png`` of the dozen best neurons, the page
    ``report.html``, and what that can be made of again.

    Args:
        out: The folder; it is made if it does not exist.
        neurons: How many neurons to label, the first of the layer; None for all 1,280.
        page: Whether to write ``report.html``.
        top: How many neurons get heat maps and classes on the page.
        show_progress: Whether to draw progress bars on standard error.

    Returns:
        *ReportFiles*: what was written.

    Raises:
        ModuleNotFoundError: If the ``demo`` extra is not installed.
        TypeError: If ``neurons`` is no integer.
        ValueError: If ``neurons`` is not a possible number.
        OSError: If a file cannot be written.

    Examples:
        >>> files = run_demo("invert-captum-demo", neurons=64)  # doctest: +SKIP
        >>> run_demo("invert-captum-demo", neurons=2000)
        Traceback (most recent call last):
        ValueError: neurons is 2,000; the layer has 1,280
    """
    if neurons is not None and check_integer("neurons", neurons, minimum=1) > NEURONS:
        raise ValueError(f"neurons is {neurons:,}; the layer has {NEURONS:,}")
    files = ReportFiles.inside(out)
    emoji = read_emoji()
    groups = emoji_groups(emoji)
    concepts = testable(emoji_concepts(emoji), groups)
    typer.echo(f"{len(emoji):,} emoji, {concepts.n_concepts} concepts, EfficientNet-lite0 {LAYER}")

    started = time.perf_counter()
    network = load_network()
    activations = extract(network, emoji, show_progress=show_progress)
    typer.echo(f"extracted activations in {time.perf_counter() - started:.0f} s")

    started = time.perf_counter()
    result = label_neurons(
        {LAYER: activations},
        concepts,
        neurons=None if neurons is None else range(neurons),
        max_length=3,
        beam_width=5,
        top_k=_TOP_K,
        min_positives=_MIN_POSITIVES,
        significance="holdout",
        groups=groups.tolist(),
        show_progress=show_progress,
    )
    result = _with_origin(result, network)
    typer.echo(f"labelled neurons in {time.perf_counter() - started:.1f} s\n")
    typer.echo(describe_best(result, _SHOWN))
    layers = {LAYER: activations}
    write_report(files, result, layers, concepts, lambda i: emoji[i].picture(), credit=CREDIT)
    if page:
        write_demo_page(
            files.page,
            result,
            layers,
            concepts,
            emoji,
            network,
            top=top,
            show_progress=show_progress,
        )
    typer.echo(f"\nwritten:\n{files}\n{CREDIT}")
    if page:
        typer.echo(f"\nopen {files.page} in a browser")
    return files


def _with_origin(result: LabelingResult, network: nn.Module) -> LabelingResult:
    """Return ``result`` with the model and how it was run among its settings."""
    settings = {
        **result.settings,
        "model": {"class": "EfficientNet-lite0", "sha256": model_fingerprint(network)},
        "extraction": NeuronConceptLabeler(network, LAYER).extraction,
        "command": {"name": "demo"},
    }
    # One layer: its neurons are the keys.
    return replace(result, settings=settings, keyed_by_layer=False)


def testable(concepts: ConceptSet, groups: NDArray[np.int64]) -> ConceptSet:
    """Leave out concepts of too few groups: a split may put all their samples on one side."""
    return concepts.select(
        [name for name in concepts if len(np.unique(groups[concepts[name]])) >= _MIN_GROUPS]
    )


def extract(network: nn.Module, emoji: Sequence[Emoji], *, show_progress: bool = False) -> Tensor:
    """Return the activations (n, 1280) of the demo's layer of ``network`` on n ``emoji``."""
    labeler = NeuronConceptLabeler(network, LAYER)
    loader = DataLoader(PictureDataset(emoji), batch_size=BATCH_SIZE)
    activations = labeler.extract(loader, show_progress=show_progress)
    if not isinstance(activations, Tensor):
        raise TypeError("one layer gives one matrix of activations")
    return activations

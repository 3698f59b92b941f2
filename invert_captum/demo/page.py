"""The explorer page of the demo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from invert_captum.demo.emoji import CREDIT, PictureDataset
from invert_captum.demo.network import BATCH_SIZE, LAYER
from invert_captum.labeler import NeuronConceptLabeler
from invert_captum.report.explorer import write_explorer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from torch import Tensor, nn

    from invert_captum.concepts import ConceptSet
    from invert_captum.demo.emoji import Emoji
    from invert_captum.result import LabelingResult

_TITLE = "EfficientNet-lite0 on emoji"


def write_demo_page(
    path: Path,
    result: LabelingResult,
    activations: Mapping[str, Tensor],
    concepts: ConceptSet,
    emoji: Sequence[Emoji],
    network: nn.Module,
    *,
    top: int,
    show_progress: bool,
    map_arguments: Mapping[str, Any] | None = None,
) -> None:
    """Write the page of a labelling of the demo's network.

    Args:
        path: The HTML file.
        result: The labels.
        activations: What was labelled, by the name of the layer, (n, 1280).
        concepts: What it was labelled with.
        emoji: The n samples.
        network: From `load_network`.
        top: How many neurons get heat maps and the classes that they speak for.
        show_progress: Whether to draw progress bars on standard error.
        map_arguments: Further arguments of `write_explorer`, about the method of heat maps.
    """
    write_explorer(
        result,
        path,
        activations,
        concepts,
        inputs=PictureDataset(emoji),
        shown=lambda index: emoji[index].picture(),
        sample_names=[one.title for one in emoji],
        labeler=NeuronConceptLabeler(network, LAYER),
        top=top,
        class_names=imagenet_classes(),
        title=_TITLE,
        credit=CREDIT,
        batch_size=BATCH_SIZE,
        show_progress=show_progress,
        **(map_arguments or {}),
    )


def imagenet_classes() -> list[str]:
    """Return the names of ImageNet's 1,000 classes, in the order of the network's outputs."""
    from torchvision.models import EfficientNet_B0_Weights

    names: list[str] = EfficientNet_B0_Weights.IMAGENET1K_V1.meta["categories"]
    return names

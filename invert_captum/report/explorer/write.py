"""`write_explorer`: a labelling as one HTML file to search, sort and look at."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

from invert_captum._files import replacing
from invert_captum._validation import nearest_names
from invert_captum.report.explorer.embedding import PageFiles, render_page
from invert_captum.report.explorer.facts import default_title
from invert_captum.report.explorer.inversion_maps import is_inversion, settled_arguments
from invert_captum.report.explorer.model_inputs import ModelInputs
from invert_captum.report.explorer.page_data import ModelView, gather
from invert_captum.report.explorer.page_options import PageOptions
from invert_captum.report.explorer.shown_samples import ShownSamples
from invert_captum.report.explorer.sources import Sources
from invert_captum.report.explorer.template import page_files

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from captum.attr import Attribution

    from invert_captum.concepts import ConceptSet
    from invert_captum.labeler import NeuronConceptLabeler
    from invert_captum.neuron_columns import Activations
    from invert_captum.result import LabelingResult

_SUFFIXES = (".html", ".htm")


def write_explorer(
    result: LabelingResult,
    path: str | os.PathLike[str],
    activations: Activations | None = None,
    concepts: ConceptSet | None = None,
    *,
    inputs: Any = None,
    shown: Any = None,
    labeler: NeuronConceptLabeler | None = None,
    top: int = 48,
    method: type[Attribution] | None = None,
    class_names: Sequence[str] | None = None,
    sample_names: Sequence[str] | None = None,
    feature_names: Sequence[str] | None = None,
    title: str | None = None,
    credit: str | None = None,
    n_shown: int = 8,
    thumbnail: int = 96,
    max_megabytes: float = 20.0,
    batch_size: int = 32,
    show_progress: bool = False,
    **attribute_arguments: Any,
) -> Path:
    """Write a labelling as one HTML file that loads nothing from a network.

    The result alone makes a table of neurons, their formulas and scores, and a view of the
    concepts. Everything else adds to it.

    Args:
        result: The labels.
        path: The file, ``.html``; one of this name is replaced when the new one is complete.
        activations: What was labelled: (n, d), a mapping from a layer's name to that, or a store.
            Adds the samples that excite a neuron most. None: what ``labeler`` labelled last, or
            else extracted.
        concepts: What it was labelled with, n samples. With activations it adds densities, ROC
            curves and for which samples a label holds. None: what ``labeler`` labelled with last.
        inputs: What the model takes, n samples in the order of the rows: a tensor, a tuple of
            tensors or a map-style data set. Without ``labeler`` also a sequence of n items as for
            ``shown``.
        shown: What a person sees of a sample: a function from its index to an item, n items, or a
            data frame of n rows. An item is a picture (a PIL image; an array or tensor
            (height, width), (height, width, 3 or 4) or (1 or 3, height, width), bytes as they are,
            other numbers from the lowest, black, to the highest, white), a text, a sequence of
            tokens (str), or a row of numbers
            (a mapping from names, or an array or sequence). A heat map is laid over the whole
            picture, which must therefore show all that the model sees, and no more. None: the
            inputs, if they are one of these (tensors with 1 or 3 channels, or float rows).
        labeler: A `NeuronConceptLabeler` of the model. With inputs and activations it adds heat
            maps, and what switching a neuron off does to the model's classes.
        top: How many neurons get these: those that `best_keys` puts first.
        method: A neuron or layer method of `captum.attr` for the heat maps. None: the
            `LayerActivation` of the layer, or of what it gets, up-sampled;
            `NeuronIntegratedGradients` where neither has positions. The page tells which.
            `invert_captum.attr.NeuronGuidedFeatureInversion` shows what has to stay of a picture
            for the neuron to stay as active as it is. It needs ``inversion_layer=`` and takes
            ``mask_layer=``; the mask is made of what that layer gives or, if only that has
            positions, of what it gets, unless ``attribute_to_layer_input`` says which. A picture
            costs 150 forward and backward passes, ``batch_size`` pictures at once; a smaller
            ``top``, ``n_shown`` or ``n_target_steps`` makes it less. Where a neuron is silent
            there is no map.
        class_names: A name for each of the model's outputs.
        sample_names: A name for each sample. None: ``concepts.sample_ids``, or ``row 17``.
        feature_names: Names of the numbers in arrays of one axis. None: ``x0``, ``x1`` …
        title: The headline. None: the model and the layers.
        credit: A licence line for what is shown.
        n_shown: How many samples are shown of a neuron.
        thumbnail: The longer side of pictures in pixels; smaller ones are not enlarged.
        max_megabytes: The most that pictures and other samples may take, in 10⁶ bytes. Each is
            embedded once, those of the best-supported neurons first; of the rest there is the name.
        batch_size: How many samples go through the model at once.
        show_progress: Whether to draw progress bars on standard error.
        **attribute_arguments: Further arguments of ``labeler.attribute``, such as ``baselines``,
            ``target`` or ``inversion_layer``. Of ``additional_forward_args``, tensors with n rows
            are cut along.

    Returns:
        *Path*: the file.

    Raises:
        TypeError: If an argument has a wrong type or is unknown.
        ValueError: If the data are not those of the result, or ``path`` has another suffix; or the
            attribution method refuses the layer.
        FileNotFoundError: If the folder of ``path`` does not exist.

    Warns:
        InvertCaptumWarning: If samples are left out because of ``max_megabytes``, or inversions
            did not go as they should.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import numpy as np
        >>> import invert_captum as ic
        >>> rng = np.random.default_rng(0)
        >>> labels = rng.random((200, 2)) < 0.3
        >>> activations = rng.normal(size=(200, 2)) + 2 * labels
        >>> concepts = ic.ConceptSet(labels, ["dog", "cat"])
        >>> result = ic.label_neurons(activations, concepts, max_length=1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     page = write_explorer(result, Path(folder, "report.html"), activations, concepts)
        ...     page.read_text(encoding="utf-8")[:15]
        '<!DOCTYPE html>'
    """
    target = _checked_path(path)
    options = PageOptions(
        top=top,
        n_shown=n_shown,
        thumbnail=thumbnail,
        max_megabytes=max_megabytes,
        batch_size=batch_size,
        show_progress=show_progress,
    )
    sources = Sources.of(result, activations, concepts, labeler, sample_names)
    n_samples = result.settings["n_samples"]
    seen = ShownSamples.of(shown, inputs, n_samples, feature_names)
    model = _model_view(
        labeler, inputs, n_samples, method, class_names, attribute_arguments, options.top
    )
    if model is not None and sources.layers is None:
        raise ValueError(
            "activations is None, but heat maps are made of the samples that excite a neuron "
            "most; expected activations (n, d), a labeler that has just extracted them, or top=0"
        )
    headline = default_title(result) if title is None else title
    data = gather(result, sources, seen, model, options, title=headline, credit=credit)
    page = render_page(
        PageFiles(*page_files()), headline, data.report, data.samples, data.heat_maps
    )
    with replacing(target) as file:
        file.write(page.encode("utf-8"))
    return target


def _checked_path(path: str | os.PathLike[str]) -> Path:
    target = Path(path)
    if target.suffix.lower() not in _SUFFIXES:
        raise ValueError(f"path is {str(target)!r}; expected a name that ends in .html")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{str(target)!r} cannot be written: its folder does not exist")
    return target


def _model_view(
    labeler: NeuronConceptLabeler | None,
    inputs: Any,
    n_samples: int,
    method: type[Attribution] | None,
    class_names: Sequence[str] | None,
    arguments: dict[str, Any],
    top: int,
) -> ModelView | None:
    """Return the model with its inputs; None if there is none, or nothing is asked of it."""
    if labeler is None:
        if arguments:
            name = next(iter(arguments))
            near = nearest_names(name, _own_arguments())
            raise TypeError(
                f"unexpected argument {name!r}, and no labeler to take it; nearest names: {near}"
            )
        if method is not None:
            raise TypeError("method is given, but no labeler; expected both or neither")
    if labeler is None or inputs is None or top == 0:
        return None
    further = {**arguments}
    along = further.pop("additional_forward_args", None)
    taken = ModelInputs.of(inputs, along, n_samples)
    if is_inversion(method):
        further = settled_arguments(labeler, taken, further)
    return ModelView(labeler, taken, method, further, class_names)


def _own_arguments() -> list[str]:
    return [name for name in inspect.signature(write_explorer).parameters if name != "result"]

"""The figure of one neuron: how sure its label is, and what excites it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invert_captum._validation import check_choice, check_integer
from invert_captum.report.heat_maps import SHOWN, Sign
from invert_captum.report.input_tiles import InputTiles
from invert_captum.report.neuron_sheet import NeuronSheet
from invert_captum.report.neuron_view import BootstrapChoice, NeuronView
from invert_captum.report.picture_arrays import attribution_source, picture_source
from invert_captum.report.theme import ThemeName, theme_named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from invert_captum.concepts import ConceptSet
    from invert_captum.neuron_columns import Activations
    from invert_captum.report.picture_arrays import Attributions, Images
    from invert_captum.result import Key, LabelingResult


def plot_neuron(
    result: LabelingResult,
    neuron: Key,
    activations: Activations,
    concepts: ConceptSet,
    images: Images | None = None,
    attributions: Attributions | None = None,
    *,
    n_inputs: int = 6,
    n_bootstrap: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    groups: Sequence[object] | None = None,
    credit: str | None = None,
    rank: int = 0,
    sign: Sign = "positive",
    theme: ThemeName = "light",
) -> Figure:
    """Draw one neuron: its label, how well that fits, and what excites it.

    - The label with its AUC, that on held-out samples with its interval, the adjusted p-value and
      the number of samples for which it holds.
    - The densities of the activations where it holds and where it does not, each scaled to its own
      peak; a value that many samples share exactly (0 after a ReLU) is set apart, with its shares.
    - The ROC curve on the held-out samples (on all where none were held out, which is said: the
      label was chosen on them) with a pointwise bootstrap band (see `report.roc.roc_band`). For a
      label about low activations it is that of the negated activations.
    - With ``images`` the most and the least excited inputs, framed in colour where the label holds,
      with their activations; with ``attributions`` heat maps of the most excited ones. A map of
      which the chosen sign leaves nothing is marked "silent".

    Args:
        result: The labels.
        neuron: Its key, as in ``result[neuron]``.
        activations: What was labelled: shape (n, d), a mapping from a layer's name to that, or an
            `ActivationStore`.
        concepts: What it was labelled with, n samples.
        images: A function from a sample's index to its picture, or n pictures: a sequence, or an
            array or tensor (n, height, width), (n, height, width, channels) or (n, channels,
            height, width). A picture is a PIL image or an array with 1, 3 or 4 channels; uint8 is
            shown as it is, any other numbers are scaled so that the picture's lowest is black and
            its highest white. None: no pictures.
        attributions: A function from a sample's index to its attributions, or a mapping: arrays or
            tensors (height, width), (channels, height, width) or (height, width, channels), which
            are summed over channels. The picture is stretched to their shape; of maps finer than
            56 x 56 the chosen sign is averaged over cells. None: no heat maps.
        n_inputs: How many inputs of either kind.
        n_bootstrap: How many bootstrap draws; 0 for no band.
        level: The share of draws that the band holds at each point, in (0, 1).
        seed: Of the draws.
        groups: The groups of the labelling, if it had any: whole ones are drawn. Not needed
            without a band.
        credit: A licence line for the foot of the figure.
        rank: Which of the neuron's labels.
        sign: Which attributions are shown, as in Captum: ``"positive"``, ``"negative"``,
            ``"absolute_value"`` or ``"all"``.
        theme: ``"light"`` or ``"dark"``, both with an opaque ground.

    Returns:
        *matplotlib.figure.Figure*: to save with ``figure.savefig(path)``; pyplot's state is not
        involved.

    Raises:
        KeyError: If there is no such neuron.
        TypeError: If ``images`` or ``attributions`` is neither a function nor what else they may
            be.
        ValueError: If the neuron has no label of this rank, the data or groups are not those of
            the labelling (the label's AUC differs by more than 0.01), there are attributions
            without images, or another argument is out of its range.

    Examples:
        >>> import numpy as np
        >>> import invert_captum as ic
        >>> rng = np.random.default_rng(0)
        >>> labels = rng.random((400, 3)) < 0.3
        >>> activations = rng.normal(size=(400, 2)) + 2 * labels[:, :2]
        >>> concepts = ic.ConceptSet(labels, ["dog", "cat", "red"])
        >>> result = ic.label_neurons(activations, concepts, max_length=1)
        >>> images = rng.random((400, 3, 8, 8))
        >>> figure = plot_neuron(result, 0, activations, concepts, images, n_bootstrap=100)
        >>> figure.get_size_inches().round(1)
        array([14.4,  8.9])
    """
    check_integer("n_inputs", n_inputs, minimum=1)
    check_choice("sign", sign, SHOWN)
    colours = theme_named(theme)
    if attributions is not None and images is None:
        raise ValueError("attributions is given without images; expected the pictures below them")
    bootstrap = BootstrapChoice(n_bootstrap, level, seed, groups)
    view = NeuronView.of(result, neuron, activations, concepts, rank, bootstrap)
    tiles = None
    if images is not None:
        tiles = InputTiles(
            view.values,
            view.members,
            picture_source(images, len(view.values)),
            None if attributions is None else attribution_source(attributions),
            sign,
            colours,
        )
    return NeuronSheet(view, tiles, min(n_inputs, len(view.values)), credit, colours).figure()

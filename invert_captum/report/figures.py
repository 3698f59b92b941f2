"""Figures of labelled neurons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from invert_captum._validation import check_integer
from invert_captum.report import neuron_card as card
from invert_captum.report.auc_check import check_label
from invert_captum.report.neuron_card import INK, INSIDE, MUTED, OUTSIDE, NeuronCard
from invert_captum.report.text_fit import wrap
from invert_captum.result.check import check_same_data, labeled_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from invert_captum.concepts import ConceptSet
    from invert_captum.neuron_columns import Activations
    from invert_captum.report.neuron_card import Pictures
    from invert_captum.result import Key, LabelingResult

# Inches. 140 dots an inch show a 72-pixel emoji at its own size.
_DPI = 140
_MARGIN, _GUTTER, _ROW_GAP = 0.45, 0.5, 0.42
_TITLE_LINE, _FOOTER_LINE = 0.38, 0.21
_NARROWEST = 2  # columns, so that headline and notes have room
_MOST_LINES = 6

_TITLE_FONT = FontProperties(family="DejaVu Sans", weight="bold", size=21)
_NOTE_FONT = FontProperties(family="DejaVu Sans", size=10.5)

_LEGEND = (
    "Left: densities of the activation, each scaled to its own peak; a value that many samples "
    "share is set apart, with its shares. Right: the samples that excite the neuron most."
)


def plot_neurons(
    result: LabelingResult,
    activations: Activations,
    concepts: ConceptSet,
    pictures: Pictures,
    keys: Sequence[Key],
    credit: str | None = None,
    *,
    title: str | None = None,
    caption: str | None = None,
    columns: int = 3,
) -> Figure:
    """Draw a card for each of some neurons: its label, how well it fits, and what excites it.

    A card has the label; its AUC, also on held-out samples, and the number of samples for which it
    holds; the densities of the activations inside and outside the concept, where a value that many
    samples share exactly (0 after a ReLU) is set apart and its shares are written out; and the
    eight pictures with the highest activation (for a label of AUC < ½, the lowest), framed in
    colour where the label holds.

    Args:
        result: The labels.
        activations: What was labelled: shape (n, d), a mapping from a layer's name to that, or an
            `ActivationStore`.
        concepts: What it was labelled with, n samples.
        pictures: Gives the picture of the sample with an index: a PIL image, or an array or tensor,
            (height, width) or with 1, 3 or 4 channels on the last axis or on the first. Transparent
            parts lie on white; numbers that are no uint8 are scaled from their lowest to their
            highest.
        keys: Whose cards to draw, as in ``result[key]``.
        credit: A licence line for the foot of the figure.
        title: The headline. Default: how many of how many neurons.
        caption: A line above the credit, such as how the neurons were chosen.
        columns: Cards side by side.

    Returns:
        *matplotlib.figure.Figure*: to save with ``figure.savefig(path)``; pyplot is not involved.

    Raises:
        KeyError: If a key is not in the result.
        TypeError: If ``columns`` is no integer, ``activations`` no matrix of activations,
            ``concepts`` no `ConceptSet`, or ``pictures`` no function.
        ValueError: If there are no keys, a neuron has no label, the data are not those of the
            labelling (samples, layers, neurons or concepts are missing, or a label's AUC differs by
            more than 0.01), ``pictures`` gives no picture, or ``columns`` is below 1.

    Examples:
        >>> import numpy as np
        >>> import invert_captum as ic
        >>> rng = np.random.default_rng(0)
        >>> labels = rng.random((400, 2)) < 0.3
        >>> activations = rng.normal(size=(400, 3)) + labels[:, [0, 0, 1]] * [3, 2, 1]
        >>> concepts = ic.ConceptSet(labels, ["dog", "cat"])
        >>> result = ic.label_neurons(activations, concepts, max_length=1)
        >>> images = rng.random((400, 8, 8, 3))
        >>> figure = plot_neurons(result, activations, concepts, lambda i: images[i], [0, 1])
        >>> figure.texts[0].get_text()
        'What 2 of 3 neurons stand for'
    """
    check_integer("columns", columns, minimum=1)
    if not callable(pictures):
        raise TypeError(
            f"pictures is a {type(pictures).__name__}; expected a function from a sample's index "
            "to its picture"
        )
    cards = _cards(result, activations, concepts, keys)
    columns = min(columns, len(cards))
    rows = [cards[start : start + columns] for start in range(0, len(cards), columns)]
    heights = [max(one.height for one in row) for row in rows]
    across = max(columns, _NARROWEST)
    width = 2 * _MARGIN + across * card.WIDTH + (across - 1) * _GUTTER
    words = wrap(title or _headline(result, len(cards)), width - 2 * _MARGIN, _TITLE_FONT, lines=3)
    notes = _notes(caption, credit, width - 2 * _MARGIN)
    height = _header_height(words) + sum(heights) + (len(rows) - 1) * _ROW_GAP
    height += 1.5 * _MARGIN + len(notes) * _FOOTER_LINE
    figure = Figure(figsize=(width, height), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    top = _header(figure, words)
    for row, row_height in zip(rows, heights, strict=True):
        for position, one in enumerate(row):
            one.draw(figure, _MARGIN + position * (card.WIDTH + _GUTTER), top, row_height, pictures)
        top -= row_height + _ROW_GAP
    _footer(figure, notes)
    return figure


def _cards(
    result: LabelingResult, activations: Activations, concepts: ConceptSet, keys: Sequence[Key]
) -> list[NeuronCard]:
    if not keys:
        raise ValueError("keys is empty; expected at least one neuron of the result")
    layers, concepts = labeled_columns(result, activations, concepts)
    check_same_data(result, layers, concepts)
    several = len(result.layers) > 1
    cards = []
    for key in keys:
        explanation = result[key][0]
        if explanation.formula is None:
            raise ValueError(f"keys has {key!r}, which has no label: the neuron was set aside")
        values = np.asarray(layers[explanation.layer].values(explanation.neuron), dtype=np.float64)
        members = explanation.formula.evaluate(concepts)
        check_label(result, explanation, values, members)
        name = f"{explanation.layer}[{explanation.neuron}]" if several else str(explanation.neuron)
        cards.append(NeuronCard(f"neuron {name}", explanation, values, members))
    return cards


def _headline(result: LabelingResult, count: int) -> str:
    return f"What {count} of {len(result):,} neurons {'stands' if count == 1 else 'stand'} for"


def _header_height(title: list[str]) -> float:
    return 0.62 + len(title) * _TITLE_LINE


def _header(figure: Figure, title: list[str]) -> float:
    """Write headline and legend; return where the cards begin, in inches from below."""
    height = float(figure.get_size_inches()[1])
    for number, line in enumerate(title):
        y = height - _MARGIN - (number + 0.6) * _TITLE_LINE
        card.write(figure, _MARGIN, y, line, color=INK, fontproperties=_TITLE_FONT)
    left, y = _MARGIN, height - _MARGIN - len(title) * _TITLE_LINE - 0.14
    for words, colour in (("label holds", INSIDE), ("label does not hold", OUTSIDE)):
        card.swatch(figure, left, y, colour)
        left = card.write(figure, left + 0.23, y, words, color=INK, size=12.5) + 0.3
    return height - _header_height(title) - _MARGIN / 2


def _footer(figure: Figure, notes: list[str]) -> None:
    for position, note in enumerate(reversed(notes)):
        y = 0.22 + position * _FOOTER_LINE
        card.write(figure, _MARGIN, y, note, color=MUTED, fontproperties=_NOTE_FONT)


def _notes(caption: str | None, credit: str | None, width: float) -> list[str]:
    lines = []
    for note in (_LEGEND, caption, credit):
        if note:
            lines += wrap(note, width, _NOTE_FONT, lines=_MOST_LINES)
    return lines

"""Heat maps of the top neurons: where in a sample did the neuron fire?"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from captum.attr import LayerActivation, NeuronIntegratedGradients
from torch import Tensor

from invert_captum._log import progress
from invert_captum.report.explorer.inversion_maps import is_inversion, layers_text
from invert_captum.report.explorer.labeled_layers import known_reduction
from invert_captum.report.explorer.told_together import told_together

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from invert_captum.labeler import NeuronConceptLabeler
    from invert_captum.report.explorer.labeled_layers import LabeledLayers
    from invert_captum.report.explorer.model_inputs import ModelInputs
    from invert_captum.report.explorer.shown_samples import Entry
    from invert_captum.report.explorer.top_neurons import TopNeuron
    from invert_captum.result import LabelingResult

MOST_CELLS = 28
"""How many cells the longer side of the map of a picture has at most."""

_NO_METHOD = "no method (no positions in the layer, no gradients of the inputs)"
_AT_INPUT = "attribute_to_neuron_input"
_UNSIGNED, _SIGNED = 255, 127


@dataclass(frozen=True)
class MapMethod:
    """How the neurons of a layer are attributed.

    Attributes:
        method: A class of `captum.attr`.
        arguments: What ``labeler.attribute`` gets besides inputs and neuron.
        layers: The layers of an inversion, for the page.
    """

    method: Any
    arguments: dict[str, Any]
    layers: str | None = None

    def __str__(self) -> str:
        at_input = " of what the layer gets" if self.arguments.get(_AT_INPUT) else ""
        layers = "" if self.layers is None else f" ({self.layers})"
        return f"{self.method.__name__}{at_input}{layers}"


class HeatMapper:
    """Attributes neurons to what a page shows of samples.

    Args:
        labeler: Gives the attributions.
        layers: Its layers.
        inputs: What its model takes.
        result: The labels.
        method: A class of `captum.attr`, or `NeuronGuidedFeatureInversion`; None: `LayerActivation`
            where a layer has positions, at the layer's output or else at its input, and
            `NeuronIntegratedGradients` where it has none and the inputs have gradients.
        arguments: Further arguments of ``labeler.attribute``.

    Attributes:
        n_neutral: On how many samples of a neuron an inversion found nothing to decide between; its
            mask, the same everywhere, makes no map.
    """

    def __init__(
        self,
        labeler: NeuronConceptLabeler,
        layers: LabeledLayers,
        inputs: ModelInputs,
        result: LabelingResult,
        method: Any = None,
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        self._labeler, self._layers, self._inputs, self._method = labeler, layers, inputs, method
        reduction = dict(known_reduction(result) or {})
        at_input = reduction.pop("attribute_to_layer_input", False)
        self._arguments = {
            **reduction,
            **({_AT_INPUT: True} if at_input else {}),
            **(arguments or {}),
        }
        self._chosen: dict[str | None, MapMethod | None] = {}
        self.n_neutral = 0

    @property
    def makes_masks(self) -> bool:
        """Whether the maps are masks of Guided Feature Inversion."""
        return is_inversion(self._method)

    @property
    def method_text(self) -> str:
        """What the maps are, for the page; by layer, if layers differ."""
        texts = {layer: str(method or _NO_METHOD) for layer, method in self._chosen.items()}
        if len(set(texts.values())) <= 1:
            return "".join(list(texts.values())[:1])
        return ", ".join(f"{layer}: {text}" for layer, text in texts.items())

    def maps(
        self,
        neurons: Sequence[TopNeuron],
        entries: Mapping[int, Entry],
        *,
        batch_size: int = 32,
        show_progress: bool = False,
    ) -> dict[str, dict[str, Any]]:
        """Return the heat maps by the neuron's row in the table and by sample.

        Args:
            neurons: Whose maps to make, on their own top samples.
            entries: What the page shows of samples; others and plain texts get no map.
            batch_size: How many samples are attributed at once.
            show_progress: Draw a progress bar.
        """

        def made() -> dict[str, dict[str, Any]]:
            shown = progress(neurons, show=show_progress, description="heat maps")
            found = {str(one.row): self._maps_of(one, entries, batch_size) for one in shown}
            return {row: maps for row, maps in found.items() if maps}

        # An inversion tells of pictures by their place in a batch, which only this page knows.
        return told_together("heat maps", made) if self.makes_masks else made()

    def _maps_of(
        self, neuron: TopNeuron, entries: Mapping[int, Entry], batch_size: int
    ) -> dict[str, Any]:
        rows = [row for row in neuron.samples if _takes_map(entries.get(row))]
        maps: dict[str, Any] = {}
        for start in range(0, len(rows), batch_size):
            batch = rows[start : start + batch_size]
            for row, encoded in zip(batch, self._encoded(neuron, batch, entries), strict=True):
                if encoded is not None:
                    maps[str(row)] = encoded
        return maps

    def _encoded(
        self, neuron: TopNeuron, rows: Sequence[int], entries: Mapping[int, Entry]
    ) -> Iterator[dict[str, Any] | None]:
        layer = neuron.explanation.layer
        if layer not in self._chosen:
            self._chosen[layer] = self._choose(neuron, rows[0])
        chosen = self._chosen[layer]
        if chosen is None:
            yield from (None for _ in rows)
            return
        attributions = self._attribute(neuron, rows, chosen.method, chosen.arguments)
        for place, row in enumerate(rows):
            if self.makes_masks and all(_is_flat(one[place]) for one in attributions):
                self.n_neutral += 1
                yield None
                continue
            fitting = (encode(one[place], entries[row]) for one in attributions)
            yield next((one for one in fitting if one is not None), None)

    def _choose(self, neuron: TopNeuron, row: int) -> MapMethod | None:
        if self.makes_masks:
            text = layers_text(self._labeler, self._arguments)
            return MapMethod(self._method, self._arguments, text)
        if self._method is not None:
            return MapMethod(self._method, self._arguments)
        here = dict(self._arguments)
        below = {**here, _AT_INPUT: True}
        for arguments in [here] if here.get(_AT_INPUT) else [here, below]:
            try:
                self._attribute(neuron, [row], LayerActivation, arguments)
            except ValueError:
                # The layer has no positions there, or none that can be laid over the input.
                continue
            return MapMethod(LayerActivation, arguments)
        has_gradients = self._inputs.take([row])[0].is_floating_point()
        return MapMethod(NeuronIntegratedGradients, here) if has_gradients else None

    def _attribute(
        self, neuron: TopNeuron, rows: Sequence[int], method: Any, arguments: Mapping[str, Any]
    ) -> tuple[Tensor, ...]:
        tensors = self._inputs.take(rows)
        further = self._inputs.take_further(rows)
        along: dict[str, Any] = {"additional_forward_args": further} if further else {}
        attribution = self._labeler.attribute(
            tensors if len(tensors) > 1 else tensors[0],
            self._layers.selector(neuron.explanation),
            method=method,
            **along,
            **arguments,
        )
        several = attribution if isinstance(attribution, tuple) else (attribution,)
        return tuple(one.detach().float().cpu().nan_to_num() for one in several)


def encode(attribution: Tensor, entry: Entry) -> dict[str, Any] | None:
    """Return the attribution of one sample as a page keeps it.

    Args:
        attribution: For a picture (channels, height, width) or (height, width), of which the
            positive part is kept; for tokens (t,) or (t, embedding); for numbers (f,).
        entry: What the page shows of the sample.

    Returns:
        *dict*: ``size`` and ``values``, for tokens and numbers ``signed``. None if the shape does
        not fit what is shown.
    """
    if "image" in entry:
        if attribution.ndim not in (2, 3):
            return None
        return _picture_map(attribution.sum(0) if attribution.ndim == 3 else attribution)
    parts = entry.get("tokens", entry.get("numbers"))
    if parts is None or attribution.ndim not in ((1, 2) if "tokens" in entry else (1,)):
        return None
    row = attribution.sum(-1) if attribution.ndim == 2 else attribution
    # Rows of a batch are padded at their ends, for which there is no token to show.
    return _row_map(row[: len(parts)])


def _takes_map(entry: Entry | None) -> bool:
    return entry is not None and any(kind in entry for kind in ("image", "tokens", "numbers"))


def _is_flat(mask: Tensor) -> bool:
    return bool((mask == mask.flatten()[0]).all())


def _picture_map(field: Tensor) -> dict[str, Any]:
    height, width = field.shape
    shrink = min(1.0, MOST_CELLS / max(height, width))
    size = max(1, round(height * shrink)), max(1, round(width * shrink))
    positive = field.clamp(min=0)[None, None]
    cells = torch.nn.functional.adaptive_avg_pool2d(positive, size)[0, 0]
    peak = float(cells.max())
    scaled = cells / peak if peak > 0 else cells
    values = (scaled * _UNSIGNED).round().to(torch.uint8)
    return {"size": list(size), "values": _base64(values)}


def _row_map(row: Tensor) -> dict[str, Any]:
    peak = float(row.abs().max()) if len(row) else 0.0
    scaled = row / peak if peak > 0 else row
    values = (scaled * _SIGNED).round().to(torch.int8)
    return {"size": [1, len(row)], "values": _base64(values), "signed": True}


def _base64(values: Tensor) -> str:
    return base64.b64encode(values.contiguous().numpy().tobytes()).decode("ascii")

"""What a page is made from besides the result, checked against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from invert_captum.neuron_columns import columns_by_layer, concepts_of_store

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from invert_captum.concepts import ConceptSet
    from invert_captum.labeler import NeuronConceptLabeler
    from invert_captum.neuron_columns import Activations, NeuronColumns
    from invert_captum.result import LabelingResult


@dataclass(frozen=True)
class Sources:
    """Activations and concepts of the samples of a result, as far as they are at hand.

    Attributes:
        layers: The activations by the result's layers; None if there are none.
        concepts: The concepts in the order of their rows, or None.
        names: A name for each sample, or None.
    """

    layers: dict[str | None, NeuronColumns] | None
    concepts: ConceptSet | None
    names: Sequence[str] | None

    @classmethod
    def of(
        cls,
        result: LabelingResult,
        activations: Activations | None,
        concepts: ConceptSet | None,
        labeler: NeuronConceptLabeler | None,
        sample_names: Sequence[str] | None,
    ) -> Sources:
        """Gather and check them.

        Raises:
            ValueError: If one does not have the samples, neurons or concepts of the result.
        """
        labelled = (None, None) if labeler is None else _known_to(labeler)
        activations = labelled[0] if activations is None else activations
        concepts = labelled[1] if concepts is None else concepts
        if concepts is not None and activations is not None:
            concepts, _ = concepts_of_store(activations, concepts, None)
        layers = None if activations is None else _named_as_in(result, activations)
        if layers is not None:
            _check_layers(result, layers)
        if concepts is not None:
            _check_concepts(result, concepts)
        names = sample_names
        if names is None and concepts is not None:
            names = concepts.sample_ids
        n_samples = result.settings["n_samples"]
        if names is not None and len(names) != n_samples:
            raise ValueError(
                f"sample_names has {len(names):,} names; the result is of {n_samples:,} samples"
            )
        return cls(layers, concepts, names)


def _known_to(labeler: NeuronConceptLabeler) -> tuple[Activations | None, ConceptSet | None]:
    """Return what a labeler labelled, row by row; else its last extraction alone."""
    labelled = getattr(labeler, "labelled", None)
    return (getattr(labeler, "reference", None), None) if labelled is None else labelled


def _named_as_in(
    result: LabelingResult, activations: Activations
) -> dict[str | None, NeuronColumns]:
    layers = columns_by_layer(activations)
    if len(layers) == 1 and len(result.layers) == 1:
        layers = dict(zip(result.layers, layers.values(), strict=True))
    return layers


def _check_concepts(result: LabelingResult, concepts: ConceptSet) -> None:
    _check_size(result, "concepts", concepts.n_samples)
    missing = [name for name in result.settings["concepts"] if name not in concepts]
    if missing:
        raise ValueError(f"concepts has no {missing[0]!r}, which the result was searched with")


def _check_layers(result: LabelingResult, layers: Mapping[str | None, NeuronColumns]) -> None:
    for columns in layers.values():
        _check_size(result, "activations", columns.n_samples)
    missing = [layer for layer in result.layers if layer not in layers]
    if missing:
        raise ValueError(f"activations has no layer {missing[0]!r}, which the result is of")
    for one in result.explanations:
        n_neurons = layers[one.layer].n_neurons
        if one.neuron >= n_neurons:
            raise ValueError(
                f"activations has {n_neurons:,} neurons; the result has neuron {one.neuron}"
            )


def _check_size(result: LabelingResult, name: str, size: int) -> None:
    expected = result.settings["n_samples"]
    if size != expected:
        raise ValueError(f"{name} has {size:,} samples; the result is of {expected:,}")

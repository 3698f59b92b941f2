"""The package as a Captum concept interpreter: extract, interpret, attribute."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from captum.attr import LayerAttribution, NeuronAttribution, NeuronIntegratedGradients
from captum.concept import ConceptInterpreter
from torch import Tensor, nn

from invert_captum import labeling
from invert_captum._validation import as_list
from invert_captum.activations import (
    Inputs,
    Layers,
    Reducer,
    extract_activations,
    model_fingerprint,
)
from invert_captum.activations.arguments import split_arguments
from invert_captum.activations.description import settings_of
from invert_captum.activations.layer_extractor import LayerExtractor
from invert_captum.attr import attribute_neuron
from invert_captum.attr.neuron_methods.neuron_choice import as_extracted, choose_neuron
from invert_captum.attr.unusual import unusual_neurons
from invert_captum.neuron_columns import columns_by_layer
from invert_captum.result.naming import name_layer
from invert_captum.sample_matching import check_same_samples, match_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from invert_captum.concepts import ConceptSet
    from invert_captum.neuron_columns import Activations
    from invert_captum.result import LabelingResult


class NeuronConceptLabeler(LayerExtractor, ConceptInterpreter):  # type: ignore[misc]
    """Labels every neuron of a layer with a formula over concepts (INVERT).

    A neuron is one column of the layer's activations after the reduction over positions, such as
    a channel of a convolution. See Bykov et al., "Labeling Neural Representations with Inverse
    Recognition" (NeurIPS 2023).

    Args:
        model: The model. It is always run in eval mode and left as it was.
        layer: A module of the model, its dotted name, or a list of these.
        device_ids: Devices of a `torch.nn.DataParallel` model inside another module.

    Raises:
        TypeError: ``layer`` is none of these.
        ValueError: the model has no such layer.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(128, 10))
        >>> labeler = NeuronConceptLabeler(model, "1")
        >>> images = torch.rand(5, 3, 6, 6)
        >>> labeler.extract(images, reduce="max").shape
        torch.Size([5, 8])
        >>> labeler.extraction["reduce"], labeler.reference["1"].shape
        ('max', torch.Size([5, 8]))
        >>> labeler.sample_ids is None, labeler.labelled is None
        (True, True)
        >>> labeler.attribute(images[:2], neuron_selector=3).shape
        torch.Size([2, 3, 6, 6])
    """

    def __init__(
        self, model: nn.Module, layer: Layers, device_ids: Sequence[int] | None = None
    ) -> None:
        LayerExtractor.__init__(self, model, layer, device_ids)
        self._labelled: tuple[Activations, ConceptSet] | None = None
        self._labelled_as: dict[str, Any] | None = None

    @property
    def labelled(self) -> tuple[Activations, ConceptSet] | None:
        """Activations and concepts of the last `interpret`, row by row; None before."""
        return self._labelled

    def interpret(self, inputs: Inputs, concepts: ConceptSet, **arguments: Any) -> LabelingResult:
        """Label the neurons of the layer with formulas over ``concepts``.

        If inputs and concepts both have sample ids, they are joined on them, in the order of the
        concepts, so that shuffling changes nothing (with ``store`` in that of the store);
        otherwise they must be the same samples in the same order. What can be checked is checked
        before the model runs.

        Args:
            inputs: As in `extract`.
            concepts: Which samples show which concept.
            **arguments: Arguments of `extract` and of `invert_captum.label_neurons`; ``groups``
                are one per sample of ``concepts``.

        Returns:
            *LabelingResult*: the labels, with the model and the extraction among their settings.

        Raises:
            TypeError: ``concepts`` is no `ConceptSet`; neither function takes an argument.
            ValueError: inputs and concepts do not match; see also both functions.

        Examples:
            >>> import torch
            >>> from invert_captum import ConceptSet
            >>> labels = torch.rand(200, 2) > 0.5
            >>> shown = ConceptSet(labels, ["dog", "grass"])
            >>> labeler = NeuronConceptLabeler(nn.Sequential(nn.Linear(2, 3)), "0")
            >>> result = labeler.interpret(labels.float(), shown, max_length=1)
            >>> result.settings["extraction"]["layers"]
            ['0']
            >>> activations, concepts = labeler.labelled
            >>> activations["0"].shape, concepts == shown
            (torch.Size([200, 3]), True)
        """
        for_extraction, for_labeling = split_arguments(
            arguments,
            self.extract,
            labeling.label_neurons,
            reserved=("inputs", "activations", "concepts"),
        )
        groups = for_labeling.pop("groups", None)
        groups = None if groups is None else as_list("groups", groups)
        if for_labeling.get("neurons") is not None:
            for_labeling["neurons"] = as_list("neurons", for_labeling["neurons"])
        check_same_samples(inputs, concepts, groups)
        labeling.check_arguments(concepts, groups=groups, **for_labeling)
        model = {"class": type(self.model).__qualname__, "sha256": model_fingerprint(self.model)}
        extracted = self.extract(inputs, **for_extraction)
        activations = (
            dict.fromkeys(self._layers, extracted) if isinstance(extracted, Tensor) else extracted
        )
        if self._sample_ids is not None and concepts.sample_ids is not None:
            activations, concepts, groups = match_rows(
                activations, self._sample_ids, concepts, groups
            )
        self._labelled, self._labelled_as = (activations, concepts), None
        result = labeling.label_neurons(activations, concepts, groups=groups, **for_labeling)
        result = name_layer(result, next(iter(self._layers)))
        self._labelled_as = result.settings["fingerprints"]
        made = {**result.settings, "model": model, "extraction": self.extraction}
        return dataclasses.replace(result, settings=made, keyed_by_layer=self._several)

    def attribute(
        self,
        inputs: Tensor | tuple[Tensor, ...],
        neuron_selector: int | tuple[str, int],
        method: type[NeuronAttribution | LayerAttribution] = NeuronIntegratedGradients,
        *,
        reduce: Reducer | None = None,
        neuron_dim: int | None = None,
        **kwargs: Any,
    ) -> Tensor | tuple[Tensor, ...]:
        """Attribute a neuron's activation to the inputs, to see where in them it fired.

        Args:
            inputs: A tensor or a tuple of tensors; they are moved to the device of the model.
            neuron_selector: Column of the activations; with several layers, the name of the
                layer and the column.
            method: One of the ``Neuron*`` or ``Layer*`` classes of `captum.attr`, or
                `invert_captum.attr.NeuronGuidedFeatureInversion` with ``inversion_layer=``.
            reduce: As in `extract`. None: as in the last extraction, else ``"mean"``.
            neuron_dim: As in `extract`. None: as in the last extraction.
            **kwargs: Arguments of the method, such as ``baselines`` or ``n_steps``. Unless it is
                among them, ``attribute_to_neuron_input`` is as in the last extraction.

        Returns:
            *Tensor*, or a tuple of them, in the shape of the inputs; for ``Layer*`` methods the
            neuron's part in the layer, up-sampled to the inputs (see
            `invert_captum.attr.attribute_neuron`).

        Raises:
            TypeError: ``method`` is no attribution of a neuron or layer, does not know an argument,
                or lacks one.
            ValueError: there is no such neuron, or the method gives wrong numbers with this
                reduction or model, or has no map of this layer.

        Examples:
            >>> import torch
            >>> from captum.attr import LayerActivation, NeuronGradient
            >>> model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU())
            >>> labeler = NeuronConceptLabeler(model, ["0", "1"])
            >>> labeler.attribute(torch.rand(2, 1, 6, 6), ("1", 3), NeuronGradient).shape
            torch.Size([2, 1, 6, 6])
            >>> labeler.attribute(torch.rand(2, 1, 6, 6), ("1", 3), LayerActivation).shape
            torch.Size([2, 1, 6, 6])
        """
        name, neuron = choose_neuron(neuron_selector, self._layers)
        arguments = {**as_extracted(self._settings, reduce, neuron_dim), **kwargs}
        return attribute_neuron(
            self.model,
            self._layers[name],
            inputs,
            neuron,
            method,
            name=name,
            device_ids=self.device_ids,
            **arguments,
        )

    def explain(
        self,
        inputs: Inputs,
        result: LabelingResult,
        *,
        reference: Activations | None = None,
        top: int = 10,
        min_percentile: float = 95.0,
        significant_only: bool = True,
        additional_forward_args: object = None,
    ) -> pd.DataFrame:
        """Return which labelled neurons fire unusually high on some inputs.

        Args:
            inputs: A handful of inputs, as in `extract`.
            result: The labels of this layer. The inputs are run as its samples were.
            reference: Activations of the labelled data set. None: those of the last `interpret`
                of this labeler if ``result`` is of these, else those of its last `extract` or
                `interpret` with as many samples as ``result`` is of.
            top: At most so many neurons for each input.
            min_percentile: Lowest percentile that is unusual, in [0, 100].
            significant_only: Whether only neurons with a significant label count.
            additional_forward_args: As in `extract`.

        Returns:
            *pandas.DataFrame*: a row for each input and neuron, the highest percentile first; see
            `invert_captum.attr.unusual_neurons`.

        Raises:
            ValueError: there is no reference, or the result is of other layers or another
                reduction, or tested nothing while ``significant_only`` is True.

        Examples:
            >>> import torch
            >>> from invert_captum import ConceptSet
            >>> shown = torch.rand(200, 2, generator=torch.Generator().manual_seed(0)) < 0.3
            >>> labeler = NeuronConceptLabeler(nn.Sequential(nn.Identity()), "0")
            >>> images = shown.float() + torch.rand(200, 2, generator=torch.manual_seed(1))
            >>> result = labeler.interpret(images, ConceptSet(shown, ["dog", "cat"]), max_length=1)
            >>> labeler.explain(torch.tensor([[3.0, 0.0]]), result)[["neuron", "formula"]]
               neuron formula
            0       0     dog
        """
        if reference is None:
            reference = self._labelled_reference(result)
        extraction = extract_activations(
            self.model,
            self._layers,
            inputs,
            device_ids=self.device_ids,
            additional_forward_args=additional_forward_args,
            **settings_of(result.settings.get("extraction"), self._settings),
        )
        return unusual_neurons(
            extraction.activations,
            result,
            reference,
            top=top,
            min_percentile=min_percentile,
            significant_only=significant_only,
        )

    def _labelled_reference(self, result: LabelingResult) -> Activations:
        """Return the activations that the result is of, by fingerprint or else by their number."""
        labelled = None if self._labelled is None else self._labelled[0]
        if labelled is not None and self._labelled_as == result.settings["fingerprints"]:
            return labelled
        n_samples, came = result.settings["n_samples"], "no activations"
        for found in (self.reference, labelled):
            if found is None:
                continue
            rows = next(iter(columns_by_layer(found).values())).n_samples
            if rows == n_samples:
                return found
            came = f"those of {rows:,} samples"
        raise ValueError(
            f"reference is None and this labeler has {came}, but the result is of "
            f"{n_samples:,}; expected the activations of the labelled data set"
        )

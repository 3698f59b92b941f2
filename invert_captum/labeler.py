"""The package as a Captum concept interpreter: extract, interpret, attribute."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from captum.attr import NeuronAttribution, NeuronIntegratedGradients
from captum.concept import ConceptInterpreter
from torch import Tensor, nn

from invert_captum import labeling
from invert_captum._validation import as_list, check_integer
from invert_captum.activations import (
    Inputs,
    Layers,
    Reducer,
    extract_activations,
    extract_to_store,
    model_fingerprint,
    resolve_layers,
)
from invert_captum.activations.arguments import split_arguments
from invert_captum.activations.description import describe_extraction
from invert_captum.attr import attribute_neuron
from invert_captum.result.naming import name_layer
from invert_captum.sample_matching import check_same_samples, match_rows

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from concurrent.futures import Executor

    import torch

    from invert_captum.activations import ActivationStore
    from invert_captum.concepts import ConceptSet
    from invert_captum.result import LabelingResult


class NeuronConceptLabeler(ConceptInterpreter):  # type: ignore[misc]
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
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(128, 10))
        >>> labeler = NeuronConceptLabeler(model, "1")
        >>> images = torch.rand(5, 3, 6, 6)
        >>> labeler.extract(images, reduce="max").shape
        torch.Size([5, 8])
        >>> labeler.attribute(images[:2], neuron_selector=3).shape
        torch.Size([2, 3, 6, 6])
    """

    def __init__(
        self, model: nn.Module, layer: Layers, device_ids: Sequence[int] | None = None
    ) -> None:
        super().__init__(model)
        self.layer = layer
        self.device_ids = device_ids
        self._layers = resolve_layers(model, layer)
        self._several = not isinstance(layer, (nn.Module, str))
        self._settings: dict[str, Any] = {"reduce": "mean", "neuron_dim": None}
        self._sample_ids: list[str] | None = None

    @property
    def sample_ids(self) -> list[str] | None:
        """Which sample each row of the last extraction is; None if its inputs did not tell."""
        return self._sample_ids

    def extract(
        self,
        inputs: Inputs,
        *,
        reduce: Reducer = "mean",
        neuron_dim: int | None = None,
        batch_size: int = 64,
        dtype: torch.dtype | None = None,
        store: str | os.PathLike[str] | None = None,
        executor: Executor | None = None,
        additional_forward_args: object = None,
        attribute_to_layer_input: bool = False,
        show_progress: bool = False,
    ) -> Tensor | dict[str, Tensor] | ActivationStore:
        """Return the activations of the layer on ``inputs``, one row per sample.

        Args:
            inputs: A tensor or a tuple of tensors (arguments of the model by position), a
                `torch.utils.data.DataLoader`, or a map-style `torch.utils.data.Dataset`. Batches
                of a loader are a tensor, a mapping of arguments by name, or a tuple or list whose
                first item is one of these. A loader that shuffles must give sample ids: under
                ``"sample_ids"`` in that mapping or in a mapping among the other items. Iterable
                datasets are taken in the order they come.
            reduce: How positions become one number per neuron: ``"mean"``, ``"max"``, ``"min"``,
                ``"l2"``, ``"center"``, ``"first"``, ``"last"``, or a callable that takes the
                layer's output as it is and returns (n, d).
            neuron_dim: Axis of the neurons in the layer's output. None: the last one of three
                axes, else the second.
            batch_size: How many samples of tensors and data sets go through the model at once.
            dtype: Floating type in which activations are kept; None: as they come.
            store: Path or fsspec URL of an `ActivationStore`, which is made, or gone on with if
                an extraction was stopped. ``reduce`` then needs a name. None: in memory.
            executor: Any `concurrent.futures.Executor`, whose workers extract blocks of rows;
                with tensors or a `Dataset` as ``inputs``. All must be able to be pickled. A
                killed worker costs its block with Dask; process pools break, and the call fails.
            additional_forward_args: Further arguments of the model by position, after the
                inputs; of whole tensors, those with one row per sample are cut along.
            attribute_to_layer_input: Take what the layer gets instead of what it gives.
            show_progress: Draw a progress bar.

        Returns:
            Tensor of shape (n, d) on the CPU; a dict of these by layer name if a list of layers
            was given; with ``store`` an `ActivationStore` of these.

        Raises:
            TypeError: an argument has the wrong type.
            ValueError: an argument has no valid value; the layer does not run exactly once per
                forward pass or does not give one row per sample; a loader shuffles without
                telling sample ids; ``store`` was begun with another model, layer, reduction or
                data set.
            OSError: ``store`` cannot be written; the same call goes on with what was finished.
            RuntimeError: a worker died and broke ``executor``.

        Examples:
            >>> import torch
            >>> encoder = nn.TransformerEncoderLayer(8, nhead=2, batch_first=True)
            >>> labeler = NeuronConceptLabeler(encoder, ["linear1", "norm2"])
            >>> tokens = torch.rand(6, 5, 8)
            >>> {name: tuple(rows.shape) for name, rows in labeler.extract(tokens).items()}
            {'linear1': (6, 2048), 'norm2': (6, 8)}
        """
        settings: dict[str, Any] = {
            "reduce": reduce,
            "neuron_dim": neuron_dim,
            "batch_size": check_integer("batch_size", batch_size, minimum=1),
            "dtype": dtype,
            "attribute_to_layer_input": attribute_to_layer_input,
        }
        options: dict[str, Any] = {
            "device_ids": self.device_ids,
            "additional_forward_args": additional_forward_args,
            "executor": executor,
            "show_progress": show_progress,
            **settings,
        }
        model, layers = self.model, self._layers
        if store is not None:
            kept = extract_to_store(
                model, layers, inputs, store, keyed_by_layer=self._several, **options
            )
            self._settings, self._sample_ids = settings, kept.sample_ids
            return kept
        extraction = extract_activations(model, layers, inputs, **options)
        self._settings, self._sample_ids = settings, extraction.sample_ids
        activations = extraction.activations
        return activations if self._several else next(iter(activations.values()))

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
            The labels, with the model and the extraction among their settings.

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
        result = labeling.label_neurons(activations, concepts, groups=groups, **for_labeling)
        result = name_layer(result, next(iter(self._layers)))
        made = {"model": model, "extraction": describe_extraction(self._layers, self._settings)}
        made = {**result.settings, **made}
        return dataclasses.replace(result, settings=made, keyed_by_layer=self._several)

    def attribute(
        self,
        inputs: Tensor | tuple[Tensor, ...],
        neuron_selector: int | tuple[str, int],
        method: type[NeuronAttribution] = NeuronIntegratedGradients,
        *,
        reduce: Reducer | None = None,
        neuron_dim: int | None = None,
        **kwargs: Any,
    ) -> Tensor | tuple[Tensor, ...]:
        """Attribute a neuron's activation to the inputs: where did it fire?

        Args:
            inputs: A tensor or a tuple of tensors; they are moved to the device of the model.
            neuron_selector: Column of the activations; with several layers, the name of the
                layer and the column.
            method: One of the ``Neuron*`` classes of `captum.attr`.
            reduce: As in `extract`. None: as in the last extraction, else ``"mean"``.
            neuron_dim: As in `extract`. None: as in the last extraction.
            **kwargs: Arguments of the method, such as ``baselines`` or ``n_steps``. Unless it is
                among them, ``attribute_to_neuron_input`` is as in the last extraction.

        Returns:
            Attributions in the shape of the inputs.

        Raises:
            TypeError: ``method`` is no neuron attribution, or does not know an argument.
            ValueError: there is no such neuron, or the method gives wrong numbers with this
                reduction (see `invert_captum.attr.attribute_neuron`).

        Examples:
            >>> import torch
            >>> from captum.attr import NeuronGradient
            >>> model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU())
            >>> labeler = NeuronConceptLabeler(model, ["0", "1"])
            >>> labeler.attribute(torch.rand(2, 1, 6, 6), ("1", 3), NeuronGradient).shape
            torch.Size([2, 1, 6, 6])
        """
        name, neuron = self._select(neuron_selector)
        chosen = self._settings["reduce"] if reduce is None else reduce
        if neuron_dim is None and not callable(chosen):
            neuron_dim = self._settings["neuron_dim"]
        if self._settings.get("attribute_to_layer_input"):
            kwargs.setdefault("attribute_to_neuron_input", True)
        return attribute_neuron(
            self.model,
            self._layers[name],
            inputs,
            neuron,
            method,
            name=name,
            reduce=chosen,
            neuron_dim=neuron_dim,
            device_ids=self.device_ids,
            **kwargs,
        )

    def _select(self, selector: object) -> tuple[str, Any]:
        """Return layer name and column."""
        if isinstance(selector, tuple) and len(selector) == 2 and isinstance(selector[0], str):
            if selector[0] not in self._layers:
                raise ValueError(
                    f"neuron_selector names layer {selector[0]!r}; "
                    f"expected one of {list(self._layers)}"
                )
            return selector
        if len(self._layers) > 1:
            raise TypeError(
                f"neuron_selector is {selector!r}; expected a layer name and a neuron, such as "
                f"{(next(iter(self._layers)), 0)}, because there are {len(self._layers)} layers"
            )
        return next(iter(self._layers)), selector

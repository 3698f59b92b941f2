"""`LayerExtractor`: some layers of a model, and how their activations were last extracted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from invert_captum._validation import check_integer
from invert_captum.activations.description import describe_extraction
from invert_captum.activations.extraction import extract_activations
from invert_captum.activations.layers import Layers, resolve_layers
from invert_captum.activations.store.extraction import extract_to_store

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from concurrent.futures import Executor

    import torch

    from invert_captum.activations.batches import Inputs
    from invert_captum.activations.reducers import Reducer
    from invert_captum.activations.store import ActivationStore


class LayerExtractor:
    """Extracts the activations of some layers of a model, and remembers how.

    Args:
        model: The model. It is always run in eval mode and left as it was.
        layer: A module of the model, its dotted name, or a list of these.
        device_ids: Devices of a `torch.nn.DataParallel` model inside another module.

    Raises:
        TypeError: ``layer`` is none of these.
        ValueError: the model has no such layer.

    Examples:
        >>> import torch
        >>> extractor = LayerExtractor(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()), "1")
        >>> extractor.extract(torch.rand(5, 3, 6, 6), reduce="max").shape
        torch.Size([5, 8])
        >>> extractor.extraction["layers"], extractor.extraction["reduce"]
        (['1'], 'max')
    """

    def __init__(
        self, model: nn.Module, layer: Layers, device_ids: Sequence[int] | None = None
    ) -> None:
        self.model = model
        self.layer = layer
        self.device_ids = device_ids
        self._layers = resolve_layers(model, layer)
        self._several = not isinstance(layer, (nn.Module, str))
        self._settings: dict[str, Any] = {
            "reduce": "mean",
            "neuron_dim": None,
            "dtype": None,
            "attribute_to_layer_input": False,
        }
        self._sample_ids: list[str] | None = None
        self._reference: dict[str, Tensor] | ActivationStore | None = None

    @property
    def reference(self) -> dict[str, Tensor] | ActivationStore | None:
        """The activations of the last extraction, by layer; None before.

        Their rows are in the order in which the inputs came, which `sample_ids` tells.
        """
        return self._reference

    @property
    def extraction(self) -> dict[str, Any]:
        """How activations were last made, as the settings of a result tell it."""
        return describe_extraction(self._layers, self._settings)

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
            *Tensor* of shape (n, d) on the CPU; a dict of these by layer name if a list of layers
            was given; with ``store`` an `ActivationStore` of these.

        Raises:
            TypeError: an argument has the wrong type.
            ValueError: an argument has no valid value; the layer does not run exactly once per
                forward pass or does not give one row per sample; a loader shuffles without
                telling sample ids; ``store`` was begun with another model, layer, reduction or
                data set.
            OSError: ``store`` cannot be written; the same call goes on with what was finished.
            RuntimeError: a worker died and broke ``executor``.

        Warns:
            InvertCaptumWarning: the layer gives maps that look channels-last, and ``neuron_dim``
                is None.

        Examples:
            >>> import torch
            >>> from invert_captum import NeuronConceptLabeler
            >>> encoder = torch.nn.TransformerEncoderLayer(8, nhead=2, batch_first=True)
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
            self._settings, self._sample_ids, self._reference = settings, kept.sample_ids, kept
            return kept
        extraction = extract_activations(model, layers, inputs, **options)
        activations = extraction.activations
        self._settings, self._sample_ids = settings, extraction.sample_ids
        self._reference = activations
        return activations if self._several else next(iter(activations.values()))

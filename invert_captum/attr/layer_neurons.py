"""Which neurons of which layer are meant, by module or name, by column or by explanation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from torch import nn

from invert_captum._validation import check_integer, shown
from invert_captum.activations.layers import resolve_layers
from invert_captum.neuron_columns import columns_by_layer
from invert_captum.result.explanation import Explanation

if TYPE_CHECKING:
    from invert_captum.neuron_columns import Activations, NeuronColumns
    from invert_captum.result import LabelingResult

Neuron: TypeAlias = "int | tuple[str, int] | Explanation"
Neurons: TypeAlias = "Neuron | Iterable[Neuron]"


@dataclass(frozen=True)
class NamedLayer:
    """A layer of a model, with all its names.

    Attributes:
        name: What messages call it.
        module: The layer.
        names: Every dotted name under which the model holds it.
    """

    name: str
    module: nn.Module
    names: frozenset[str]

    @classmethod
    def of(cls, model: nn.Module, layer: nn.Module | str) -> NamedLayer:
        """Find a layer by module or dotted name.

        Raises:
            TypeError: ``layer`` is neither.
            ValueError: the model has no such layer.
        """
        if not isinstance(layer, (nn.Module, str)):
            raise TypeError(
                f"layer is of type {type(layer).__name__}; expected a torch.nn.Module or a "
                "dotted name"
            )
        ((name, module),) = resolve_layers(model, layer).items()
        every = model.named_modules(remove_duplicate=False)
        return cls(name, module, frozenset(known for known, one in every if one is module))

    def columns_of(self, neurons: Neurons) -> tuple[int, ...]:
        """Return the columns of ``neurons``, ascending, each once.

        Args:
            neurons: A column, a key (layer, column), an `Explanation`, or several of these.

        Raises:
            TypeError: a neuron is none of these.
            ValueError: there are none, one is negative, or of another layer.

        Examples:
            >>> layer = NamedLayer.of(nn.Sequential(nn.Linear(2, 5)), "0")
            >>> layer.columns_of([("0", 3), 1, 3])
            (1, 3)
        """
        # Arrays and tensors give Python's own numbers through `tolist`.
        given: object = getattr(neurons, "tolist", lambda: neurons)()
        is_key = isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], str)
        alone = is_key or isinstance(given, str)
        several = [given] if alone or not isinstance(given, Iterable) else given
        columns = {self._column(one) for one in several}
        if not columns:
            raise ValueError("neurons is empty; expected at least one neuron")
        return tuple(sorted(columns))

    def _column(self, neuron: object) -> int:
        layer: object = None
        column = neuron
        if isinstance(neuron, Explanation):
            layer, column = neuron.layer, neuron.neuron
        elif isinstance(neuron, tuple) and len(neuron) == 2:
            layer, column = neuron
        elif isinstance(neuron, str):
            raise TypeError(
                f"neurons is or has {shown(neuron)}; expected columns, keys (layer, column), or "
                "explanations"
            )
        if layer is not None and layer not in self.names:
            raise ValueError(
                f"neurons has neuron {column} of layer {layer!r}; expected neurons of layer "
                f"{self.name!r}"
            )
        return check_integer("neurons", column, minimum=0)

    def activations_of(self, activations: Activations) -> NeuronColumns:
        """Return this layer's activations; one matrix without a name is taken as this layer's.

        Raises:
            ValueError: the layer is not among them.
        """
        layers = columns_by_layer(activations)
        for name, columns in layers.items():
            if name is None or name in self.names:
                return columns
        raise ValueError(f"activations has the layers {list(layers)}; expected {self.name!r}")

    def explanations_of(self, result: LabelingResult) -> list[Explanation]:
        """Return the best explanation of every neuron of this layer; see `activations_of`.

        Raises:
            ValueError: the layer is not among those of the result, or is so under several names.
        """
        of_layer = [
            one
            for one in result.explanations
            if one.rank == 0 and (one.layer is None or one.layer in self.names)
        ]
        if not of_layer:
            raise ValueError(f"result has the layers {list(result.layers)}; expected {self.name!r}")
        if len(found := dict.fromkeys(one.layer for one in of_layer)) > 1:
            raise ValueError(
                f"result has the layers {list(found)}, which are one module; expected one of them"
            )
        return of_layer


def extraction_of(result: LabelingResult) -> tuple[str, int | None, bool]:
    """Return how the labelled activations were made, as far as ``result`` knows.

    Returns:
        ``reduce`` (of a function its name), ``neuron_dim`` and ``attribute_to_layer_input``; where
        they are not known ``"mean"``, None and False.
    """
    made = result.settings.get("extraction") or {}
    at_input = bool(made.get("attribute_to_layer_input", False))
    return made.get("reduce", "mean"), made.get("neuron_dim"), at_input


def check_columns(columns: tuple[int, ...], n_neurons: int, layer: str) -> None:
    """Raise `ValueError` unless a layer of ``n_neurons`` has all ``columns``."""
    if columns[-1] >= n_neurons:
        raise ValueError(
            f"neurons has {columns[-1]}, but layer {layer!r} has {n_neurons} neurons; "
            f"expected 0 to {n_neurons - 1}"
        )

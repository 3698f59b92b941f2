"""`ablate`: neurons of a layer switched off for a while."""

from __future__ import annotations

import copy
from collections.abc import Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor

from invert_captum._log import warn
from invert_captum._validation import check_choice
from invert_captum.activations.reducers import (
    REDUCER_NAMES,
    Reducer,
    check_reducer,
    neurons_first,
    only_tensor,
    position_index,
)
from invert_captum.attr.layer_neurons import NamedLayer, Neurons, check_columns
from invert_captum.attr.neuron_blocks import neuron_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from invert_captum.neuron_columns import Activations

Value: TypeAlias = Literal["zero", "mean"]


@contextmanager
def ablate(
    model: nn.Module,
    layer: nn.Module | str,
    neurons: Neurons,
    value: Value = "zero",
    *,
    activations: Activations | None = None,
    reduce: Reducer = "mean",
    neuron_dim: int | None = None,
    attribute_to_layer_input: bool = False,
) -> Iterator[None]:
    """Switch neurons of a layer off inside a ``with`` block.

    Every call of the layer inside the block gives the neurons' value instead of what it computed,
    also where the layer runs several times in a forward pass. Nothing is changed in place, so that
    gradients flow through all other neurons. The model keeps its mode; usually it is in eval mode.
    Blocks may be nested and overlap; where two set the same neuron, the later one does. The hook is
    gone after the block, also after an error.

    Args:
        model: The model.
        layer: A module of it, or its dotted name. It may give a tensor, or a tuple, list or
            mapping with one tensor inside.
        neurons: Columns of the layer's activations, keys (layer, column), or explanations such as
            those of `LabelingResult.find`; one or several.
        value: ``"zero"``, or ``"mean"``: each neuron's mean over ``activations``.
        activations: For ``"mean"``: activations of a data set, of shape (n, d), in any form that
            `label_neurons` takes; only the neurons' columns are read.
        reduce: How positions became one number per neuron (see `reduce_output`). With ``"first"``,
            ``"last"`` and ``"center"`` the neuron is that position, and only it is set; with all
            others every position of the channel is.
        neuron_dim: Axis of the neurons in the layer's output; see `reduce_output`.
        attribute_to_layer_input: Set what the layer gets instead of what it gives.

    Yields:
        None.

    Raises:
        TypeError: an argument has the wrong type.
        ValueError: there is no such layer or, when the model runs, no such neuron; ``value`` is
            ``"mean"`` and ``activations`` is missing, not finite, or a maximum, minimum or norm
            over positions, whose mean is none of positions; ``reduce`` is a callable.

    Warns:
        InvertCaptumWarning: the model ran inside the block, but the layer did not.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> model = nn.Sequential(nn.Identity(), nn.Linear(3, 1, bias=False))
        >>> _ = model[1].weight.data.copy_(torch.tensor([[1.0, 10.0, 100.0]]))
        >>> rows = torch.tensor([[1.0, 2.0, 3.0], [3.0, 4.0, 5.0]])
        >>> with torch.no_grad():
        ...     model(rows).flatten()
        ...     with ablate(model, "0", [1]):
        ...         model(rows).flatten()
        ...     with ablate(model, "0", [0, 1], "mean", activations=rows):
        ...         model(rows).flatten()
        tensor([321., 543.])
        tensor([301., 503.])
        tensor([332., 532.])
    """
    where = NamedLayer.of(model, layer)
    replacement = Replacement.of(
        where, where.columns_of(neurons), value, activations, reduce, neuron_dim
    )
    model_runs, layer_runs = [0], [0]
    with (
        counting(model, model_runs),
        counting(where.module, layer_runs),
        replacing(where.module, replacement, at_input=attribute_to_layer_input),
    ):
        yield
    if model_runs[0] and not layer_runs[0]:
        warn(
            f"layer {where.name!r} was not called while its neurons were ablated, so that nothing "
            "changed (a parent may use its weights without calling it)"
        )


@dataclass(frozen=True)
class Replacement:
    """What a layer gives, with some neurons set.

    Attributes:
        layer: Name of the layer, for error messages.
        columns: The neurons, ascending.
        values: float64 of shape (k,): what they are set to; None for zero.
        n_neurons: How many neurons the activations of ``values`` have.
        reduce: One of the named reductions.
        neuron_dim: As in `reduce_output`.
    """

    layer: str
    columns: tuple[int, ...]
    values: Tensor | None = None
    n_neurons: int | None = None
    reduce: Reducer = "mean"
    neuron_dim: int | None = None

    @classmethod
    def of(
        cls,
        layer: NamedLayer,
        columns: tuple[int, ...],
        value: Value,
        activations: Activations | None,
        reduce: Reducer,
        neuron_dim: int | None,
    ) -> Replacement:
        """Check the arguments of `ablate`, and compute the means if they are asked for."""
        check_choice("value", value, ("zero", "mean"))
        check_reducer(reduce, neuron_dim)
        if not isinstance(reduce, str):
            raise ValueError(
                "reduce is a callable, which does not tell where in the layer's output a neuron "
                f"is; expected one of {', '.join(map(repr, REDUCER_NAMES))}"
            )
        if value == "zero":
            return cls(layer.name, columns, None, None, reduce, neuron_dim)
        if activations is None:
            raise ValueError("activations is None, but value is 'mean'; expected (n, d)")
        source = layer.activations_of(activations)
        if not columns:
            return cls(layer.name, columns, None, source.n_neurons, reduce, neuron_dim)
        if columns[-1] >= source.n_neurons:
            raise ValueError(
                f"activations has {source.n_neurons:,} neurons, but neurons has {columns[-1]}; "
                f"expected activations of layer {layer.name!r}"
            )
        means = np.concatenate(
            [values.mean(axis=1, dtype=np.float64) for _, values in neuron_blocks(source, columns)]
        )
        if not np.isfinite(means).all():
            bad = columns[int(np.flatnonzero(~np.isfinite(means))[0])]
            raise ValueError(
                f"activations of neuron {bad} of layer {layer.name!r} have the mean "
                f"{means[columns.index(bad)]}; expected finite values"
            )
        values = torch.from_numpy(means)
        return cls(layer.name, columns, values, source.n_neurons, reduce, neuron_dim)

    def only(self, columns: tuple[int, ...]) -> Replacement:
        """Return the replacement of some of the neurons, ascending."""
        values = self.values
        if values is not None:
            values = values[[self.columns.index(column) for column in columns]]
        return replace(self, columns=columns, values=values)

    def __call__(self, output: Any) -> Any:
        """Return a copy of what the layer gives, with the neurons set."""
        return _with_tensor(output, self._replaced(only_tensor(output, self.layer)))

    def _replaced(self, tensor: Tensor) -> Tensor:
        # A copy keeps the strides, on which views in later layers rely.
        copied = tensor.clone()
        positions = neurons_first(copied, self.neuron_dim, self.layer)
        self._check_neurons(positions.shape[1])
        sizes = positions.shape[2:]
        index = position_index(self.reduce, sizes)
        if self.values is None:
            values: Tensor | float = 0.0
        else:
            self._check_means(tensor, index, tuple(sizes))
            values = self.values.to(tensor.dtype).to(tensor.device)
            values = values if index is not None else values.reshape(-1, *(1 for _ in sizes))
        entries: tuple[Any, ...] = (slice(None), list(self.columns), *(index or ()))
        positions[entries] = values
        return copied

    def _check_neurons(self, n_neurons: int) -> None:
        check_columns(self.columns, n_neurons, self.layer)
        if self.n_neurons not in (None, n_neurons):
            raise ValueError(
                f"activations has {self.n_neurons} neurons, but layer {self.layer!r} has "
                f"{n_neurons}; expected activations of this layer"
            )

    def _check_means(
        self, tensor: Tensor, index: tuple[int, ...] | None, sizes: tuple[int, ...]
    ) -> None:
        if index is None and self.reduce != "mean":
            raise ValueError(
                f"value is 'mean', but activations are reduced by {self.reduce!r} over positions "
                f"{sizes} of layer {self.layer!r}, so that their mean is no typical value of a "
                "position; expected value='zero', or activations with reduce='mean'"
            )
        if not tensor.is_floating_point():
            raise ValueError(
                f"value is 'mean', but layer {self.layer!r} gives {tensor.dtype}, which holds no "
                "means; expected value='zero' or a layer of floating type"
            )


@contextmanager
def replacing(layer: nn.Module, replacement: Replacement, *, at_input: bool) -> Iterator[None]:
    """Hook ``replacement`` to a layer inside the ``with`` block and never after it."""

    def before(
        module: nn.Module,  # noqa: ARG001
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        # What an extraction at the layer's input looks at, too.
        if args:
            return (replacement(args[0]),) if len(args) == 1 else replacement(args), kwargs
        if len(kwargs) == 1:
            return args, {name: replacement(given) for name, given in kwargs.items()}
        return args, replacement(kwargs)

    def after(module: nn.Module, args: object, output: Any) -> Any:  # noqa: ARG001
        return replacement(output)

    handle = (
        layer.register_forward_pre_hook(before, with_kwargs=True)
        if at_input
        else layer.register_forward_hook(after)
    )
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def counting(module: nn.Module, runs: list[int]) -> Iterator[None]:
    """Count the calls of a module in ``runs[0]`` inside the ``with`` block."""

    def count(module: nn.Module, args: object) -> None:  # noqa: ARG001
        runs[0] += 1

    handle = module.register_forward_pre_hook(count)
    try:
        yield
    finally:
        handle.remove()


def _with_tensor(output: Any, tensor: Tensor) -> Any:
    """Return ``output`` with its one tensor exchanged."""
    if isinstance(output, Tensor):
        return tensor
    if isinstance(output, Mapping):
        changed: Any = copy.copy(output) if isinstance(output, MutableMapping) else dict(output)
        for name, part in output.items():
            if isinstance(part, Tensor):
                changed[name] = tensor
        return changed
    parts = [tensor if isinstance(part, Tensor) else part for part in output]
    make = getattr(type(output), "_make", type(output))
    return make(parts)

"""Reductions: one number per neuron from what a layer gives at many positions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args

import torch
from torch import Tensor

ReducerName = Literal["mean", "max", "min", "l2", "center", "first", "last"]
Reducer = ReducerName | Callable[[Any], Tensor]

REDUCER_NAMES: tuple[ReducerName, ...] = get_args(ReducerName)


def reduce_output(
    output: object, reduce: Reducer = "mean", neuron_dim: int | None = None, *, layer: str = "layer"
) -> Tensor:
    """Turn the output of a layer into one row per input and one column per neuron.

    The named reductions go over the positions, that is all axes but the first (the inputs) and
    that of the neurons:

    - ``"mean"``, ``"max"``, ``"min"``;
    - ``"l2"``: the Euclidean norm over the positions;
    - ``"center"``: the value at index ``size // 2`` of every position axis;
    - ``"first"``, ``"last"``: the value at the first or last position, such as the first token.

    An output without positions is taken as it is. ``"mean"`` and ``"l2"`` of half-precision and of
    integer outputs are computed and returned in float32; all else keeps the dtype of the output.

    Args:
        output: What the layer gives: a tensor, or a tuple, list or mapping with one tensor inside.
        reduce: One of the names above, or a callable that takes the output as the layer gives it
            and returns a tensor of shape (n, d).
        neuron_dim: The axis of the neurons. None: the last one of three axes ``(n, tokens, d)``,
            the second one of four or five ``(n, d, height, width)``.
        layer: Name of the layer, for error messages.

    Returns:
        Tensor of shape (n, d).

    Raises:
        TypeError: the output is no tensor, or the callable returned none.
        ValueError: unknown ``reduce``, ``neuron_dim`` is not an axis of the output, the output
            holds several tensors or has no positions to choose from.

    Examples:
        >>> maps = torch.arange(24.0).reshape(1, 2, 3, 4)
        >>> reduce_output(maps, "mean")
        tensor([[ 5.5000, 17.5000]])
        >>> reduce_output(maps, "center")
        tensor([[ 6., 18.]])
        >>> reduce_output(maps, lambda output: output[:, :, 0, -1])
        tensor([[ 3., 15.]])
    """
    check_reducer(reduce, neuron_dim)
    if isinstance(reduce, str):
        positions = neurons_first(only_tensor(output, layer), neuron_dim, layer)
        rows = positions if positions.ndim == 2 else _reduce_positions(positions, reduce, layer)
    else:
        rows = reduce(output)
        if not isinstance(rows, Tensor):
            raise TypeError(
                f"reduce returned {type(rows).__name__} for layer {layer!r}; expected a tensor"
            )
        if rows.ndim != 2:
            raise ValueError(
                f"reduce returned shape {tuple(rows.shape)} for layer {layer!r}; expected two "
                "axes (n, d): one row per input, one column per neuron"
            )
    if rows.is_complex():
        raise ValueError(f"layer {layer!r} gives {rows.dtype} activations; expected real numbers")
    return rows


def check_reducer(reduce: object, neuron_dim: object) -> None:
    """Raise unless ``reduce`` and ``neuron_dim`` are valid choices, as far as is known yet."""
    if callable(reduce):
        if neuron_dim is not None:
            raise ValueError(
                f"neuron_dim is {neuron_dim!r} with a callable reduce, which gets the output as "
                "it is; expected None"
            )
    elif not isinstance(reduce, str) or reduce not in REDUCER_NAMES:
        listed = ", ".join(map(repr, REDUCER_NAMES))
        raise ValueError(f"reduce is {reduce!r}; expected one of {listed}, or a callable")
    if neuron_dim is not None and (isinstance(neuron_dim, bool) or not isinstance(neuron_dim, int)):
        raise TypeError(f"neuron_dim is {neuron_dim!r}; expected an integer or None")
    if neuron_dim == 0:
        raise ValueError("neuron_dim is 0, the axis of the inputs; expected another axis")


def only_tensor(output: object, layer: str) -> Tensor:
    """Return the one tensor in the output of a layer, or raise if there is none or several."""
    if isinstance(output, Tensor):
        if output.is_nested:
            raise ValueError(
                f"layer {layer!r} gives a nested tensor; give a callable `reduce`, or build the "
                "model with enable_nested_tensor=False"
            )
        return output
    if isinstance(output, Mapping):
        parts = list(output.values())
    elif isinstance(output, (tuple, list)):
        parts = list(output)
    else:
        raise TypeError(
            f"layer {layer!r} gives {type(output).__name__}; expected a tensor, or a callable "
            "`reduce` that makes one"
        )
    tensors = [part for part in parts if isinstance(part, Tensor)]
    if len(tensors) == 1 and all(part is None for part in parts if part is not tensors[0]):
        return only_tensor(tensors[0], layer)
    raise ValueError(
        f"layer {layer!r} gives a {type(output).__name__} of {len(parts)} items with "
        f"{len(tensors)} tensors; expected one tensor, or a callable `reduce` that takes the "
        f"{type(output).__name__} and returns (n, d), such as `lambda output: output[0]`"
    )


def neuron_axis(tensor: Tensor, neuron_dim: int | None, layer: str) -> int:
    """Return which axis of a layer's output holds the neurons; 1 if it has only one axis."""
    if neuron_dim is None:
        defaults = {1: 1, 2: 1, 3: 2, 4: 1, 5: 1}
        if tensor.ndim not in defaults:
            raise ValueError(
                f"neuron_dim is None, but layer {layer!r} gives shape {tuple(tensor.shape)}; "
                "expected neuron_dim, or an output with one to five axes"
            )
        return defaults[tensor.ndim]
    if not -tensor.ndim <= neuron_dim < tensor.ndim or neuron_dim % tensor.ndim == 0:
        raise ValueError(
            f"neuron_dim is {neuron_dim}, but layer {layer!r} gives shape {tuple(tensor.shape)}; "
            f"expected an axis of it other than 0, the axis of the inputs"
        )
    return neuron_dim % tensor.ndim


def neurons_first(tensor: Tensor, neuron_dim: int | None, layer: str) -> Tensor:
    """Return ``tensor`` with the axes (inputs, neurons, *positions)."""
    axis = neuron_axis(tensor, neuron_dim, layer)
    return tensor.unsqueeze(1) if tensor.ndim == 1 else tensor.movedim(axis, 1)


def position_index(reduce: Reducer, sizes: Sequence[int]) -> tuple[int, ...] | None:
    """Return the one position that ``reduce`` picks out of ``sizes``, or None if it mixes them."""
    if not sizes:
        return ()
    if reduce == "center":
        return tuple(size // 2 for size in sizes)
    if reduce == "last":
        return tuple(size - 1 for size in sizes)
    alone = math.prod(sizes) == 1 and reduce in ("mean", "max", "min")
    return (0,) * len(sizes) if reduce == "first" or alone else None


def _reduce_positions(positions: Tensor, reduce: ReducerName, layer: str) -> Tensor:
    sizes = positions.shape[2:]
    if 0 in sizes:
        raise ValueError(f"layer {layer!r} gives no positions to reduce: {tuple(sizes)}")
    if (index := position_index(reduce, sizes)) is not None:
        for place in index:
            positions = positions.select(2, place)
        return positions
    flat = positions.flatten(2)
    if reduce in ("max", "min"):
        return flat.amax(-1) if reduce == "max" else flat.amin(-1)
    # A norm can leave the range of float16, and a mean of few bits makes ties that are none.
    wide = flat if flat.dtype == torch.float64 or flat.is_complex() else flat.float()
    return wide.mean(-1) if reduce == "mean" else torch.linalg.vector_norm(wide, dim=-1)

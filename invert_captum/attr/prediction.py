"""The number of each sample's output that is meant by ``target``, as Captum chooses it."""

from __future__ import annotations

import numbers
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor

Target: TypeAlias = int | tuple[int, ...] | Tensor | list[int] | list[tuple[int, ...]] | None

ChosenTarget: TypeAlias = Target | Literal["predicted"]

_EXPECTED = (
    "expected None, an integer, a tuple of integers, a list of one of these per sample, a tensor "
    'of one integer or one per sample, or "predicted"'
)


def target_output(output: object, target: Target) -> Tensor:
    """Return one number per sample out of the output of a model.

    Args:
        output: What the model gives: a tensor of shape (n,) or (n, …).
        target: As in Captum: None where that is one number per sample already; an index along the
            second axis; a tuple with an index along each axis after the first; a list of n of
            these; a tensor of one or of n integers.

    Returns:
        *Tensor* of shape (n,).

    Raises:
        TypeError: ``output`` is no tensor, or ``target`` nothing of the above.
        ValueError: ``target`` does not give one number per sample, or lies outside of the output.

    Examples:
        >>> import torch
        >>> logits = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
        >>> target_output(logits, 2)
        tensor([3., 6.])
        >>> target_output(logits, [0, 1])
        tensor([1., 5.])
    """
    if not isinstance(output, Tensor):
        raise TypeError(f"forward_func gives {type(output).__name__}; expected a tensor")
    if not output.ndim:
        raise ValueError("forward_func gives one number for all samples; expected one row each")
    chosen = _chosen(output, target)
    if chosen.numel() != len(output):
        raise ValueError(
            f"target is {target!r}, but forward_func gives shape {tuple(output.shape)}; expected a "
            "target that leaves one number per sample"
        )
    return chosen.reshape(len(output))


def predicted_target(output: object) -> Tensor:
    """Return the class with the highest output of each sample, shape (n,), from outputs (n, k).

    Raises:
        ValueError: the output is no tensor of two axes.
    """
    if not isinstance(output, Tensor) or output.ndim != 2:
        shape = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise ValueError(
            f'target is "predicted", but forward_func gives {shape}; expected shape (n, classes)'
        )
    return output.detach().argmax(1)


def check_target(target: object, n_samples: int | None) -> None:
    """Raise unless ``target`` is one that `target_output` or `predicted_target` knows.

    Args:
        target: The target.
        n_samples: How many samples there are; None where a target per sample has no place.

    Raises:
        TypeError: it is none.
        ValueError: it is a list or tensor of another number of targets.
    """
    if isinstance(target, str):
        if target != "predicted":
            raise ValueError(f"target is {target!r}; {_EXPECTED}")
        return
    several = _several(target)
    if several is None:
        if target is not None and not isinstance(target, Tensor):
            _indices(target)
        return
    if n_samples is None:
        raise ValueError(
            f"target has {len(several)} entries for a mean over samples; expected one target for "
            'all of them, or "predicted"'
        )
    if len(several) != n_samples:
        raise ValueError(f"target has {len(several)} entries for {n_samples} samples; {_EXPECTED}")


def plain_target(target: ChosenTarget) -> ChosenTarget:
    """Return ``target`` in Python's own integers, which Captum takes for any model.

    Captum refuses NumPy's integers, and tensors that are on another device or of a small type.

    Examples:
        >>> plain_target(torch.tensor([1, 2], dtype=torch.int16)), plain_target("predicted")
        ([1, 2], 'predicted')
    """
    if target is None or isinstance(target, str):
        return target
    several = _several(target)
    if several is None:
        one: int | tuple[int, ...] = _plain(target)
        return one
    rows: list[Any] = several.tolist() if isinstance(several, Tensor) else several
    return [_plain(row) for row in rows]


def target_rows(target: ChosenTarget, start: int, stop: int) -> ChosenTarget:
    """Return the target of some samples."""
    several = _several(target)
    return target if several is None else several[start:stop]


def _several(target: object) -> Any:
    """Return ``target`` if it holds one target per sample, else None."""
    if isinstance(target, Tensor):
        whole = not (
            target.is_floating_point() or target.is_complex() or target.dtype == torch.bool
        )
        if not whole or target.ndim > 1:
            raise TypeError(
                f"target is a tensor of {target.dtype} and shape {tuple(target.shape)}; {_EXPECTED}"
            )
        return target if target.numel() != 1 else None
    return target if isinstance(target, list) else None


def _chosen(output: Tensor, target: Target) -> Tensor:
    several = _several(target)
    if target is None:
        return output
    if several is None:
        chosen = output
        for index in _inside(output, _indices(target)):
            chosen = chosen.select(1, index)
        return chosen
    if len(several) != len(output):
        raise ValueError(f"target has {len(several)} entries for {len(output)} samples")
    rows = several.tolist() if isinstance(several, Tensor) else several
    places = [_inside(output, _indices(row)) for row in rows]
    return torch.stack([one[place] for one, place in zip(output, places, strict=True)])


def _plain(target: object) -> Any:
    indices = _indices(target)
    return indices if isinstance(target, tuple) else indices[0]


def _indices(target: object) -> tuple[int, ...]:
    """Return the target of one sample as indices along the axes after the first."""
    if isinstance(target, Tensor):
        return (int(target.item()),)
    indices = target if isinstance(target, tuple) else (target,)
    for index in indices:
        if isinstance(index, bool) or not isinstance(index, numbers.Integral):
            raise TypeError(f"target is {target!r}; {_EXPECTED}")
    return tuple(int(index) for index in indices)


def _inside(output: Tensor, indices: tuple[int, ...]) -> tuple[int, ...]:
    sizes = tuple(output.shape[1:])
    if len(indices) > len(sizes):
        raise ValueError(
            f"target has {len(indices)} indices, but forward_func gives shape "
            f"{tuple(output.shape)}; expected at most {len(sizes)}"
        )
    for index, size in zip(indices, sizes, strict=False):
        if not 0 <= index < size:
            raise ValueError(
                f"target is {index}, but forward_func gives shape {tuple(output.shape)}; "
                f"expected 0 to {size - 1}"
            )
    return indices

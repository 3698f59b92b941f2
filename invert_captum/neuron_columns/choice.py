"""Which neurons are to be worked on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invert_captum._validation import as_list, check_integer

if TYPE_CHECKING:
    from collections.abc import Sequence


def check_neurons(neurons: Sequence[int]) -> list[int]:
    """Return the columns ``neurons`` as a list of Python's own integers.

    Raises:
        TypeError: If a neuron is not an integer.
        ValueError: If there are none, one is repeated, or one is negative.
    """
    entries = as_list("neurons", neurons)
    chosen = [check_integer("neurons", neuron, minimum=0) for neuron in entries]
    if not chosen:
        raise ValueError("neurons is empty; expected at least one column index")
    if len(set(chosen)) < len(chosen):
        twice = next(neuron for neuron in chosen if chosen.count(neuron) > 1)
        raise ValueError(f"neurons has {twice} more than once")
    return chosen


def choose_neurons(neurons: Sequence[int] | None, n_neurons: int) -> list[int]:
    """Return the columns to work on, all if ``neurons`` is None.

    Raises:
        ValueError: If one is not below ``n_neurons``.
    """
    if neurons is None:
        return list(range(n_neurons))
    if max(neurons) >= n_neurons:
        raise ValueError(f"neurons has {max(neurons)}; expected column indices below {n_neurons}")
    return list(neurons)

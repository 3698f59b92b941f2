"""The choices that the command line offers by name."""

from __future__ import annotations

from enum import Enum


class Reduce(Enum):
    """How positions become one number per neuron."""

    mean = "mean"
    max = "max"
    min = "min"
    l2 = "l2"
    center = "center"
    first = "first"
    last = "last"


class Sign(Enum):
    """Which activations a label is about."""

    positive = "positive"
    negative = "negative"
    absolute_value = "absolute_value"


class Significance(Enum):
    """Where p-values come from."""

    holdout = "holdout"
    permutation = "permutation"
    in_sample = "in_sample"
    none = "none"


class TiedNeurons(Enum):
    """Which permuted searches a neuron with ties is compared with."""

    own_null = "own_null"
    random_tie_breaks = "random_tie_breaks"
    untied_approximation = "untied_approximation"

"""The labelled neurons, each with its explanations, by key."""

from __future__ import annotations

import numbers
from dataclasses import dataclass, field
from types import NoneType
from typing import TYPE_CHECKING, Any, TypeAlias

from invert_captum.result.packed_mask import unpack_folds, unpack_mask

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from invert_captum.result.explanation import Explanation
    from invert_captum.result.null_scores import NullScores

Key: TypeAlias = int | tuple[str, int]


@dataclass(frozen=True, eq=False)
class LabeledNeurons:
    """What `LabelingResult` holds, as a mapping from neurons to their explanations.

    Args:
        explanations: Every neuron's explanations, by rank.
        settings: Every argument of the call, the seed, the split, versions and fingerprints.
        keyed_by_layer: Whether `keys` are (layer, neuron) instead of neurons alone.
        null: What permuted searches found; None without permutations.
    """

    explanations: tuple[Explanation, ...]
    settings: dict[str, Any] = field(repr=False)
    keyed_by_layer: bool = False
    null: NullScores | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        by_key: dict[tuple[str | None, int], list[Explanation]] = {}
        for explanation in self.explanations:
            by_key.setdefault((explanation.layer, explanation.neuron), []).append(explanation)
        object.__setattr__(self, "_by_key", by_key)
        object.__setattr__(self, "_layers", tuple(dict.fromkeys(layer for layer, _ in by_key)))

    _by_key: dict[tuple[str | None, int], list[Explanation]] = field(init=False, repr=False)
    _layers: tuple[str | None, ...] = field(init=False, repr=False)

    @property
    def layers(self) -> tuple[str | None, ...]:
        """The names of the layers, in the order of the call."""
        return self._layers

    def is_about_low_activation(self, explanation: Explanation) -> bool:
        """Return whether a label claims that its samples have low activations.

        Args:
            explanation: One of this result.

        Returns:
            *bool*: True under ``sign="negative"``, and under ``"absolute_value"`` for an AUC below
            ½; False for a neuron that was set aside.
        """
        if explanation.formula is None:
            return False
        sign = self.settings["sign"]
        return sign == "negative" or (sign == "absolute_value" and explanation.auc < 0.5)

    def keys(self) -> list[Key]:
        """Return the keys of the neurons, in the order of the call.

        Returns:
            *list*: what ``result[key]`` takes: neurons, or (layer, neuron) if layers were named.
        """
        if self.keyed_by_layer:
            return [(str(layer), neuron) for layer, neuron in self._by_key]
        return [neuron for _, neuron in self._by_key]

    def __getitem__(self, key: Key) -> list[Explanation]:
        if key not in self:
            several = len(self.layers) > 1 and not isinstance(key, tuple)
            hint = f"; there are {len(self.layers)} layers: use (layer, neuron)" if several else ""
            raise KeyError(f"{key!r} is not among the {len(self)} labelled neurons{hint}")
        return list(self._by_key[self._pair(key)])

    def __contains__(self, key: object) -> bool:
        # A neuron alone will do where there is only one layer, and (layer, neuron) always does.
        pair = key if isinstance(key, tuple) else (self.layers[0], key)
        if len(pair) != 2 or (pair is not key and len(self.layers) > 1):
            return False
        is_neuron = isinstance(pair[1], numbers.Integral) and isinstance(pair[0], (str, NoneType))
        return is_neuron and pair in self._by_key

    def _pair(self, key: Key) -> tuple[str | None, int]:
        return key if isinstance(key, tuple) else (self.layers[0], key)

    def __len__(self) -> int:
        return len(self._by_key)

    def __iter__(self) -> Iterator[Key]:
        return iter(self.keys())

    @property
    def heldout(self) -> NDArray[np.bool_] | None:
        """The samples that the search did not see, bool of shape (n,); None without hold-out."""
        packed = self.settings["heldout"]
        return None if packed is None else unpack_mask(packed, self.settings["n_samples"])

    @property
    def folds(self) -> NDArray[np.int64] | None:
        """The fold of every sample, int64 of shape (n,); None without cross-fitting."""
        packed = self.settings["folds"]
        return None if packed is None else unpack_folds(packed, self.settings["n_samples"])

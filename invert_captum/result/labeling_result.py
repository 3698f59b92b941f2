"""The explanations of a labelling, as objects and as one table."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass, field
from types import NoneType
from typing import TYPE_CHECKING, Any, TypeAlias

from invert_captum._validation import nearest_names
from invert_captum.result.explanation import COLUMNS, Explanation

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from invert_captum.concepts import ConceptSet
    from invert_captum.neuron_columns import Activations

Key: TypeAlias = int | tuple[str, int]

_SHOWN_ROWS = 10


@dataclass(frozen=True, eq=False)
class LabelingResult:
    """The labels of the neurons of one or several layers.

    ``result[neuron]``, or ``result[layer, neuron]`` where layers were named, gives the neuron's
    explanations, best first; ``len(result)`` counts neurons; iterating gives the keys. Two results
    are equal if all that `save` writes of them is.

    Args:
        explanations: Every neuron's explanations, by rank.
        settings: Every argument of the call, the seed, the split, versions and fingerprints.
        keyed_by_layer: Whether `keys` are (layer, neuron) instead of neurons alone.

    Examples:
        >>> import numpy as np
        >>> import invert_captum as ic
        >>> rng = np.random.default_rng(0)
        >>> labels = rng.random((400, 3)) < 0.3
        >>> activations = rng.normal(size=(400, 2)) + 2 * labels[:, :2]
        >>> concepts = ic.ConceptSet(labels, ["dog", "cat", "red"])
        >>> result = ic.label_neurons(activations, concepts, max_length=1)
        >>> result[0][0].formula
        Formula('dog')
        >>> result.to_frame()[["neuron", "formula", "significant"]]
           neuron formula  significant
        0       0     dog         True
        1       1     cat         True
        >>> [explanation.neuron for explanation in result.find("cat")]
        [1]
        >>> result.evidence(result[1][0]) > 0.3
        True
        >>> result.validate(activations, concepts)
        >>> import tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     result.save(Path(folder, "result.json"))
        ...     LabelingResult.load(Path(folder, "result.json")) == result
        True
    """

    explanations: tuple[Explanation, ...]
    settings: dict[str, Any] = field(repr=False)
    keyed_by_layer: bool = False

    def __post_init__(self) -> None:
        by_key: dict[tuple[str | None, int], list[Explanation]] = {}
        for explanation in self.explanations:
            by_key.setdefault((explanation.layer, explanation.neuron), []).append(explanation)
        object.__setattr__(self, "_by_key", by_key)

    _by_key: dict[tuple[str | None, int], list[Explanation]] = field(init=False, repr=False)

    @property
    def layers(self) -> tuple[str | None, ...]:
        """The names of the layers, in the order of the call."""
        return tuple(dict.fromkeys(layer for layer, _ in self._by_key))

    def keys(self) -> list[Key]:
        """Return what `__getitem__` takes: neurons, or (layer, neuron) if layers were named."""
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

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LabelingResult):
            return NotImplemented
        from invert_captum.result.files import as_plain_data

        return as_plain_data(self) == as_plain_data(other)

    __hash__ = None  # type: ignore[assignment]

    def __len__(self) -> int:
        return len(self._by_key)

    def __iter__(self) -> Iterator[Key]:
        return iter(self.keys())

    def to_frame(self) -> pd.DataFrame:
        """Return the table: one row per neuron and rank, rank 0 best.

        Returns:
            *pandas.DataFrame* with the columns ``layer neuron rank formula length auc heldout_auc
            auc_low auc_high fraction n_positive log10_p p_value p_adjusted significant``, which
            mean what the attributes of `Explanation` do. Formulas are text, None for a neuron that
            was set aside; ``significant`` is pandas' nullable boolean.
        """
        import pandas as pd

        columns: dict[str, Any] = {
            name: [getattr(explanation, name) for explanation in self.explanations]
            for name in COLUMNS
        }
        texts = [None if formula is None else str(formula) for formula in columns["formula"]]
        for name, values in (("layer", columns["layer"]), ("formula", texts)):
            columns[name] = pd.Series(values, dtype=object)
        columns["significant"] = pd.array(columns["significant"], dtype="boolean")
        return pd.DataFrame(columns)

    def find(self, concept: str) -> list[Explanation]:
        """Return which neurons encode a concept.

        Args:
            concept: The name of a concept.

        Returns:
            *list[Explanation]*: those whose formula has the concept as a literal that is not
            negated, the best by `evidence` first.

        Raises:
            ValueError: If there is no such concept; the message has the nearest names.
        """
        names = self.settings["concepts"]
        if concept not in names:
            near = nearest_names(str(concept), names)
            raise ValueError(f"concept is {concept!r}, which was not searched; nearest: {near}")
        found = [
            explanation
            for explanation in self.explanations
            if explanation.formula is not None
            and any(
                literal.name == concept and not literal.negated
                for literal in explanation.formula.literals()
            )
        ]
        return sorted(found, key=lambda explanation: -self.evidence(explanation))

    def evidence(self, explanation: Explanation) -> float:
        """Return how far an explanation's AUC lies from ½, in the direction that it claims.

        The AUC is that of the held-out samples if there are any. A label that they refute is
        negative, one that they cannot test −∞.

        Args:
            explanation: One of this result.

        Returns:
            *float*: at most ½; −∞ for a neuron that was set aside.
        """
        if explanation.formula is None:
            return -math.inf
        direction = {"positive": 1.0, "negative": -1.0}.get(
            self.settings["sign"], math.copysign(1.0, explanation.auc - 0.5)
        )
        held_out = self.settings["heldout"] is not None
        score = explanation.heldout_auc if held_out else explanation.auc
        return -math.inf if math.isnan(score) else direction * (score - 0.5)

    @property
    def heldout(self) -> NDArray[np.bool_] | None:
        """The samples that the search did not see, bool of shape (n,); None without hold-out."""
        from invert_captum.result.packed_mask import unpack_mask

        packed = self.settings["heldout"]
        return None if packed is None else unpack_mask(packed, self.settings["n_samples"])

    def validate(
        self, activations: Activations, concepts: ConceptSet, *, show_progress: bool = False
    ) -> None:
        """Recompute every AUC with `sklearn.metrics.roc_auc_score`.

        Args:
            activations: What was labelled.
            concepts: What it was labelled with.
            show_progress: Whether to draw a progress bar on standard error.

        Raises:
            ValueError: If an AUC differs by more than 1e-12, or the data are not those of the call.
        """
        from invert_captum.result.check import validate

        validate(self, activations, concepts, show_progress=show_progress)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the result to one JSON file, without pickle.

        Raises:
            FileNotFoundError: If the folder of ``path`` does not exist.
        """
        from invert_captum.result.files import save

        save(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> LabelingResult:
        """Read a result that `save` wrote; all of it is checked first.

        Raises:
            ValueError: If the file is no saved result, is damaged, or is of a newer version.
        """
        from invert_captum.result.files import load

        return load(path)

    def __repr__(self) -> str:
        best = self._best(_SHOWN_ROWS)
        lines = [f"LabelingResult: {self._summary()}"]
        lines += [
            f"  {_name(one)}  {one.formula}  AUC {one.auc:.3f}"
            + (f", held out {one.heldout_auc:.3f}" if not math.isnan(one.heldout_auc) else "")
            for one in best
        ]
        return "\n".join(lines + (["  …"] if len(self) > len(best) else []))

    def _repr_html_(self) -> str:
        from html import escape

        best = LabelingResult(tuple(self._best(_SHOWN_ROWS)), self.settings)
        table = best.to_frame()
        columns = ["layer", "neuron", "formula", "auc", "heldout_auc", "n_positive", "p_adjusted"]
        html = table[columns].to_html(index=False, float_format="{:.3g}".format, na_rep="–")
        return f"<p>{escape(self._summary())}; the best:</p>{html}"

    def _summary(self) -> str:
        tested = [one for one in self.explanations if one.significant is not None]
        count = sum(bool(one.significant) for one in tested)
        layers = "" if len(self.layers) == 1 else f" of {len(self.layers)} layers"
        if not tested:
            return f"{len(self):,} neurons{layers}, not tested"
        test = f"{self.settings['significance']}, {self.settings['correction']}"
        level = f"alpha={self.settings['alpha']}"
        return f"{len(self):,} neurons{layers}, {count:,} significant ({test}, {level})"

    def _best(self, count: int) -> list[Explanation]:
        ranked = [one for one in self.explanations if one.rank == 0 and one.formula is not None]
        return sorted(ranked, key=lambda one: -self.evidence(one))[:count]


def _name(explanation: Explanation) -> str:
    if explanation.layer is None:
        return f"neuron {explanation.neuron}"
    return f"{explanation.layer}[{explanation.neuron}]"

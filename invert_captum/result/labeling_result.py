"""The explanations of a labelling, as objects and as one table."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypeAlias

from invert_captum._validation import nearest_names

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from invert_captum.concepts import ConceptSet
    from invert_captum.neuron_columns import Activations
    from invert_captum.search import Formula

Key: TypeAlias = int | tuple[str, int]

_SHOWN_ROWS = 10


@dataclass(frozen=True, slots=True)
class Explanation:
    """One label of one neuron: a formula, how well it fits and how sure that is.

    Attributes:
        layer: The layer's name, or None if the activations came without one.
        neuron: The column of the activations.
        rank: 0 for the neuron's best formula, 1 for the next …
        formula: The label, or None if the neuron was set aside.
        length: The formula's number of literals; 0 without a formula.
        auc: ROC-AUC on the samples that the search saw, in [0, 1].
        heldout_auc: ROC-AUC on those that it did not see; NaN where there are none.
        auc_low: Lower bound of a confidence interval of the AUC; NaN where none was computed.
        auc_high: Its upper bound.
        fraction: The share of all samples for which the formula holds.
        n_positive: Their number.
        log10_p: log10 of ``p_value``; exact where that underflows to 0.
        p_value: Of the chosen significance; NaN if none was chosen or the neuron was set aside.
        p_adjusted: ``p_value`` corrected over all neurons; NaN for ranks above 0.
        significant: Whether the corrected test rejects; None where there is no ``p_adjusted``.
    """

    layer: str | None
    neuron: int
    rank: int
    formula: Formula | None
    length: int = 0
    auc: float = math.nan
    heldout_auc: float = math.nan
    auc_low: float = math.nan
    auc_high: float = math.nan
    fraction: float = math.nan
    n_positive: int = 0
    log10_p: float = math.nan
    p_value: float = math.nan
    p_adjusted: float = math.nan
    significant: bool | None = None


COLUMNS = tuple(column.name for column in fields(Explanation))


@dataclass(frozen=True, eq=False)
class LabelingResult:
    """The labels of the neurons of one or several layers.

    ``result[neuron]``, or ``result[layer, neuron]`` for several layers, gives the neuron's
    explanations, best first; ``len(result)`` counts neurons; iterating gives the keys.

    Args:
        explanations: Every neuron's explanations, by rank.
        settings: Every argument of the call, the seed, the split, versions and fingerprints.

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
    """

    explanations: tuple[Explanation, ...]
    settings: dict[str, Any] = field(repr=False)

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
        """Return what `__getitem__` takes: neurons, or (layer, neuron) for several layers."""
        if len(self.layers) == 1:
            return [neuron for _, neuron in self._by_key]
        return [(str(layer), neuron) for layer, neuron in self._by_key]

    def __getitem__(self, key: Key) -> list[Explanation]:
        pair = key if isinstance(key, tuple) else (self.layers[0], key)
        if len(self.layers) > 1 and not isinstance(key, tuple):
            raise KeyError(f"{key!r}: there are {len(self.layers)} layers; use (layer, neuron)")
        if pair not in self._by_key:
            raise KeyError(f"{key!r} is not among the {len(self)} labelled neurons")
        return list(self._by_key[pair])

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
            negated, the strongest first: by held-out AUC where there is one, else by AUC, as
            distance from ½.

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
        return sorted(found, key=lambda explanation: -_strength(explanation))

    @property
    def heldout(self) -> NDArray[np.bool_] | None:
        """The samples that the search did not see, bool of shape (n,); None without hold-out."""
        from invert_captum.result.files import unpack_mask

        packed = self.settings["heldout"]
        return None if packed is None else unpack_mask(packed, self.settings["n_samples"])

    def validate(self, activations: Activations, concepts: ConceptSet) -> None:
        """Recompute every AUC with `sklearn.metrics.roc_auc_score`.

        Args:
            activations: What was labelled.
            concepts: What it was labelled with.

        Raises:
            ValueError: If an AUC differs by more than 1e-12, or the data are not those of the call.
        """
        from invert_captum.result.check import validate

        validate(self, activations, concepts)

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

        keys = {(one.layer, one.neuron, one.rank) for one in self._best(_SHOWN_ROWS)}
        frame = self.to_frame()
        shown = [(one.layer, one.neuron, one.rank) in keys for one in self.explanations]
        table = frame[shown].sort_values("heldout_auc", ascending=False, kind="stable")
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
        return sorted(ranked, key=lambda one: -_strength(one))[:count]


def _strength(explanation: Explanation) -> float:
    heldout = explanation.heldout_auc
    return abs((explanation.auc if math.isnan(heldout) else heldout) - 0.5)


def _name(explanation: Explanation) -> str:
    if explanation.layer is None:
        return f"neuron {explanation.neuron}"
    return f"{explanation.layer}[{explanation.neuron}]"

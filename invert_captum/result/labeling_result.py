"""The explanations of a labelling, as objects and as one table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from invert_captum._validation import nearest_names
from invert_captum.result.views import ResultViews

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    import pandas as pd

    from invert_captum.concepts import ConceptSet
    from invert_captum.neuron_columns import Activations
    from invert_captum.result.explanation import Explanation
    from invert_captum.result.labeled_neurons import Key
    from invert_captum.search import Formula
    from invert_captum.significance import Difference


@dataclass(frozen=True, eq=False, repr=False)
class LabelingResult(ResultViews):
    """The labels of the neurons of one or several layers.

    ``result[neuron]``, or ``result[layer, neuron]`` where layers were named, gives the neuron's
    explanations, best first; ``len(result)`` counts neurons; iterating gives the keys. Two results
    are equal if all that `save` writes of them is.

    Args:
        explanations: Every neuron's explanations, by rank.
        settings: Every argument of the call, the seed, the split, versions and fingerprints.
        keyed_by_layer: Whether `keys` are (layer, neuron) instead of neurons alone.
        null: What permuted searches found; None without permutations.

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
        >>> result.keys(), result.layers, result.is_about_low_activation(result[1][0])
        ([0, 1], (None,), False)
        >>> int(result.heldout.sum()), result.folds
        (200, None)
        >>> result.validate(activations, concepts)
        >>> result.auc_intervals(activations, concepts)["auc_low"].round(2).tolist()
        [0.86, 0.84]
        >>> result.compare(activations, concepts, 0, "dog", "cat").p_value < 0.001
        True
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     result.save(f"{folder}/result.json")
        ...     LabelingResult.load(f"{folder}/result.json") == result
        True
    """

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LabelingResult):
            return NotImplemented
        from invert_captum.result.files import as_plain_data

        return as_plain_data(self) == as_plain_data(other)

    __hash__ = None  # type: ignore[assignment]

    def to_frame(self) -> pd.DataFrame:
        """Return the table: one row per neuron and rank, rank 0 best.

        Returns:
            *pandas.DataFrame* with the columns ``layer neuron rank formula length auc heldout_auc
            auc_low auc_high fraction n_positive log10_p p_value p_adjusted significant interval
            statistic n_permutations p_extrapolated tail_fit stability fold_formulas``, which mean
            what the attributes of `Explanation` do, and one for each further score. Formulas are
            text, None for a neuron that was set aside; ``significant`` is pandas' nullable boolean.
        """
        from invert_captum.result.table import to_frame

        return to_frame(self)

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
        held_out = self.settings["heldout"] or self.settings["folds"]
        score = explanation.heldout_auc if held_out else explanation.auc
        return -math.inf if math.isnan(score) else direction * (score - 0.5)

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

    def auc_intervals(
        self,
        activations: Activations,
        concepts: ConceptSet,
        *,
        groups: Sequence[object] | None = None,
        level: float | None = None,
        simultaneous: bool = False,
        in_sample: bool = False,
    ) -> pd.DataFrame:
        """Return confidence intervals of the AUC of every neuron's best formula.

        Args:
            activations: What was labelled.
            concepts: What it was labelled with.
            groups: The groups of the labelling, if it had any.
            level: How often an interval is to cover, in (0, 1); None for 1 − alpha.
            simultaneous: Whether all intervals together are to cover at this level: each is then
                at 1 − (1 − level) / m for m neurons (Bonferroni).
            in_sample: Take the samples that the search saw. Such intervals lie too high, because
                the formula was chosen for its AUC on these samples; so say their names.

        Returns:
            *pandas.DataFrame*, a row a neuron: ``layer neuron formula heldout_auc auc_low auc_high
            interval``; in-sample ``auc in_sample_auc_low in_sample_auc_high`` in their place.

        Raises:
            ValueError: If nothing was held out and ``in_sample`` is False, or the data are not
                those of the call.

        Source:
            See `significance.auc_interval`.
        """
        from invert_captum.result.intervals import auc_intervals

        return auc_intervals(
            self,
            activations,
            concepts,
            groups=groups,
            level=level,
            simultaneous=simultaneous,
            in_sample=in_sample,
        )

    def compare(
        self,
        activations: Activations,
        concepts: ConceptSet,
        key: Key,
        formula: Formula | str,
        other: Formula | str,
        *,
        groups: Sequence[object] | None = None,
        level: float | None = None,
        in_sample: bool = False,
    ) -> Difference:
        """Say whether one formula fits a neuron really better than another.

        Args:
            activations: What was labelled.
            concepts: What it was labelled with.
            key: The neuron.
            formula: A formula or its text, such as ``"dog"``,
            other: and what it is compared with, such as ``"animal"``.
            groups: The groups of the labelling, if it had any.
            level: How often the interval is to cover, in (0, 1); None for 1 − alpha.
            in_sample: Take the samples that the search saw: then the comparison favours what was
                found on them; for two formulas that you thought of yourself they are as good.

        Returns:
            *Difference*: ``auc``, ``other_auc`` on the held-out samples, ``difference`` with its
            bounds ``low``, ``high``, and a two-sided ``p_value``, ``log10_p``.

        Raises:
            KeyError: If there is no such neuron, or a formula has an unknown concept.
            ValueError: If the neuron was set aside, no part was held out and ``in_sample`` is
                False, or the data are not those of the call.

        Source:
            See `significance.auc_difference`.
        """
        from invert_captum.result.intervals import compare

        return compare(
            self,
            activations,
            concepts,
            key,
            formula,
            other,
            groups=groups,
            level=level,
            in_sample=in_sample,
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the result to one JSON file, without pickle.

        Args:
            path: The file; one of this name is replaced.

        Raises:
            OSError: If it cannot be written, such as `FileNotFoundError` without its folder.
        """
        from invert_captum.result.files import save

        save(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> LabelingResult:
        """Read a result that `save` wrote; all of it is checked first.

        Args:
            path: The file.

        Returns:
            *LabelingResult* equal to the one that was saved.

        Raises:
            OSError: If the file cannot be opened.
            ValueError: If it is no saved result, is damaged, or is of another version.
        """
        from invert_captum.result.files import load

        return load(path)

    def __repr__(self) -> str:
        from invert_captum.result.summary import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        from invert_captum.result.summary import as_html

        return as_html(self)

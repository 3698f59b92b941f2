"""One label of one neuron."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from invert_captum.search import Formula


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
        auc_low: Lower bound of a confidence interval of ``heldout_auc`` at the level 1 − alpha, for
            this neuron alone; NaN where nothing was held out.
        auc_high: Its upper bound.
        fraction: The share of all samples for which the formula holds.
        n_positive: Their number.
        log10_p: log10 of ``p_value``; exact where that underflows to 0.
        p_value: Of the chosen significance; NaN if none was chosen or the neuron was set aside.
        p_adjusted: ``p_value`` corrected over all neurons; NaN for ranks above 0.
        significant: Whether the corrected test rejects; None where there is no ``p_adjusted``.
        interval: The method of the interval; None where there is none.
        statistic: What permutations are compared with: the best score of the search, or what the
            folds' tests combine to; NaN without permutations.
        n_permutations: How many permuted searches ``p_value`` rests on.
        p_extrapolated: Under permutation, where fewer than 10 permuted searches come up to the
            neuron's own, an upper 95 % bound of the p-value from a generalised Pareto tail; else,
            or with fewer than 200 permutations, NaN. Never corrected.
        tail_fit: The goodness-of-fit p-value of that tail; small if it does not fit.
        stability: With folds, the share of pairs of folds that found the same set of samples.
        fold_formulas: With folds, what each of them found, None where that is nothing.
        scores: Further scores by name, on the samples that ``auc`` is of; ``heldout_`` before the
            name for those that ``heldout_auc`` is of.

    Examples:
        >>> import numpy as np
        >>> import invert_captum as ic
        >>> rng = np.random.default_rng(0)
        >>> labels = rng.random((400, 2)) < 0.3
        >>> activations = rng.normal(size=(400, 1)) + 2 * labels[:, :1]
        >>> concepts = ic.ConceptSet(labels, ["dog", "cat"])
        >>> (best,) = ic.label_neurons(activations, concepts, max_length=1)[0]
        >>> best.neuron, str(best.formula), best.n_positive, best.significant
        (0, 'dog', 111, True)
        >>> best.auc_low < best.heldout_auc < best.auc_high
        True
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
    interval: str | None = None
    statistic: float = math.nan
    n_permutations: int = 0
    p_extrapolated: float = math.nan
    tail_fit: float = math.nan
    stability: float = math.nan
    fold_formulas: tuple[Formula | None, ...] | None = None
    scores: Mapping[str, float] = field(default_factory=dict)


COLUMNS = tuple(column.name for column in fields(Explanation) if column.name != "scores")
"""The columns that every table has, in their order; new ones are appended."""

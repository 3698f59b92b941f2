"""One label of one neuron."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
"""The columns of the table, in their order; new ones are appended."""

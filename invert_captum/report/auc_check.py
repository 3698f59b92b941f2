"""Whether data are those that a label was found on, as far as its AUC tells."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from invert_captum.significance import Separation

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from invert_captum.result import Explanation, LabelingResult

# Activations that were kept in another precision rank a little differently; those of other
# samples, or of the same in another order, do not come this near.
_TOLERANCE = 0.01


def check_label(
    result: LabelingResult,
    explanation: Explanation,
    values: npt.NDArray[Any],
    members: npt.NDArray[np.bool_],
) -> None:
    """Refuse data on which a label has another AUC than in the result, held out if it has that.

    Args:
        result: The labels, made of as many samples.
        explanation: One of them.
        values: The activations of its neuron (n,).
        members: For which samples it holds (n,).

    Raises:
        ValueError: If the two differ by more than a hundredth, one of them alone is NaN, or an
            activation is not finite.
    """
    heldout = result.heldout
    part = slice(None) if heldout is None else heldout
    auc = Separation.of(values[part], members[part]).auc
    check_auc(explanation, auc, heldout=heldout is not None)


def check_auc(explanation: Explanation, auc: float, *, heldout: bool) -> None:
    """Refuse data on which a label has another AUC than in the result.

    Args:
        explanation: The label.
        auc: Its AUC on these data; NaN where they have no positives or no negatives.
        heldout: Whether that is of the held-out samples.

    Raises:
        ValueError: If the two differ by more than a hundredth, or one of them alone is NaN.
    """
    stored = explanation.heldout_auc if heldout else explanation.auc
    if math.isnan(stored) and math.isnan(auc):
        return
    if not abs(stored - auc) <= _TOLERANCE:
        part = " on held-out samples" if heldout else ""
        raise ValueError(
            f"activations and concepts give {str(explanation.formula)!r} of neuron "
            f"{explanation.neuron} the AUC {auc:.3f}{part}, but result has {stored:.3f}: the rows "
            "must be the same inputs in the same order as in the labelling"
        )

"""Corrections of the p-values of a family of tests, by statsmodels."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from statsmodels.stats.multitest import multipletests

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

# statsmodels' methods that give adjusted p-values. Its "lfdr" gives local false discovery rates.
CORRECTIONS = (
    "holm",
    "bonferroni",
    "sidak",
    "holm-sidak",
    "simes-hochberg",
    "hommel",
    "fdr_bh",
    "fdr_by",
    "fdr_tsbh",
    "fdr_tsbky",
    "fdr_gbs",
)


def correct_p_values(
    p_values: NDArray[np.float64], *, method: str, alpha: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Correct for testing many neurons at once.

    Args:
        p_values: Shape (m,), in [0, 1]; NaN where there was no test: those are not in the family
            (a single NaN would turn every value of some methods into NaN).
        method: One of `CORRECTIONS`: a ``method`` of
            `statsmodels.stats.multitest.multipletests` that gives adjusted p-values.
        alpha: The level of the whole family, in (0, 1).

    Returns:
        *tuple*: the adjusted p-values, float64 of shape (m,), NaN where ``p_values`` is; and which
        of them are significant, bool of shape (m,), False where ``p_values`` is NaN.

    Examples:
        >>> adjusted, significant = correct_p_values(
        ...     np.array([0.01, np.nan, 0.04]), method="holm", alpha=0.05
        ... )
        >>> adjusted
        array([0.02,  nan, 0.04])
        >>> significant
        array([ True, False,  True])
    """
    tested = ~np.isnan(p_values)
    adjusted = np.full(p_values.shape, np.nan)
    significant = np.zeros(p_values.shape, dtype=np.bool_)
    if tested.any():
        # statsmodels divides by 1 − p and takes the logarithm of it; p = 1 comes out right.
        with np.errstate(divide="ignore"), _objects_set_aside():
            rejected, corrected, _, _ = multipletests(p_values[tested], alpha=alpha, method=method)
        adjusted[tested] = corrected
        significant[tested] = rejected
    return adjusted, significant


@contextmanager
def _objects_set_aside() -> Iterator[None]:
    """Spare a garbage collection the objects that there are.

    For Holm's method statsmodels collects garbage each time, which takes longer than labelling
    hundreds of neurons if the process holds as many objects as torch and numba make.
    """
    if gc.get_freeze_count() > 0:
        # Somebody else's; unfreezing would undo it.
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()

"""The line between significant p-values and others."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from invert_captum.report.evidence import Evidence

# The p-value that separates the r significant of m tests, by alpha, m and r, where the correction
# has one. Each lies from the largest significant p to below the smallest other one; with r = 0 it
# is what the smallest p would have to pass.
_CUTS: dict[str, Callable[[float, int, int], float]] = {
    "bonferroni": lambda alpha, m, _: alpha / m,
    "sidak": lambda alpha, m, _: _sidak(alpha, m),
    "holm": lambda alpha, m, r: alpha / max(m - r, 1),
    "holm-sidak": lambda alpha, m, r: _sidak(alpha, max(m - r, 1)),
    "simes-hochberg": lambda alpha, m, r: alpha / max(m - r, 1),
    "fdr_bh": lambda alpha, m, r: alpha * max(r, 1) / m,
    "fdr_by": lambda alpha, m, r: alpha * max(r, 1) / m / sum(1 / k for k in range(1, m + 1)),
}


def threshold(evidence: Evidence, correction: str, alpha: float) -> float | None:
    """Return −log10 of the p-value that separates significant labels from others.

    Args:
        evidence: What tests say of the m labels.
        correction: The correction over all of them.
        alpha: Its level.

    Returns:
        *float*: from the highest −log10 p that is not significant to the lowest that is. None
        where p-values do not decide, and where a correction for which no p-value can be named
        finds all or none significant.
    """
    found, missed = evidence.heights[evidence.significant], evidence.heights[~evidence.significant]
    lowest = float(found.min()) if len(found) else math.inf
    highest = float(missed.max()) if len(missed) else -math.inf
    if correction.startswith("westfall_young") or lowest < highest:
        return None
    if correction in _CUTS:
        cut = -math.log10(_CUTS[correction](alpha, len(evidence), len(found)))
        # Within rounding, where a p-value meets the cut exactly.
        return min(max(cut, highest), lowest)
    if math.isinf(lowest) or math.isinf(highest):
        return None
    return (lowest + highest) / 2


def _sidak(alpha: float, m: int) -> float:
    return -math.expm1(math.log1p(-alpha) / m)

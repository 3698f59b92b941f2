"""Numbers as a page holds them: few digits, and nothing where there is no number."""

from __future__ import annotations

import math


def rounded(number: float, digits: int = 6) -> float | None:
    """Return a number with so many significant digits; None if it is not finite.

    Examples:
        >>> rounded(0.123456789), rounded(float("nan"))
        (0.123457, None)
    """
    return float(f"{number:.{digits}g}") if math.isfinite(number) else None

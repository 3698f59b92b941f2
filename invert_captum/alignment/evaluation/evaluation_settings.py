"""`EvaluationSettings`: how images were scored."""

from __future__ import annotations

import numbers
from dataclasses import dataclass
from typing import TYPE_CHECKING

from invert_captum._validation import shown

if TYPE_CHECKING:
    from invert_captum.alignment.evaluation.attribution_maps import ChannelReduction


@dataclass(frozen=True)
class EvaluationSettings:
    """How images were scored.

    Attributes:
        attribution: The name of the attribution.
        channel_reduction: How its channels became one map.
        percentile: The share of pixels that Dice and IoU compare, in percent.
        confidence_level: Of all intervals, in (0, 1).
        n_resamples: How often the bootstrap draws.
        seed: Of its draws.
    """

    attribution: str = "Saliency"
    channel_reduction: ChannelReduction = "max_absolute"
    percentile: float = 10.0
    confidence_level: float = 0.95
    n_resamples: int = 9999
    seed: int = 0


def check_percentile(percentile: object) -> float:
    """Return the percentile as a float, or raise unless it is a number in (0, 100)."""
    if isinstance(percentile, bool) or not isinstance(percentile, numbers.Real):
        raise TypeError(f"percentile is {shown(percentile)}; expected a number in (0, 100)")
    if not 0 < float(percentile) < 100:
        raise ValueError(f"percentile is {percentile}; expected a number in (0, 100)")
    return float(percentile)

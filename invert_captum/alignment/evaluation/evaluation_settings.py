"""`EvaluationSettings`: how images were scored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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

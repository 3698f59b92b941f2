"""The scores of permuted searches, kept with a result for its figures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

NullKind = Literal["shared", "sample"]


@dataclass(frozen=True, slots=True)
class NullScores:
    """What searches find where activations have nothing to do with the concepts.

    Attributes:
        kind: ``"shared"``: the one table of all neurons without ties; ``"sample"``: the first few
            permuted searches of every neuron that has a table of its own.
        scores: Their statistics, in the units of `Explanation.statistic`.
    """

    kind: NullKind
    scores: tuple[float, ...]

    @classmethod
    def checked(cls, content: dict[str, Any]) -> NullScores:
        """Return what a file says, once it is known to be what it should be.

        Raises:
            ValueError: If it is not.
        """
        kind, scores = content["kind"], content["scores"]
        if kind not in get_args(NullKind):
            raise ValueError(f"the null scores are of kind {kind!r}")
        if not isinstance(scores, list) or not all(
            isinstance(score, float) and math.isfinite(score) for score in scores
        ):
            raise ValueError("the null scores are no list of numbers")
        return cls(kind, tuple(scores))

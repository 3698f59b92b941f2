"""How well a model's outputs hit their classes, sample by sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import torch
from torch import Tensor

from invert_captum._validation import as_list, check_choice, check_integer

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

Score: TypeAlias = Literal["accuracy", "target_score"]


@dataclass(frozen=True)
class PredictionScore:
    """Scores a model's outputs, float64.

    Attributes:
        kind: ``"accuracy"``: 1 where the class of the greatest output is the target, else 0;
            ``"target_score"``: the output at the target.
        targets: The class of every sample, int64 of shape (n,); one class for all; or None for the
            class that the model itself predicts.
    """

    kind: Score
    targets: Tensor | int | None

    @classmethod
    def of(cls, kind: Score, target: int | Sequence[int] | Tensor | None) -> PredictionScore:
        """Check the arguments.

        Raises:
            TypeError: a target is not an integer.
            ValueError: the score is unknown, or a target is negative.
        """
        check_choice("score", kind, ("accuracy", "target_score"))
        # Arrays and tensors give Python's own numbers through `tolist`.
        plain: object = getattr(target, "tolist", lambda: target)()
        if plain is None:
            return cls(kind, None)
        if not isinstance(plain, (list, tuple, range)):
            return cls(kind, check_integer("target", plain, minimum=0))
        entries = [check_integer("target", one, minimum=0) for one in as_list("target", plain)]
        return cls(kind, torch.tensor(entries, dtype=torch.int64))

    def check_samples(self, n_samples: int) -> None:
        """Raise `ValueError` unless there is one target for each of ``n_samples``."""
        if isinstance(self.targets, Tensor) and len(self.targets) != n_samples:
            raise ValueError(
                f"target has {len(self.targets):,} classes, inputs has {n_samples:,} samples; "
                "expected one class each"
            )

    def targets_of(self, output: object, start: int, n_samples: int) -> Tensor:
        """Return the classes of a batch whose first sample is number ``start``, shape (b,).

        Args:
            output: What the undisturbed model gives for the batch.
            start: The first sample.
            n_samples: How many samples the batch has.

        Raises:
            TypeError: the output is no tensor.
            ValueError: it has no classes, or not that of a target.
        """
        scores = self._classes(output, n_samples)
        if self.targets is None:
            return scores.argmax(1)
        if isinstance(self.targets, int):
            chosen = torch.full((n_samples,), self.targets)
        else:
            chosen = self.targets[start : start + n_samples]
        if isinstance(self.targets, Tensor) and len(chosen) < n_samples:
            self.check_samples(start + n_samples)
        if int(chosen.max()) >= scores.shape[1]:
            raise ValueError(
                f"target has class {int(chosen.max())}, but the model gives {scores.shape[1]} "
                f"numbers a sample; expected 0 to {scores.shape[1] - 1}"
            )
        return chosen

    def __call__(self, output: object, targets: Tensor) -> NDArray[np.float64]:
        """Return the score of every sample of a batch, float64 of shape (b,)."""
        scores = self._classes(output, len(targets))
        if self.kind == "accuracy":
            values = scores.argmax(1) == targets
        else:
            values = scores.gather(1, targets[:, None])[:, 0]
        result: NDArray[np.float64] = values.double().numpy()
        return result

    def _classes(self, output: object, n_samples: int) -> Tensor:
        """Return a model's output as (b, classes) on the CPU."""
        if not isinstance(output, Tensor):
            raise TypeError(
                f"model gives {type(output).__name__}; expected a tensor of one row per sample "
                "and one column per class (wrap the model to pick it)"
            )
        if output.ndim not in (1, 2) or len(output) != n_samples:
            raise ValueError(
                f"model gives shape {tuple(output.shape)} for {n_samples} samples; expected one "
                "row per sample and one column per class"
            )
        scores = output.detach().cpu()
        scores = scores[:, None] if scores.ndim == 1 else scores
        if self.kind == "accuracy" and scores.shape[1] < 2:
            raise ValueError(
                "score is 'accuracy', but the model gives one number a sample; expected "
                "'target_score', or a model with at least two classes"
            )
        return scores

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
Classes: TypeAlias = "int | Sequence[int] | Tensor | Literal['predicted'] | None"


@dataclass(frozen=True)
class PredictionScore:
    """Scores a model's outputs, float64; NaN for a sample with a NaN among its outputs.

    Attributes:
        kind: ``"accuracy"``: 1 where the class of the greatest output is the target, else 0;
            ``"target_score"``: the output at the target.
        targets: The class of every sample, int64 of shape (n,); one class for all; "predicted" for
            the class that the model itself predicts; or None for a model without classes.
    """

    kind: Score
    targets: Tensor | int | Literal["predicted"] | None

    @classmethod
    def of(cls, kind: Score, target: Classes) -> PredictionScore:
        """Check the arguments.

        Raises:
            TypeError: a target is not an integer.
            ValueError: the score or a name is unknown, a target is negative, or there is none for
                an accuracy.
        """
        check_choice("score", kind, ("accuracy", "target_score"))
        # Arrays and tensors give Python's own numbers through `tolist`.
        plain: object = getattr(target, "tolist", lambda: target)()
        if isinstance(plain, str):
            if plain != "predicted":
                raise ValueError(f"target is {plain!r}; expected classes, None, or 'predicted'")
            return cls(kind, "predicted")
        if plain is None:
            if kind == "accuracy":
                raise ValueError(
                    "target is None, but score is 'accuracy'; expected classes, or 'predicted'"
                )
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
        if self.targets == "predicted":
            return scores.argmax(1)
        if self.targets is None:
            if scores.shape[1] > 1:
                raise ValueError(
                    f"target is None, but the model gives {scores.shape[1]} numbers a sample; "
                    "expected a class for each, or 'predicted'"
                )
            return torch.zeros(n_samples, dtype=torch.int64)
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
            values = (scores.argmax(1) == targets).double()
        else:
            values = scores.gather(1, targets[:, None])[:, 0].double()
        result: NDArray[np.float64] = values.masked_fill(scores.isnan().any(1), torch.nan).numpy()
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

"""`AlignmentScores`: what an evaluation found, image by image."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from invert_captum.alignment.evaluation.mean_intervals import (
    Interval,
    check_ceiling,
    check_resampling,
    finite_mean,
    mean_interval,
    share_interval,
)
from invert_captum.alignment.evaluation.score_files import (
    ScoreContent,
    read_score_file,
    write_score_file,
)

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from invert_captum.alignment.evaluation.evaluation_settings import EvaluationSettings

    Numbers = npt.NDArray[np.float64]
    Indices = npt.NDArray[np.int64]

_ARRAYS = ("spearman", "dice", "iou", "labels", "predicted", "rows")


@dataclass(frozen=True, eq=False, repr=False)
class AlignmentScores:
    """How well the maps of a model agree with those of people, for n images.

    Means and intervals are over images; those of Spearman and of alignment leave out images whose
    correlation is NaN. Intervals take the rows for different images, each drawn by itself: they are
    too narrow where rows are copies of one image. `evaluate_alignment` makes such scores.

    Attributes:
        spearman: Rank correlation of the two maps, in [-1, 1], float64, shape (n,). NaN where a map
            is constant.
        dice: Dice coefficient of their highest pixels, in [0, 1], float64, shape (n,).
        iou: Intersection over union of the same pixels, in [0, 1], float64, shape (n,).
        labels: The class that was explained, int64, shape (n,).
        predicted: The class that the model predicts, int64, shape (n,).
        rows: Which rows of the data these images are, counted from 0, int64, shape (n,).
        n_left_out: How many rows of the data had no human map.
        human_ceiling: Mean Spearman correlation of people with each other.
        settings: How the images were scored.
        fingerprints: Checksums of the human maps in float32, uint64, shape (n,), by which
            `compare_alignment` knows that images are the same; None: it does not check.

    Raises:
        TypeError: The ceiling is no number.
        ValueError: The arrays are not all of one length n, or the ceiling is not in (0, 1].

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> from invert_captum.alignment import evaluate_alignment
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2, bias=False))
        >>> _ = model[1].weight.data.copy_(torch.arange(8.0).reshape(2, 4))
        >>> people = torch.tensor([[[0.0, 1], [2, 3]], [[0, 1], [3, 2]], [[0, 2], [1, 3]]])
        >>> batch = torch.ones(3, 1, 2, 2), torch.tensor([1, 1, 0]), people
        >>> scores = evaluate_alignment(model, [batch], human_ceiling=0.9)
        >>> scores
        AlignmentScores(n=3, alignment=0.963, spearman=0.867, accuracy=0.667, Saliency)
        >>> scores.by_class()[["class", "n", "spearman", "alignment"]].round(3)
           class  n  spearman  alignment
        0      0  1       0.8      0.889
        1      1  2       0.9      1.000
        >>> scores.summary()["mean"].round(3)[["alignment", "accuracy"]].to_dict()
        {'alignment': 0.963, 'accuracy': 0.667}
        >>> scores.correct.tolist(), scores.accuracy > 0.66, scores.accuracy_interval.low < 0.21
        ([True, True, False], True, True)
        >>> scores.interval  # needs five images
        Interval(low=nan, high=nan)
        >>> scores.to_frame()["predicted"].tolist()
        [1, 1, 1]
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     scores.save(f"{folder}/scores.npz")
        ...     AlignmentScores.load(f"{folder}/scores.npz").alignment == scores.alignment
        True
    """

    spearman: Numbers
    dice: Numbers
    iou: Numbers
    labels: Indices
    predicted: Indices
    rows: Indices
    n_left_out: int
    human_ceiling: float
    settings: EvaluationSettings
    fingerprints: npt.NDArray[np.uint64] | None = None

    def __post_init__(self) -> None:
        check_ceiling(self.human_ceiling)
        check_resampling(
            self.settings.confidence_level, self.settings.n_resamples, self.settings.seed
        )
        for name in self._arrays():
            shape = np.shape(getattr(self, name))
            if shape != (len(self.spearman),):
                raise ValueError(
                    f"{name} has shape {shape}, but spearman has {len(self.spearman):,} images; "
                    "expected one value for each image"
                )

    def __len__(self) -> int:
        return len(self.spearman)

    def __repr__(self) -> str:
        return (
            f"AlignmentScores(n={len(self):,}, alignment={self.alignment:.3f}, "
            f"spearman={finite_mean(self.spearman):.3f}, accuracy={self.accuracy:.3f}, "
            f"{self.settings.attribution})"
        )

    @property
    def alignment(self) -> float:
        """Mean Spearman correlation over the human ceiling: 1 is as people with each other."""
        return finite_mean(self.spearman) / self.human_ceiling

    @property
    def interval(self) -> Interval:
        """The bootstrap interval of `alignment` over images, NaN with fewer than five of them.

        The ceiling is taken as known.
        """
        return self._of_ceiling(self._interval(self.spearman))

    @property
    def correct(self) -> npt.NDArray[np.bool_]:
        """Whether the predicted class is the label, shape (n,)."""
        return np.equal(self.predicted, self.labels)

    @property
    def accuracy(self) -> float:
        """The share of these images that the model predicts rightly."""
        return finite_mean(self.correct.astype(np.float64))

    @property
    def accuracy_interval(self) -> Interval:
        """Wilson's interval of `accuracy`."""
        return share_interval(self.correct, confidence_level=self.settings.confidence_level)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the scores to an ``.npz`` file, without pickle.

        Args:
            path: The file; one of this name is replaced.

        Raises:
            OSError: The file cannot be written; what it held before stays.
        """
        content = ScoreContent(self._arrays(), self.n_left_out, self.human_ceiling, self.settings)
        write_score_file(path, content)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> AlignmentScores:
        """Read scores that `save` has written.

        Args:
            path: The file.

        Returns:
            *AlignmentScores*: those that were saved.

        Raises:
            OSError: The file cannot be opened.
            ValueError: It is damaged or something else; the message names the path.
        """
        content = read_score_file(path)
        parts = content._asdict()
        try:
            return cls(**(parts.pop("arrays") | parts))
        except (TypeError, ValueError) as error:
            raise ValueError(f"{os.fspath(path)!r} has no valid scores: {error}") from error

    def summary(self) -> pd.DataFrame:
        """Return the means over all images.

        Returns:
            *pandas.DataFrame* with rows ``alignment``, ``spearman``, ``dice``, ``iou`` and
            ``accuracy``: ``n`` (the images that count), ``mean``, ``low``, ``high``.
        """
        import pandas as pd

        columns = {"spearman": self.spearman, "dice": self.dice, "iou": self.iou}
        entries = {
            name: (int((~np.isnan(values)).sum()), finite_mean(values), *self._interval(values))
            for name, values in columns.items()
        }
        n, _, low, high = entries["spearman"]
        scaled = self._of_ceiling(Interval(low, high))
        entries = {"alignment": (n, self.alignment, *scaled), **entries}
        entries["accuracy"] = (len(self), self.accuracy, *self.accuracy_interval)
        return pd.DataFrame.from_dict(
            entries, orient="index", columns=["n", "mean", "low", "high"]
        ).rename_axis("measure")

    def to_frame(self) -> pd.DataFrame:
        """Return the scores of every image.

        Returns:
            *pandas.DataFrame* in the order of the data: ``row``, ``label``, ``predicted``,
            ``spearman``, ``dice``, ``iou``.
        """
        import pandas as pd

        return pd.DataFrame(
            {
                "row": self.rows,
                "label": self.labels,
                "predicted": self.predicted,
                "spearman": self.spearman,
                "dice": self.dice,
                "iou": self.iou,
            }
        )

    def by_class(self) -> pd.DataFrame:
        """Return the means over the images of each label.

        Returns:
            *pandas.DataFrame*, a row a label in ascending order: ``class``, ``n``, ``n_nan`` (how
            many of them have no correlation), ``spearman``, ``alignment`` with the ends ``low`` and
            ``high`` of its bootstrap interval, ``dice``, ``iou``, ``accuracy``. A class with fewer
            than five correlations has the interval NaN.
        """
        import pandas as pd

        rows = [self._class_row(int(label)) for label in np.unique(self.labels)]
        return pd.DataFrame(rows, columns=list(_CLASS_COLUMNS))

    def _class_row(self, label: int) -> tuple[float, ...]:
        chosen = self.labels == label
        spearman = self.spearman[chosen]
        # Seeded by the class, so that its interval does not depend on which others there are.
        low, high = self._of_ceiling(self._interval(spearman, label))
        return (
            label,
            int(chosen.sum()),
            int(np.isnan(spearman).sum()),
            finite_mean(spearman),
            finite_mean(spearman) / self.human_ceiling,
            low,
            high,
            finite_mean(self.dice[chosen]),
            finite_mean(self.iou[chosen]),
            float(self.correct[chosen].mean()),
        )

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return what has a value for each image, without fingerprints if there are none."""
        names = _ARRAYS if self.fingerprints is None else (*_ARRAYS, "fingerprints")
        return {name: getattr(self, name) for name in names}

    def _of_ceiling(self, interval: Interval) -> Interval:
        return Interval(interval.low / self.human_ceiling, interval.high / self.human_ceiling)

    def _interval(self, values: Numbers, *stream: int) -> Interval:
        return mean_interval(
            values,
            confidence_level=self.settings.confidence_level,
            n_resamples=self.settings.n_resamples,
            seed=(self.settings.seed, *stream),
        )


_CLASS_COLUMNS = (
    "class",
    "n",
    "n_nan",
    "spearman",
    "alignment",
    "low",
    "high",
    "dice",
    "iou",
    "accuracy",
)

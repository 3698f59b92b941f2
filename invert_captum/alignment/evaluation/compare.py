"""`compare_alignment`: which of two models looks more where people look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from statsmodels.stats.contingency_tables import mcnemar

from invert_captum._log import warn
from invert_captum._validation import listed
from invert_captum.alignment.evaluation.alignment_scores import AlignmentScores
from invert_captum.alignment.evaluation.mean_intervals import (
    check_resampling,
    finite_mean,
    mean_interval,
    share_difference_interval,
)
from invert_captum.alignment.evaluation.sign_flips import sign_flip_p_values

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    Numbers = npt.NDArray[np.float64]
    Hits = npt.NDArray[np.bool_]

_MEASURES = ("spearman", "dice", "iou")


class PairedDifference(NamedTuple):
    """A mean difference over images, second minus first.

    Attributes:
        n: How many images have the measure in both.
        difference: The mean; NaN if there is no such image.
        low: Lower end of its interval; NaN where there are too few images for one.
        high: Its upper end.
        p_value: Two-sided.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> from invert_captum.alignment import compare_alignment, evaluate_alignment
        >>> _ = torch.manual_seed(0)
        >>> images, people = torch.rand(40, 1, 4, 4), torch.arange(16.0).reshape(1, 4, 4)
        >>> data = [(images, torch.zeros(40, dtype=torch.int64), people.repeat(40, 1, 1))]
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
        >>> before = evaluate_alignment(model, data)
        >>> _ = model[1].weight.data.copy_(torch.arange(16.0))  # looks where people look
        >>> one = compare_alignment(before, evaluate_alignment(model, data)).spearman
        >>> one.n, one.low > 0, one.p_value
        (40, True, 0.0001)
    """

    n: int
    difference: float
    low: float
    high: float
    p_value: float


@dataclass(frozen=True)
class AlignmentDifference:
    """How two models differ on the same images, second minus first.

    Attributes:
        alignment: Of the mean Spearman correlation over the human ceiling.
        spearman: Of the mean Spearman correlation; its p-value is that of alignment, too.
        dice: Of the mean Dice coefficient.
        iou: Of the mean intersection over union.
        accuracy: Of the share of images that are predicted rightly.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> from invert_captum.alignment import compare_alignment, evaluate_alignment
        >>> _ = torch.manual_seed(0)
        >>> images, people = torch.rand(40, 1, 4, 4), torch.arange(16.0).reshape(1, 4, 4)
        >>> data = [(images, torch.zeros(40, dtype=torch.int64), people.repeat(40, 1, 1))]
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
        >>> before = evaluate_alignment(model, data)
        >>> _ = model[1].weight.data.copy_(torch.arange(16.0))  # looks where people look
        >>> compared = compare_alignment(before, evaluate_alignment(model, data))
        >>> compared.to_frame()[["n", "p_value"]]
                    n  p_value
        measure
        alignment  40   0.0001
        spearman   40   0.0001
        dice       40   0.0001
        iou        40   0.0001
        accuracy   40   1.0000
    """

    alignment: PairedDifference
    spearman: PairedDifference
    dice: PairedDifference
    iou: PairedDifference
    accuracy: PairedDifference

    def to_frame(self) -> pd.DataFrame:
        """Return the differences as a table.

        Returns:
            *pandas.DataFrame*, a row a measure in the order of the attributes, with the columns
            ``n``, ``difference``, ``low``, ``high`` and ``p_value``.
        """
        import pandas as pd

        measures = ("alignment", *_MEASURES, "accuracy")
        rows = {name: getattr(self, name) for name in measures}
        frame = pd.DataFrame.from_dict(rows, orient="index", columns=list(PairedDifference._fields))
        return frame.rename_axis("measure")


def compare_alignment(
    first: AlignmentScores,
    second: AlignmentScores,
    *,
    confidence_level: float = 0.95,
    n_resamples: int = 9999,
    seed: int = 0,
) -> AlignmentDifference:
    """Compare the scores of two models, or of two attributions, on the same images.

    The test is paired: the images are those of both, so that what makes an image easy or hard
    counts for neither. Evaluate the models first, on the same data in the same order; the images
    are taken to be the same if their rows, labels and human maps are. Maps that were brought to
    another size for one model have other fingerprints: ``dataclasses.replace(scores,
    fingerprints=None)`` leaves them unchecked.

    Args:
        first: Scores of `evaluate_alignment`, such as those before training.
        second: The others, from which ``first`` is subtracted.
        confidence_level: Of all intervals, in (0, 1).
        n_resamples: How often the bootstrap draws images and the permutation test signs.
        seed: Of these draws.

    Returns:
        *AlignmentDifference*: For each measure the mean difference, its interval, and a p-value.
        The interval is a percentile bootstrap over images, NaN with fewer than five, and for
        accuracy that of Bonett and Price (2012). The p-value is that of random signs of the
        differences (exact where there are at most ``n_resamples`` patterns of signs), and for
        accuracy of the exact McNemar test. The p-values are not corrected for the number of
        measures.

    Raises:
        TypeError: ``first`` or ``second`` are no scores.
        ValueError: Their images, human ceilings or percentiles differ, or an argument has no valid
            value.

    Warns:
        InvertCaptumWarning: The Spearman correlation of an image is NaN in one of them only; the
            image is left out of that measure.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> from invert_captum.alignment import evaluate_alignment
        >>> images, people = torch.rand(40, 1, 4, 4), torch.arange(16.0).reshape(1, 4, 4)
        >>> data = [(images, torch.zeros(40, dtype=torch.int64), people.repeat(40, 1, 1))]
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
        >>> before = evaluate_alignment(model, data)
        >>> _ = model[1].weight.data.copy_(torch.arange(16.0))
        >>> compared = compare_alignment(before, evaluate_alignment(model, data))
        >>> compared.spearman.difference > 0, compared.spearman.p_value
        (True, 0.0001)
    """
    check_resampling(confidence_level, n_resamples, seed)
    _check_same_images(first, second)
    columns = [getattr(second, name) - getattr(first, name) for name in _MEASURES]
    p_values = sign_flip_p_values(np.column_stack(columns), n_resamples=n_resamples, seed=seed)

    def paired(values: Numbers, p_value: float) -> PairedDifference:
        low, high = mean_interval(
            values, confidence_level=confidence_level, n_resamples=n_resamples, seed=seed
        )
        n = int((~np.isnan(values)).sum())
        return PairedDifference(n, finite_mean(values), low, high, float(p_value))

    spearman, dice, iou = map(paired, columns, p_values)
    return AlignmentDifference(
        alignment=_divided(spearman, first.human_ceiling),
        spearman=spearman,
        dice=dice,
        iou=iou,
        accuracy=_of_hits(first.correct, second.correct, confidence_level),
    )


def _divided(one: PairedDifference, ceiling: float) -> PairedDifference:
    return one._replace(
        difference=one.difference / ceiling, low=one.low / ceiling, high=one.high / ceiling
    )


def _of_hits(first: Hits, second: Hits, confidence_level: float) -> PairedDifference:
    difference = finite_mean(second.astype(np.float64) - first)
    low, high = share_difference_interval(first, second, confidence_level=confidence_level)
    return PairedDifference(len(first), difference, low, high, _mcnemar(first, second))


def _mcnemar(first: Hits, second: Hits) -> float:
    """Return the exact p-value; only images that one of the two predicts rightly count."""
    table = [[np.sum(first & second), np.sum(first & ~second)]]
    table += [[np.sum(~first & second), np.sum(~first & ~second)]]
    return float(mcnemar(np.array(table), exact=True).pvalue)


def _check_same_images(first: object, second: object) -> None:
    for name, scores in (("first", first), ("second", second)):
        if not isinstance(scores, AlignmentScores):
            raise TypeError(
                f"{name} is a {type(scores).__name__}; expected AlignmentScores, as "
                "evaluate_alignment returns them"
            )
    if not isinstance(first, AlignmentScores) or not isinstance(second, AlignmentScores):
        return
    if len(first) != len(second):
        raise ValueError(
            f"first has {len(first):,} images, second {len(second):,}; expected scores of the same "
            "images in the same order"
        )
    for name in ("rows", "labels"):
        differ = np.flatnonzero(getattr(first, name) != getattr(second, name)).tolist()
        if differ:
            raise ValueError(
                f"first and second have other {name} at places {listed(differ)}; expected scores "
                "of the same images in the same order"
            )
    _check_same_maps(first, second)
    _check_same_measure(first, second)


def _check_same_maps(first: AlignmentScores, second: AlignmentScores) -> None:
    if first.fingerprints is None or second.fingerprints is None:
        return
    differ = np.flatnonzero(first.fingerprints != second.fingerprints).tolist()
    if differ:
        raise ValueError(
            f"first and second have other human maps at places {listed(differ)}: images in another "
            "order, or other images, or maps of another size; expected scores of the same images "
            "in the same order. Without shuffling, and with the same number of workers, a "
            "DataLoader keeps its order"
        )


def _check_same_measure(first: AlignmentScores, second: AlignmentScores) -> None:
    for name, one, other in (
        ("human_ceiling", first.human_ceiling, second.human_ceiling),
        ("percentile", first.settings.percentile, second.settings.percentile),
    ):
        if one != other:
            raise ValueError(f"first has {name} {one}, second {other}; expected the same")
    only_one = np.isnan(first.spearman) != np.isnan(second.spearman)
    if only_one.any():
        warn(
            f"spearman of {only_one.sum():,} of {len(first):,} images is NaN in one of the two "
            "only; they are left out of the comparison of spearman and alignment"
        )

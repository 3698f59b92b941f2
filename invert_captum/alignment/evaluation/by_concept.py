"""`alignment_by_concept`: on which concepts a model looks where people look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from scipy import sparse
from statsmodels.stats.multitest import multipletests

from invert_captum._log import warn
from invert_captum._validation import (
    as_list,
    check_choice,
    check_fraction,
    check_integer,
    listed,
    shown,
)
from invert_captum.alignment.evaluation.group_differences import group_differences

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt
    import pandas as pd

Labels: TypeAlias = Any
"""A boolean matrix (n, k): numpy, torch, or scipy.sparse."""

_CORRECTIONS = (
    "holm",
    "bonferroni",
    "sidak",
    "holm-sidak",
    "simes-hochberg",
    "hommel",
    "fdr_bh",
    "fdr_by",
)
_NUMBERS = ("mean_with", "mean_without", "difference", "low", "high", "auc", "p_value")


@runtime_checkable
class NamedLabels(Protocol):
    """Labels (n, k) with their k names, as a `invert_captum.ConceptSet` has them."""

    @property
    def labels(self) -> Labels:
        """The boolean matrix (n, k)."""

    @property
    def names(self) -> Iterable[str]:
        """The k names."""


def alignment_by_concept(
    scores: npt.ArrayLike,
    concepts: NamedLabels | Labels,
    *,
    names: Iterable[str] | None = None,
    alpha: float = 0.05,
    correction: str = "holm",
    min_samples: int = 5,
    confidence_level: float = 0.95,
) -> pd.DataFrame:
    """Compare the alignment of images with each concept to that of the images without it.

    Concepts that come together share their differences: a difference says where attributions agree
    with people, not why.

    Args:
        scores: A number per image, such as ``AlignmentScores.spearman``, shape (n,). Images whose
            score is NaN are left out.
        concepts: Which image shows which concept: a boolean matrix (n, k) of numpy, torch or
            scipy.sparse, or an object with such ``labels`` and with ``names``, such as a
            `invert_captum.ConceptSet`. Its rows are the images of ``scores``; where an evaluation
            left out images without a human map, give ``concepts.take(scores.rows)`` of a
            ConceptSet, or ``labels[scores.rows]`` of a matrix.
        names: k names; None for those of ``concepts``, or ``"0"``, ``"1"``, ...
        alpha: Level at which an adjusted p-value is significant, in (0, 1).
        correction: Of the p-values of all concepts, a method of
            `statsmodels.stats.multitest.multipletests` such as ``"holm"`` or ``"fdr_bh"``.
        min_samples: Least number of images with and without a concept, at least 2.
        confidence_level: Of the interval of the difference, in (0, 1).

    Returns:
        *pandas.DataFrame*, a row a concept, the largest difference first: ``concept``, ``n_with``,
        ``n_without``, ``mean_with``, ``mean_without``, ``difference`` (with − without), ``low`` and
        ``high`` (Welch's t interval), ``auc`` (how often an image with the concept has a higher
        score than one without, ties counting half), ``p_value`` (two-sided Mann–Whitney test, that
        of `scipy.stats.mannwhitneyu`), ``p_adjusted``, ``significant``.

    Raises:
        TypeError: ``concepts`` are not boolean, or an argument has the wrong type.
        ValueError: The shapes differ, scores are infinite, or an argument has no valid value.

    Warns:
        InvertCaptumWarning: Concepts have too few images with or without them. Their numbers are
            NaN, and they do not count for the correction.

    Examples:
        >>> import numpy as np
        >>> scores = np.array([0.5, 0.6, 0.4, 0.55, 0.1, 0.2, 0.0, 0.15])
        >>> concepts = np.array([[1, 1, 1, 1, 0, 0, 0, 0], [1, 0, 1, 0, 1, 0, 1, 0]], dtype=bool).T
        >>> table = alignment_by_concept(scores, concepts, names=["dog", "grass"], min_samples=4)
        >>> table[["concept", "difference", "auc", "p_adjusted", "significant"]].round(3)
          concept  difference   auc  p_adjusted  significant
        0     dog       0.400  1.00       0.057        False
        1   grass      -0.125  0.25       0.343        False
    """
    check_fraction("alpha", alpha, open_interval=True)
    check_fraction("confidence_level", confidence_level, open_interval=True)
    check_choice("correction", correction, _CORRECTIONS)
    check_integer("min_samples", min_samples, minimum=2)
    values = _values(scores)
    labels, own_names = _labels(concepts)
    if labels.shape[0] != len(values):
        raise ValueError(
            f"concepts has {labels.shape[0]:,} rows, scores has {len(values):,} images: the rows "
            "must be the same images in the same order, such as concepts.take(scores.rows) of a "
            "ConceptSet or labels[scores.rows] of a matrix, with the AlignmentScores as scores"
        )
    counted = ~np.isnan(values)
    found = group_differences(values[counted], labels[counted], min_samples, confidence_level)
    columns: dict[str, Any] = {"concept": _names(names, own_names, labels.shape[1])}
    columns |= found._asdict()
    columns["p_adjusted"] = _adjusted(found.p_value, correction)
    columns["significant"] = columns["p_adjusted"] <= alpha
    return _sorted(columns, min_samples)


def _sorted(columns: dict[str, Any], min_samples: int) -> pd.DataFrame:
    import pandas as pd

    frame = pd.DataFrame(columns)
    too_few = int(frame["difference"].isna().sum())
    if too_few:
        warn(
            f"{too_few:,} of {len(frame):,} concepts have fewer than {min_samples} images with or "
            "without them; their rows are NaN and do not count for the correction"
        )
    return frame.sort_values(
        "difference", ascending=False, kind="stable", na_position="last", ignore_index=True
    )


def _adjusted(p_values: npt.NDArray[np.float64], correction: str) -> npt.NDArray[np.float64]:
    adjusted = np.full(len(p_values), np.nan)
    tested = ~np.isnan(p_values)
    if tested.any():
        adjusted[tested] = multipletests(p_values[tested], method=correction)[1]
    return adjusted


def _values(scores: Any) -> npt.NDArray[np.float64]:
    plain = scores.detach().cpu() if hasattr(scores, "detach") else scores
    values = np.asarray(plain)
    if values.ndim != 1 or values.dtype.kind not in "iuf":
        raise ValueError(
            f"scores is of shape {values.shape} and {values.dtype}; expected numbers (n,), one for "
            "each image, such as AlignmentScores.spearman"
        )
    values = values.astype(np.float64)
    infinite = np.flatnonzero(np.isinf(values)).tolist()
    if infinite:
        raise ValueError(f"scores is infinite at {listed(infinite)}; expected finite or NaN")
    return values


def _labels(concepts: Any) -> tuple[sparse.csr_array, list[object] | None]:
    """Return the boolean labels (n, k) and their names, if they have any."""
    is_named = isinstance(concepts, NamedLabels)
    given = concepts.labels if is_named else concepts
    given = given.detach().cpu() if hasattr(given, "detach") else given
    matrix: Any = given if sparse.issparse(given) else np.asarray(given)
    if matrix.dtype != bool:
        raise TypeError(
            f"concepts is {shown(given)} of {matrix.dtype}; expected a boolean matrix (images, "
            "concepts), or an object with labels and names"
        )
    if matrix.ndim != 2:
        raise ValueError(
            f"concepts has shape {matrix.shape}; expected two axes, (images, concepts)"
        )
    return sparse.csr_array(matrix), as_list("names", concepts.names) if is_named else None


def _names(names: object, own: list[object] | None, n_concepts: int) -> list[str]:
    chosen = own if names is None else as_list("names", names)
    if chosen is None:
        return [str(index) for index in range(n_concepts)]
    if len(chosen) != n_concepts:
        raise ValueError(
            f"names has {len(chosen):,} entries, concepts has {n_concepts:,} columns; expected one "
            "for each"
        )
    return [str(name) for name in chosen]

"""Folds: a partition of the samples, each part to be tested with what the others suggest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.model_selection import KFold

from invert_captum._validation import check_integer

if TYPE_CHECKING:
    from numpy.typing import NDArray

# With fewer samples in a fold no order of the activations is evidence of anything.
_MIN_FOLD = 2


def assign_folds(
    n_samples: int, *, n_folds: int, groups: NDArray[np.int64] | None, seed: int
) -> NDArray[np.int64]:
    """Assign each sample to a fold at random.

    Args:
        n_samples: The number of samples, n.
        n_folds: The number of folds, K, at least 2.
        groups: int64, shape (n,), codes as from `group_codes`; samples of one group come to the
            same fold. None to assign single samples.
        seed: Of the shuffle, from 0 to 2³² − 1.

    Returns:
        *numpy.ndarray* of int64, shape (n,): the fold of each sample, 0 to K − 1. The folds'
        numbers of samples, or with ``groups`` of groups, differ by at most one.

    Raises:
        TypeError: If ``n_folds`` is not an integer.
        ValueError: If there are fewer than two folds, more folds than samples or groups, a fold
            of fewer than two samples, or codes for another number of samples.

    Examples:
        >>> assign_folds(6, n_folds=3, groups=None, seed=0)
        array([2, 1, 0, 1, 2, 0])
        >>> assign_folds(6, n_folds=2, groups=np.array([0, 0, 1, 1, 2, 2]), seed=0)
        array([1, 1, 0, 0, 0, 0])
    """
    n_folds = check_integer("n_folds", n_folds, minimum=2)
    # scikit-learn's GroupKFold shuffles from 1.6 on only, and then does this.
    units = np.arange(n_samples)
    if groups is not None:
        if groups.shape != (n_samples,):
            raise ValueError(f"groups has shape {groups.shape}; expected ({n_samples},)")
        units = np.unique(groups, return_inverse=True)[1]
    n_units = int(units.max(initial=-1)) + 1
    unit = "samples" if groups is None else "groups"
    if n_folds > n_units:
        raise ValueError(
            f"n_folds={n_folds} is more than the {n_units:,} {unit}; expected at most {n_units:,}"
        )
    fold_of_unit = np.empty(n_units, dtype=np.int64)
    splitter = KFold(n_folds, shuffle=True, random_state=seed)
    for fold, (_, tested) in enumerate(splitter.split(np.empty((n_units, 0)))):
        fold_of_unit[tested] = fold
    folds = fold_of_unit[units]
    fewest = int(np.bincount(folds, minlength=n_folds).min())
    if fewest < _MIN_FOLD:
        raise ValueError(
            f"n_folds={n_folds} of {n_samples:,} samples leaves a fold of {fewest}, fewer than "
            f"{_MIN_FOLD}: too few samples for so many folds"
        )
    return folds

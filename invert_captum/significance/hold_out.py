"""Hold-out: search on one part of the samples, test on the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit

from invert_captum._validation import as_list

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# With fewer samples in a part no order of the activations is evidence of anything.
_MIN_PART = 2


def split_samples(
    n_samples: int, *, holdout_fraction: float, groups: Sequence[object] | None, seed: int
) -> NDArray[np.bool_]:
    """Choose the samples that the search does not see.

    Args:
        n_samples: The number of samples, n.
        holdout_fraction: The share to hold out, in (0, 1); of the groups, if there are any.
        groups: n labels; samples of one group (near-duplicates, frames of one film) come to the
            same side. None to split single samples.
        seed: Of the shuffle, from 0 to 2³² − 1.

    Returns:
        *numpy.ndarray* of bool, shape (n,): True where held out.

    Raises:
        ValueError: If a part would have fewer than two samples, or the number of groups is wrong.

    Examples:
        >>> split_samples(6, holdout_fraction=0.5, groups=list("aabbcc"), seed=0)
        array([False, False,  True,  True,  True,  True])
    """
    codes = None if groups is None else group_codes(groups, n_samples)
    splitter = ShuffleSplit if codes is None else GroupShuffleSplit
    n_units = n_samples if codes is None else len(np.unique(codes))
    unit = "samples" if codes is None else "groups"
    n_out = int(np.ceil(holdout_fraction * n_units))
    if n_out < 1 or n_units - n_out < 1:
        raise ValueError(
            f"holdout_fraction={holdout_fraction} of {n_units:,} {unit} leaves one part empty; "
            f"hold-out needs at least two {unit} and a fraction that leaves one on each side"
        )
    split = splitter(n_splits=1, test_size=holdout_fraction, random_state=seed)
    _, out = next(split.split(np.empty((n_samples, 0)), groups=codes))
    heldout = np.zeros(n_samples, dtype=np.bool_)
    heldout[out] = True
    if min(len(out), n_samples - len(out)) < _MIN_PART:
        raise ValueError(
            f"holdout_fraction={holdout_fraction} of {n_samples:,} samples leaves a part of fewer "
            f"than {_MIN_PART}: too few samples for hold-out"
        )
    return heldout


def group_codes(groups: Sequence[object], n_samples: int) -> NDArray[np.int64]:
    """Number the groups in order of appearance.

    Args:
        groups: One label a sample; anything hashable, nothing missing.
        n_samples: How many labels are expected.

    Returns:
        *numpy.ndarray* of int64, shape (n,).

    Raises:
        TypeError: If ``groups`` is no sequence of labels, or a label has no hash by its value.
        ValueError: If there are more or fewer labels than samples, or a label is missing.

    Examples:
        >>> group_codes(["b", "a", "b"], 3)
        array([0, 1, 0])
    """
    labels = as_list("groups", groups)
    if len(labels) != n_samples:
        raise ValueError(f"groups has {len(labels):,} labels for {n_samples:,} samples")
    # Filled one by one, because numpy would take labels that are tuples for another axis.
    values = np.empty(n_samples, dtype=object)
    for sample, label in enumerate(labels):
        values[sample] = label
        if label is not None and _hashes_by_identity(label):
            raise TypeError(
                f"groups has a label of type {type(label).__name__} at sample {sample}; expected "
                "labels that are equal by value, such as strings or integers"
            )
    codes, _ = pd.factorize(values)
    if (codes < 0).any():
        first = int(np.flatnonzero(codes < 0)[0])
        raise ValueError(f"groups has a missing label at sample {first}; every sample needs one")
    return np.asarray(codes, dtype=np.int64)


def _hashes_by_identity(value: object) -> bool:
    inherited: object = object.__hash__
    return type(value).__hash__ is inherited

"""Which samples are kept from which search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from invert_captum.significance import assign_folds, group_codes, split_samples

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from invert_captum.labeling.settings import LabelingSettings


@dataclass(frozen=True, slots=True)
class Split:
    """The parts of n samples, and the groups that no part divides.

    Attributes:
        heldout: The samples that the search does not see, bool of shape (n,); None if it sees all.
        folds: The fold of every sample, int64 of shape (n,); None without cross-fitting.
        groups: The group of every sample, int64 of shape (n,); None if each stands alone.
    """

    heldout: NDArray[np.bool_] | None
    folds: NDArray[np.int64] | None
    groups: NDArray[np.int64] | None

    @classmethod
    def of(
        cls, n_samples: int, groups: Sequence[object] | None, settings: LabelingSettings
    ) -> Split:
        """Split the samples as the settings say.

        Raises:
            ValueError: If there are too few samples or groups, or ``groups`` is of no use.
        """
        if groups is not None and settings.significance not in ("holdout", "permutation"):
            raise ValueError(
                f"groups is given, but significance={settings.significance!r} does not use it"
            )
        codes = None if groups is None else group_codes(groups, n_samples)
        heldout = folds = None
        if settings.n_folds is not None:
            folds = assign_folds(
                n_samples, n_folds=settings.n_folds, groups=codes, seed=settings.seed
            )
        elif settings.significance == "holdout":
            heldout = split_samples(
                n_samples,
                holdout_fraction=settings.holdout_fraction,
                groups=groups,
                seed=settings.seed,
            )
        return cls(heldout, folds, codes)

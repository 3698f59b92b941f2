"""Whether data comes in another order each time, as far as that can be seen."""

from __future__ import annotations

import numbers

import numpy as np
from torch.utils.data import RandomSampler, SubsetRandomSampler, WeightedRandomSampler

from invert_captum._log import warn

_SAMPLERS = (RandomSampler, SubsetRandomSampler, WeightedRandomSampler)


def warn_of_shuffling(data: object) -> None:
    """Warn of a DataLoader that shuffles, or of a data set in it that does so by itself.

    A data set shuffles if it has an attribute ``shuffle`` that is true or a number above 0.

    Warns:
        InvertCaptumWarning: Rows cannot be found again.
    """
    samplers = data, getattr(data, "batch_sampler", None)
    by_sampler = any(isinstance(getattr(one, "sampler", None), _SAMPLERS) for one in samplers)
    by_itself = [one for one in _with_data_sets(data) if _shuffles(one)]
    if by_sampler or by_itself:
        of_set = f" (its {type(by_itself[0]).__name__} has shuffle)" if by_itself else ""
        warn(
            f"data shuffles{of_set}: rows are counted in the order of this pass, so that scores "
            "cannot be compared image by image with those of another pass, nor rows be found in "
            "concepts; expected a DataLoader with shuffle=False, of a data set without shuffling"
        )


def _with_data_sets(data: object) -> list[object]:
    """Return data and the data sets that it takes its items from."""
    found = [data]
    for one in found:
        several = getattr(one, "datasets", None)
        inner = [getattr(one, "dataset", None)]
        inner += several if isinstance(several, (list, tuple)) else []
        found += [each for each in inner if each is not None and not _has(found, each)]
    return found


def _has(found: list[object], one: object) -> bool:
    return any(one is other for other in found)


def _shuffles(one: object) -> bool:
    # In other libraries it is a method of data sets, which says nothing.
    value = getattr(one, "shuffle", None)
    return isinstance(value, (bool, np.bool_, numbers.Real)) and bool(value)

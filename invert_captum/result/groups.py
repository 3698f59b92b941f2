"""The groups of a result, of which it keeps a fingerprint only."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from invert_captum._validation import as_list
from invert_captum.significance import group_codes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray


def sha256_of_groups(groups: Sequence[object] | None) -> str | None:
    """Return the fingerprint of the groups of all samples; None if there are none."""
    if groups is None:
        return None
    return hashlib.sha256(json.dumps([str(group) for group in groups]).encode()).hexdigest()


def check_groups(
    settings: dict[str, Any], groups: Sequence[object] | None, n_samples: int
) -> NDArray[np.int64] | None:
    """Return the groups' codes, int64 of shape (n,), if they are those of the labelling.

    Raises:
        ValueError: If they are not.
    """
    known = settings["groups_sha256"]
    groups = None if groups is None else as_list("groups", groups)
    if sha256_of_groups(groups) != known:
        expected = "no groups" if known is None else "the groups that it was labelled with"
        came = "are missing" if groups is None else "are not those of the result"
        raise ValueError(f"groups {came}; expected {expected}")
    return None if groups is None else group_codes(groups, n_samples)

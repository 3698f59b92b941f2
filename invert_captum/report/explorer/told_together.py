"""Many warnings of the package as one."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from invert_captum._log import InvertCaptumWarning, warn

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def told_together(what: str) -> Iterator[None]:
    """Tell the package's warnings inside the ``with`` block in one at its end.

    Others are handed on as they came.

    Args:
        what: What is made in the block.

    Examples:
        >>> with warnings.catch_warnings(record=True) as seen:
        ...     warnings.simplefilter("always")
        ...     with told_together("heat maps"):
        ...         warn("picture 0 is black")
        ...         warn("picture 1 is white")
        >>> [str(one.message) for one in seen]
        ['heat maps: 2 warnings, the first of them: picture 0 is black']
    """
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always", InvertCaptumWarning)
        yield
    own = [str(one.message) for one in seen if issubclass(one.category, InvertCaptumWarning)]
    for one in seen:
        if not issubclass(one.category, InvertCaptumWarning):
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    if len(own) == 1:
        warn(f"{what}: {own[0]}")
    elif own:
        warn(f"{what}: {len(own):,} warnings, the first of them: {own[0]}")

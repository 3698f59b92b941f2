"""Many warnings of the package as one."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, TypeVar

from invert_captum._log import InvertCaptumWarning, warn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")


def told_together(what: str, work: Callable[[], T]) -> T:
    """Do some work, and tell the package's warnings on the way in one at its end.

    Others are handed on as they came. So it is, too, if the work ends with an error.

    Args:
        what: What is made.
        work: Makes it.

    Returns:
        What ``work`` returns.

    Examples:
        >>> def make():
        ...     warn("picture 0 is black")
        ...     warn("picture 1 is white")
        ...     return 7
        >>> with warnings.catch_warnings(record=True) as seen:
        ...     warnings.simplefilter("always")
        ...     told_together("heat maps", make)
        7
        >>> [str(one.message) for one in seen]
        ['heat maps: 2 warnings, the first of them: picture 0 is black']
    """
    seen: list[warnings.WarningMessage] = []
    try:
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always", InvertCaptumWarning)
            return work()
    finally:
        _tell(what, seen)


def _tell(what: str, seen: Sequence[warnings.WarningMessage]) -> None:
    own = [str(one.message) for one in seen if issubclass(one.category, InvertCaptumWarning)]
    for one in seen:
        if not issubclass(one.category, InvertCaptumWarning):
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    if len(own) == 1:
        warn(f"{what}: {own[0]}")
    elif own:
        warn(f"{what}: {len(own):,} warnings, the first of them: {own[0]}")

"""The package's one logger, one warning class and one progress bar."""

from __future__ import annotations

import logging
import sys
import warnings
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import FrameType

T = TypeVar("T")

logger = logging.getLogger("invert_captum")


class InvertCaptumWarning(UserWarning):
    """Every warning of this package: something was set aside, and the run went on without it.

    Examples:
        >>> import warnings
        >>> import numpy as np
        >>> import invert_captum as ic
        >>> labels = np.array([[True, False], [True, False], [False, False]])
        >>> concepts = ic.ConceptSet(labels, ["dog", "unicorn"])
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always", InvertCaptumWarning)
        ...     aucs = ic.concept_auc(np.array([[3.0], [2.0], [1.0]]), concepts)
        >>> aucs
        array([[ 1., nan]])
        >>> print(caught[0].message)
        1 of 2 concepts have no positives or no negatives and are left out: 'unicorn'
    """


def warn(message: str) -> None:
    """Emit ``message`` as an `InvertCaptumWarning` that points at the code that called us."""
    level, frame = 1, sys._getframe()  # noqa: SLF001 - the inspect module is slow to import
    while frame.f_back is not None and _is_ours(frame):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, InvertCaptumWarning, stacklevel=level)


def _is_ours(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__")).partition(".")[0] == "invert_captum"


def progress(
    items: Iterable[T], *, show: bool, description: str, total: int | None = None
) -> Iterator[T]:
    """Yield ``items``, drawing a progress bar on standard error if ``show``."""
    if not show:
        yield from items
        return
    from tqdm.auto import tqdm

    yield from tqdm(items, desc=description, total=total)

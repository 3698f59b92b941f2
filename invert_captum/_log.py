"""The package's one logger, one warning class and one progress bar."""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

T = TypeVar("T")

logger = logging.getLogger("invert_captum")


class InvertCaptumWarning(UserWarning):
    """Every warning of this package: something was set aside, and the run went on without it."""


def warn(message: str) -> None:
    """Emit ``message`` as an `InvertCaptumWarning` that points at the caller's caller."""
    warnings.warn(message, InvertCaptumWarning, stacklevel=3)


def progress(
    items: Iterable[T], *, show: bool, description: str, total: int | None = None
) -> Iterator[T]:
    """Yield ``items``, drawing a progress bar on standard error if ``show``."""
    if not show:
        yield from items
        return
    from tqdm.auto import tqdm

    yield from tqdm(items, desc=description, total=total)

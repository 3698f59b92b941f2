"""How large and how rich a page is to be."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass

from invert_captum._validation import check_integer, shown


@dataclass(frozen=True, kw_only=True)
class PageOptions:
    """The arguments of `write_explorer` that are numbers, checked; it documents them.

    Raises:
        TypeError: If one is no number of its kind.
        ValueError: If one is out of its range.
    """

    top: int = 48
    n_shown: int = 8
    thumbnail: int = 96
    max_megabytes: float = 20.0
    batch_size: int = 32
    show_progress: bool = False

    def __post_init__(self) -> None:
        check_integer("top", self.top, minimum=0)
        for name in ("n_shown", "thumbnail", "batch_size"):
            check_integer(name, getattr(self, name), minimum=1)
        size: object = self.max_megabytes
        if isinstance(size, bool) or not isinstance(size, numbers.Real):
            raise TypeError(f"max_megabytes is {shown(size)}; expected a number of megabytes")
        if math.isnan(size) or not float(size) >= 0:
            raise ValueError(f"max_megabytes is {size}; expected a number of at least 0")

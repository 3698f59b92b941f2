"""What a study is at, on standard error: the whole takes minutes."""

from __future__ import annotations

import sys
import time

_started = time.perf_counter()


def report_step(what: str) -> None:
    """Print what was done, with the seconds since the start."""
    print(f"{time.perf_counter() - _started:6.0f} s  {what}", file=sys.stderr, flush=True)

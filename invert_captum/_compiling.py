"""How kernels are compiled: by numba, without the GIL, kept on disk between runs."""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numba

from invert_captum._log import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Function = TypeVar("Function", bound=Callable[..., Any])


@cache
def _hash_of_sources(folder: Path) -> str:
    """Return a hash of all kernels that may call each other: those of one folder, and this file.

    numba looks only at the file of the function that was called to tell whether what it kept is
    still valid, not at the files of the functions that this one calls.
    """
    digest = hashlib.sha256()
    for path in [Path(__file__), *sorted(folder.glob("*.py"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def kernel(function: Function) -> Function:
    """Compile a function that Python calls, at its first call.

    Threads run kernels side by side, because kernels need no GIL. Floating-point operations are
    done in the order written (no ``fastmath``), so that every machine computes the same bits.
    """
    return _compile(function)


def compiled(function: Function) -> Function:
    """Compile a part of a kernel, which only kernels call; that compiles faster."""
    return _compile(function, no_cpython_wrapper=True, no_cfunc_wrapper=True)


def _compile(function: Function, **options: bool) -> Function:
    # Division by zero never happens on purpose; "numpy" leaves out the branch that looks for it.
    njit: Callable[..., Any] = numba.njit
    made: Function
    options = {**options, "nogil": True}
    sources = _hash_of_sources(Path(function.__code__.co_filename).parent)
    function.__qualname__ = f"{function.__qualname__}_{sources}"
    try:
        with _cache_of_the_user():
            made = njit(function, cache=True, error_model="numpy", **options)
    except RuntimeError as error:
        if "cannot cache" not in str(error):
            raise
        logger.warning("the search is compiled anew in every process: %s", error)
        made = njit(function, error_model="numpy", **options)
    return made


@contextmanager
def _cache_of_the_user() -> Iterator[None]:
    """Let numba keep what it compiles in the user's cache, not beside the sources.

    There it would outlive the package when that is uninstalled, and the folder that is left would
    hide a new installation in another place. ``NUMBA_CACHE_DIR`` is respected.
    """
    config: Any = numba.config
    before = config.CACHE_DIR
    if not before:
        home = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
        config.CACHE_DIR = str(home / "invert-captum")
    try:
        yield
    finally:
        config.CACHE_DIR = before

"""How the kernels are compiled: by numba, without the GIL, kept on disk between runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numba

if TYPE_CHECKING:
    from collections.abc import Callable

    Function = TypeVar("Function", bound=Callable[..., Any])


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
    options = {**options, "nogil": True}
    try:
        return njit(function, cache=True, error_model="numpy", **options)
    except RuntimeError:
        # Neither the package's folder nor the user's cache can be written: compile each time.
        return njit(function, error_model="numpy", **options)

"""The functions that a command line names."""

from __future__ import annotations

import importlib
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from invert_captum._validation import nearest_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def current_folder_importable() -> Iterator[None]:
    """Let files of the current folder be imported inside the ``with`` block.

    A function may import only when it is called, so the block has to hold its calls, too.
    """
    # Last, so that a file of the current folder cannot stand in for an installed package.
    here = str(Path.cwd())
    sys.path.append(here)
    try:
        yield
    finally:
        # By identity: the user may have an equal entry, and code inside may have added others.
        sys.path[:] = [entry for entry in sys.path if entry is not here]


def import_function(spec: str, option: str) -> Callable[..., Any]:
    """Import the function that ``package.module:function`` names.

    Args:
        spec: The name.
        option: The option that gave it, for messages.

    Raises:
        TypeError: If the name is that of something else.
        ValueError: If there is no such module or function.
    """
    module_name, _, name = spec.partition(":")
    if not module_name or not name:
        raise ValueError(f"{option} is {spec!r}; expected package.module:function")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise ValueError(f"{option} is {spec!r}, which cannot be imported: {error}") from error
    function = getattr(module, name, None)
    if function is None:
        near = nearest_names(name, [known for known in dir(module) if not known.startswith("_")])
        raise ValueError(f"{option} is {spec!r}; {module_name} has no {name!r}; nearest: {near}")
    if not callable(function):
        raise TypeError(f"{option} is {spec!r}, a {type(function).__name__}; expected a function")
    called: Callable[..., Any] = function
    return called

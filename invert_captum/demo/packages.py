"""Where the demo's model and pictures come from: data that ships inside Python packages."""

from __future__ import annotations

import importlib
from importlib import resources
from pathlib import Path


def package_folder(package: str) -> Path:
    """Return the folder of an installed ``package`` of the ``demo`` extra.

    Raises:
        ModuleNotFoundError: If the package is missing; the message says how to install the extra.
    """
    try:
        importlib.import_module(package)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"the demo needs the package {package.replace('_', '-')}, which is not installed; "
            'inside the checkout, run: pip install -e ".[demo]"',
            name=package,
        ) from error
    return Path(str(resources.files(package)))

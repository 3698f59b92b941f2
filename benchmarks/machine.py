"""What a benchmark ran on."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

LIBRARIES = ("numpy", "scipy", "numba", "torch", "invert-captum")


def describe_machine() -> dict[str, str]:
    """Return the processor, memory and versions that numbers depend on."""
    return {
        "processor": _processor(),
        "cores": str(_n_cores()),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": platform.system(),
        "Python": platform.python_version(),
        **{library: _version(library) for library in LIBRARIES},
    }


def _n_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> str:
    """Return the processor's name and, since virtual machines hide it, its family and model."""
    file = Path("/proc/cpuinfo")
    if not file.exists():
        return platform.processor()
    pairs = (line.partition(":") for line in file.read_text().splitlines())
    facts = {key.strip(): value.strip() for key, _, value in pairs}
    family = f"family {facts.get('cpu family', '?')}, model {facts.get('model', '?')}"
    return f"{facts.get('model name', platform.machine())} ({family})"


def _version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return "not installed"

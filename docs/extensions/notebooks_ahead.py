"""Notebooks that run side by side before pages are read, and are then taken from the cache.

MyST-NB runs one after another, on all cores, which most steps of a notebook cannot use.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import single_nb_execution
from sphinx.util import logging

if TYPE_CHECKING:
    from jupyter_cache.base import JupyterCacheAbstract
    from jupyter_cache.executors.utils import ExecutionResult
    from sphinx.application import Sphinx

_logger = logging.getLogger(__name__)


def run_ahead(app: Sphinx) -> None:
    """Run the notebooks that are not in the cache, one on each core, and put them there."""
    config = app.env.mystnb_config  # type: ignore[attr-defined]
    if config.execution_mode != "cache":  # such as off, for pages that are soon there
        return
    cache = get_cache(config.execution_cache_path)
    missing = []
    for path in sorted(Path(app.srcdir, "tutorials").glob("*.ipynb")):
        try:
            cache.match_cache_notebook(nbformat.read(path, nbformat.NO_CONVERT))
        except KeyError:
            missing.append(path)
    cores = os.cpu_count() or 1
    workers = min(cores, len(missing))
    if not workers:
        return
    timeout = app.config.nb_execution_timeout
    threads = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = threads or str(cores // workers)
    with ThreadPoolExecutor(workers) as pool:
        runs = {path: pool.submit(_run, path, timeout) for path in missing}
        for path, run in runs.items():
            _keep(cache, path, run.result())
    if threads is None:
        del os.environ["OMP_NUM_THREADS"]


def _run(path: Path, timeout: int) -> ExecutionResult:
    notebook = nbformat.read(path, nbformat.NO_CONVERT)
    return single_nb_execution(notebook, str(path.parent), timeout, allow_errors=False)


def _keep(cache: JupyterCacheAbstract, path: Path, run: ExecutionResult) -> None:
    if run.err is not None:
        raise RuntimeError(f"{path} failed: {run.exc_string}") from run.err
    _logger.info("%s: executed in %.0f seconds", path.name, run.time)
    cache.cache_notebook_bundle(
        CacheBundleIn(run.nb, str(path), data={"execution_seconds": run.time}),
        check_validity=False,
        overwrite=True,
    )


def setup(app: Sphinx) -> dict[str, bool]:
    """Run them as soon as MyST-NB has read its own settings."""
    app.connect("builder-inited", run_ahead, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""Notebooks that ran ahead of the build lie in its cache, and one that fails fails the build."""

from __future__ import annotations

import os
from types import SimpleNamespace

import nbformat
import notebooks_ahead
import pytest
from jupyter_cache import get_cache
from nbformat import v4


@pytest.fixture
def app(tmp_path, monkeypatch):
    (tmp_path / "tutorials").mkdir()
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    settings = SimpleNamespace(execution_mode="cache", execution_cache_path=tmp_path / "cache")
    return SimpleNamespace(
        srcdir=tmp_path,
        config=SimpleNamespace(nb_execution_timeout=60),
        env=SimpleNamespace(mystnb_config=settings),
    )


def write(app, name, code, **metadata):
    notebook = v4.new_notebook(cells=[v4.new_code_cell(code, metadata=metadata)])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    path = app.srcdir / "tutorials" / f"{name}.ipynb"
    nbformat.write(notebook, path)
    return path


def output_of(app, path):
    cache = get_cache(app.env.mystnb_config.execution_cache_path)
    record = cache.match_cache_notebook(nbformat.read(path, nbformat.NO_CONVERT))
    (cell,) = cache.get_cache_bundle(record.pk).nb.cells
    return cell.outputs[0]["text"]


def test_notebooks_run_once_and_only_those_that_changed(app, monkeypatch):
    first, second = write(app, "a", "print(6 * 7)"), write(app, "b", "print('two')")
    notebooks_ahead.run_ahead(app)
    assert [output_of(app, path) for path in (first, second)] == ["42\n", "two\n"]
    assert "OMP_NUM_THREADS" not in os.environ
    ran, run = [], notebooks_ahead._run
    monkeypatch.setattr(
        notebooks_ahead, "_run", lambda path, timeout: ran.append(path.stem) or run(path, timeout)
    )
    second = write(app, "b", "print('three')")
    notebooks_ahead.run_ahead(app)
    assert ran == ["b"]
    assert output_of(app, second) == "three\n"


def test_a_notebook_that_fails_fails_the_build_and_is_not_kept(app):
    path = write(app, "wrong", "print(1)\n1 / 0")
    with pytest.raises(RuntimeError, match=r"(?s)wrong\.ipynb failed: .*ZeroDivisionError"):
        notebooks_ahead.run_ahead(app)
    with pytest.raises(KeyError):
        output_of(app, path)


def test_nothing_runs_where_the_build_runs_nothing(app):
    app.env.mystnb_config.execution_mode = "off"
    write(app, "wrong", "1 / 0")
    notebooks_ahead.run_ahead(app)

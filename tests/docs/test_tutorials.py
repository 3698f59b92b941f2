"""Every notebook is what jupytext makes of the script beside it, without outputs."""

from __future__ import annotations

import re
from pathlib import Path

import jupytext
import nbformat
import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "tutorials").glob("*.py"))


def test_scripts_notebooks_and_the_list_of_tutorials_are_the_same():
    notebooks = (ROOT / "tutorials").glob("*.ipynb")
    listed = (ROOT / "docs" / "tutorials" / "index.md").read_text(encoding="utf-8")
    (names,) = re.findall(r"```{toctree}\n(?::.*\n)*\n((?:\w+\n)+)```", listed)
    assert sorted(names.split()) == [path.stem for path in SCRIPTS] != []
    assert sorted(path.stem for path in notebooks) == sorted(names.split())


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_notebook_is_its_script(script):
    made = jupytext.read(script)
    kept = nbformat.read(script.with_suffix(".ipynb"), as_version=4)
    assert [(cell.cell_type, cell.source, cell.metadata) for cell in kept.cells] == [
        (cell.cell_type, cell.source, cell.metadata) for cell in made.cells
    ], "run: jupytext --update --to ipynb tutorials/*.py"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_notebook_holds_no_outputs(script):
    # They would make every change of a picture a change of the repository.
    kept = nbformat.read(script.with_suffix(".ipynb"), as_version=4)
    code = [cell for cell in kept.cells if cell.cell_type == "code"]
    assert code
    assert not any(cell.outputs or cell.execution_count for cell in code)


# A page shows nothing of these cells; "raises-exception" would let an error pass, for one.
TAGS = {"remove-cell"}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_every_cell_runs_and_none_may_fail(script):
    kept = nbformat.read(script.with_suffix(".ipynb"), as_version=4)
    # Settings of MyST-NB in a notebook would go before those of docs/conf.py.
    assert kept.metadata.keys() == {"jupytext", "kernelspec"}
    for cell in kept.cells:
        assert cell.metadata.keys() <= {"tags", "lines_to_next_cell", "mystnb"}
        words = cell.metadata.get("mystnb", {"image": {"alt": "none"}})
        assert {key: value.keys() for key, value in words.items()} == {"image": {"alt"}}
        assert set(cell.metadata.get("tags", [])) <= TAGS


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_tutorial_needs_the_package_only_and_names_whose_pictures_it_shows(script):
    text = script.read_text(encoding="utf-8")
    assert not re.search(r"(from|import) +(benchmarks|tests)\b", text)
    if "imshow" in text or "plot_neuron" in text or "plot_maps" in text:
        assert "Twemoji ©" in text

"""The role and the directive for measured numbers, on a page that Sphinx builds."""

from __future__ import annotations

import io
import re

import pytest
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

from benchmarks.measured import load, measured
from benchmarks.results import show

ADDRESS = "engine; by class; floor; ms per neuron"


@pytest.fixture
def build(tmp_path):
    """A function that builds a page of this text: its HTML, the warnings, what it depends on."""

    def built(text):
        source = tmp_path / "docs"
        (source / "how_to").mkdir(parents=True)
        (source / "index.md").write_text("# Start\n```{toctree}\nhow_to/page\n```\n")
        (source / "how_to" / "page.md").write_text(f"# Page\n\n{text}\n")
        said = io.StringIO()
        settings = {"extensions": ["myst_parser", "measurements"], "html_theme": "basic"}
        places = (tmp_path / name for name in ("out", "trees"))
        with docutils_namespace():
            app = Sphinx(source, None, *places, "html", settings, status=None, warning=said)
            app.build()
        page = (tmp_path / "out" / "how_to" / "page.html").read_text(encoding="utf-8")
        return page, said.getvalue(), app.env.dependencies["how_to/page"]

    return built


def rows_of(page):
    table = page[page.index("<table") : page.index("</table>")]
    rows = re.findall(r"<tr.*?</tr>", table, re.DOTALL)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]
    return [[re.sub(r"<[^>]*>", "", cell).strip() for cell in row] for row in cells]


def test_a_number_is_a_link_to_its_report_and_read_again_when_that_changes(build):
    page, warnings, read = build(f"It takes {{measured}}`{ADDRESS}` ms.")
    assert not warnings
    (link,) = re.findall(r'<a class="measured[^>]*>.*?</a>', page)
    assert f">{measured(ADDRESS)}</a>" in link
    assert 'href="../reference/measurements.html#time-per-neuron' in link
    assert f'title="{ADDRESS}"' in link
    assert any(str(path).endswith("engine.json") for path in read)


def test_an_address_that_leads_nowhere_is_a_warning(build):
    _, warnings, _ = build("It takes {measured}`engine; by nobody; floor; ms per neuron` ms.")
    assert "leads to 0 cells" in warnings


def test_a_table_shows_the_columns_and_rows_that_are_asked_for(build):
    text = """```{measured-table} engine
:columns: what; ms per neuron
:rename: step; ms
:rows: by class & floor; label_neurons, in_sample
```"""
    page, warnings, read = build(text)
    assert not warnings
    chosen = [
        ["floor", "by class"],
        ["label_neurons, in_sample", "by class"],
        ["label_neurons, in_sample", "by sample"],
    ]
    table = load("engine").tables[0]
    place = table.columns.index("ms per neuron")
    expected = [
        [what, show(row[place])]
        for what, labels in chosen
        for row in table.rows
        if row[:2] == [labels, what]
    ]
    assert rows_of(page) == [["step", "ms"], *expected]
    assert load("engine").command.split(" --output")[0] in page
    assert any(str(path).endswith("engine.json") for path in read)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (":rows: by nobody", "no row has the cell by nobody"),
        (":rows: by class & by sample", "no row has the cell by class and the cell by sample"),
        (":columns: price", "'price' is not in list"),
        (":columns: what\n:rename: a; b", "2 new heads for 1 columns"),
        (":table: 9", "list index out of range"),
    ],
)
def test_a_table_that_there_is_not_is_a_warning(build, options, message):
    _, warnings, _ = build(f"```{{measured-table}} engine\n{options}\n```")
    assert message in warnings

"""The reference names everything there is, once, and what pages refer to exists."""

from __future__ import annotations

import dataclasses
import importlib
import re
from collections import Counter
from pathlib import Path

import command_options
import public_names
import pytest
import signature_types
import typer
from docutils import nodes
from docutils.core import publish_doctree
from myst_parser.parsers.docutils_ import Parser

from benchmarks.measured import load, measured
from benchmarks.results import FOLDER, PAGE, render
from invert_captum.cli.app import app
from invert_captum.report.folder import ReportFiles

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
API = DOCS / "reference" / "api"
MODULES = {name.rpartition(".")[2]: name for name in public_names.MODULES}
REPORTS = sorted(path.stem for path in FOLDER.glob("*.json"))
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in [
        *sorted(DOCS.rglob("*.md")),
        *sorted((ROOT / "tutorials").glob("*.py")),
    ]
    if "generated" not in path.parts
}


def read(path):
    return path.read_text(encoding="utf-8")


def said(pattern):
    """What a pattern finds in the pages, with the page that says it."""
    return [(page, found) for page, text in PAGES.items() for found in re.findall(pattern, text)]


# The API.


def listed_names(text):
    """The dotted names that a page of the API lists in its tables and as constants."""
    module, names = "", []
    for block in re.findall(r"```\{eval-rst\}\n(.*?)```", text, re.DOTALL):
        for line in block.splitlines():
            if found := re.match(r"\.\. currentmodule:: (\S+)", line):
                module = found[1]
            elif found := re.match(r"\.\. py:data:: (\w+)|   (\w+)$", line):
                names.append(f"{module}.{found[1] or found[2]}")
    return names


def test_every_public_name_is_listed_once_on_the_page_of_its_module():
    listed = {name: listed_names(read(API / f"{page}.md")) for page, name in MODULES.items()}
    for module, names in listed.items():
        assert all(name.rpartition(".")[0] == module for name in names)
    counts = Counter(name for names in listed.values() for name in names)
    assert set(counts) == set(public_names.public_names().values())
    assert set(counts.values()) == {1}


def test_a_name_of_two_modules_goes_by_the_first():
    names = public_names.public_names()
    assert names["ConceptSet"] == "invert_captum.ConceptSet"
    assert names["from_csv"] == "invert_captum.concepts.from_csv"


def test_the_modules_of_the_api_are_all_that_the_index_promises():
    index = read(API / "index.md")
    assert re.findall(r"^\| \{doc\}`(\S+) <", index, re.MULTILINE) == list(MODULES.values())
    toctree = re.search(r"```\{toctree\}\n:hidden:\n\n(.*?)```", index, re.DOTALL)[1].split()
    assert toctree == [*MODULES, "types"]
    assert {path.stem for path in API.glob("*.md")} == {*toctree, "index"}


def test_every_word_for_a_type_is_explained_once():
    explained = re.findall(r"```\{py:(?:type|class)\} (\w+)", read(API / "types.md"))
    assert sorted(explained) == sorted(signature_types.WORDS)
    assert not set(explained) & set(public_names.public_names())


@pytest.mark.parametrize(
    "result",
    [
        ReportFiles,
        *(
            getattr(importlib.import_module(module), name)
            for module, name in (
                ("invert_captum.significance", "Difference"),
                ("invert_captum.alignment.evaluation.evaluation_settings", "EvaluationSettings"),
                ("invert_captum.alignment.evaluation.mean_intervals", "Interval"),
                ("invert_captum.attr.contribution.contributions", "StandardErrors"),
                ("invert_captum.result.null_scores", "NullScores"),
            )
        ),
    ],
)
def test_a_small_result_is_explained_with_all_its_attributes(result):
    name = result.__name__
    text = re.search(rf"\{{py:class\}} {name}\n(.*?)```", read(API / "types.md"), re.DOTALL)[1]
    is_data = dataclasses.is_dataclass(result)
    fields = [field.name for field in dataclasses.fields(result)] if is_data else result._fields
    assert set(fields) <= set(re.findall(r"`(\w+)`", text))


@pytest.mark.parametrize(
    ("made", "mended"),
    [
        (":returns: **Tensor** -- shape (n,).", ":returns: *Tensor*: shape (n,)."),
        (":returns: **Path*, a file* -- its place.", ":returns: *Path*, a file: its place."),
        (":returns: A table of what was found.", ":returns: A table of what was found."),
        ("|A ∩ B| / |A|, a size", r"\|A ∩ B| / \|A|, a size"),
        ("``a | b`` and ``a|b|c`` are code", "``a | b`` and ``a|b|c`` are code"),
    ],
)
def test_what_napoleon_makes_of_a_line_is_mended(made, mended):
    lines = [made]
    signature_types._docstring(None, "function", "f", None, None, lines)
    assert lines == [mended]


def test_a_property_keeps_what_is_before_a_colon():
    lines = ["1 is as people with each other.", "", ":type: Mean over the ceiling"]
    signature_types._docstring(None, "property", "p", None, None, lines)
    assert lines == ["Mean over the ceiling: 1 is as people with each other.", ""]


def test_attributes_are_shown_with_the_types_of_their_annotations():
    lines = [".. attribute:: n", "", "   How many.", "", "   :type: Count", ".. attribute:: other"]
    signature_types._show_types(lines, {"n": "int"})
    assert lines == [
        *(".. attribute:: n", "   :type: int", "", "   How many.", ""),
        ".. attribute:: other",
    ]


# The command line.


def test_every_command_stands_on_the_page_once():
    shown = re.findall(r"```\{command-options\} (\w+)", read(DOCS / "reference/command_line.md"))
    assert shown == list(command_options.commands())
    assert shown == [command.callback.__name__ for command in app.registered_commands]


@pytest.mark.parametrize("name", command_options.commands())
def test_every_parameter_of_a_command_is_shown(name):
    shown = command_options.commands()[name]
    params = typer.main.get_command(app).commands[name].params
    assert len(shown) == len(params)
    for parameter, one in zip(shown, params, strict=True):
        assert parameter.text.strip(), f"{one.name} has no help"
        written = re.sub(r" (<.*|[A-Z]+)$", "", parameter.names).split(", ")  # without its value
        is_option = one.param_type_name == "option"
        assert written == ([*one.opts, *one.secondary_opts] if is_option else [one.metavar])
        assert ("required" in parameter.facts) == one.required


@pytest.mark.parametrize(
    ("names", "text", "shown"),
    [
        (
            "--size <int range>",
            "How big.  [default: 3; x>=1]",
            ("--size <int>", "default: 3; x>=1"),
        ),
        ("--layer <list[str]>", "Which.  [required]", ("--layer <str>", "required")),
        ("--a / --no-a", "Whether.  [default: a]", ("--a, --no-a", "default: --a")),
        ("DIR <path>", "Where.  [required]", ("DIR", "required")),
        ("--plain <str>", "With [brackets] inside.", ("--plain <str>", "")),
    ],
)
def test_what_the_command_line_says_of_a_parameter_is_taken_apart(names, text, shown):
    parameter = command_options._parameter(names, text)
    assert (parameter.names, parameter.facts) == shown
    assert parameter.text == re.sub(r"\s*\[[^\]]*\]$", "", text)


@pytest.mark.parametrize(
    ("facts", "shown"),
    [
        ("required", "*Required.*"),
        ("default: OUT; x>=1", "*Default `OUT`, at least 1.*"),  # as it must be written
        ("x>=2", "*At least 2.*"),
        ("", ""),
    ],
)
def test_facts_are_told_in_words(facts, shown):
    assert command_options._facts(command_options.Parameter("--a", "", facts)) == shown


# Works and terms.


ENTRIES = dict(
    re.findall(
        r"^@\w+\{([^,\s]+),\n(.*?)^\}$", read(DOCS / "references.bib"), re.DOTALL | re.MULTILINE
    )
)
# In no index of papers.
WITHOUT_LINK = {"holm1979", "westfall1993resampling"}


def test_every_work_is_told_once_with_a_link():
    assert len(ENTRIES) == read(DOCS / "references.bib").count("\n@") + 1
    for key, entry in ENTRIES.items():
        fields = dict(re.findall(r"^  (\w+)\s+= \{(.*?)\},$", entry, re.DOTALL | re.MULTILINE))
        assert {"author", "title", "year"} <= fields.keys(), key
        assert bool({"doi", "eprint"} & fields.keys()) == (key not in WITHOUT_LINK), key
        assert re.fullmatch(r"\d{4}\.\d{4,5}", fields.get("eprint", "0000.00000")), key
        assert fields["year"] in key, key


def test_works_that_are_cited_exist():
    cited = {
        (page, key.strip())
        for page, keys in said(r"\{cite(?::\w+)?\}`([^`]+)`")
        for key in keys.split(",")
    }
    assert cited
    assert not {one for one in cited if one[1] not in ENTRIES}


def test_terms_that_are_referred_to_exist():
    glossary = read(DOCS / "reference/glossary.md")
    block = re.search(r"```\{glossary\}\n:sorted:\n(.*?)```", glossary, re.DOTALL)[1]
    terms = [term.lower() for term in re.findall(r"^(\S.*)$", block, re.MULTILINE)]
    assert len(set(terms)) == len(terms)
    used = {
        (page, " ".join(re.sub(r".*<(.*)>", r"\1", text, flags=re.DOTALL).lower().split()))
        for page, text in said(r"\{term\}`([^`]+)`")
    }
    assert used
    assert not {one for one in used if one[1] not in terms}


# Numbers.


MEASURED = sorted(set(said(r"(?<!`)\{measured\}`([^`]+)`")))


@pytest.mark.parametrize(("page", "address"), MEASURED)
def test_addresses_of_numbers_lead_somewhere(page, address):
    assert measured(address)


@pytest.mark.parametrize(
    ("page", "name", "options"),
    [
        (page, *found)
        for page, found in said(r"(?:```|:::)\{measured-table\} (\w+)\n((?::\w+:.*\n)*)")
    ],
)
def test_tables_that_are_shown_exist(page, name, options):
    chosen = dict(re.findall(r"^:(\w+): (.*)$", options, re.MULTILINE))
    table = load(name).tables[int(chosen.get("table", 0))]
    columns = [part.strip() for part in chosen.get("columns", "").split(";") if part.strip()]
    assert set(columns) <= set(table.columns)


def test_every_report_has_an_anchor_of_its_own_on_the_page_of_measurements():
    anchors = [nodes.make_id(load(name).title) for name in REPORTS]
    assert all(anchors)
    assert len(set(anchors)) == len(anchors)
    page = read(DOCS / "reference/measurements.md")
    marker = re.search(r"^:start-after: (.*)$", page, re.MULTILINE)[1]
    _, _, reports = read(PAGE).partition(marker)
    assert reports.startswith("\n\n## ")  # all below the page's own title
    assert [*re.findall(r"^## (.*)$", reports, re.MULTILINE)] == [load(n).title for n in REPORTS]
    assert reports == render().partition(marker)[2]
    document = publish_doctree(
        f"# Measurements\n{reports}", parser=Parser(), settings_overrides={"report_level": 5}
    )
    sections = [set(section["ids"]) for section in document.findall(nodes.section)]
    assert [anchor for anchor in anchors if not any(anchor in ids for ids in sections)] == []

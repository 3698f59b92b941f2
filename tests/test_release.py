"""What several files say of a release is the same; what its documentation needs is listed."""

from __future__ import annotations

import ast
import functools
import re
import sys
from importlib import metadata

import pytest
import yaml
from packaging.requirements import Requirement
from page_code import ROOT, code_blocks

from invert_captum import __version__


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def test_changelog_and_citation_are_of_this_version():
    newest, date = re.findall(r"^## \[([\d.]+)\] - ([\d-]+)$", read("CHANGELOG.md"), re.MULTILINE)[
        0
    ]
    cited = yaml.safe_load(read("CITATION.cff"))
    # Between releases the version is that of the next.
    assert __version__.partition(".dev")[0] == newest or ".dev" in __version__
    assert (cited["version"], str(cited["date-released"])) == (newest, date)
    assert cited["license"] in read("setup.cfg")


def test_the_papers_of_the_three_methods_are_cited():
    cited = {
        value["value"].removeprefix("arXiv:")
        for reference in yaml.safe_load(read("CITATION.cff"))["references"]
        for value in reference["identifiers"]
    }
    assert cited == {"2311.13594", "1804.00506", "2211.04533"}
    assert all(number in read("README.md") for number in cited)


def test_readme_and_contributing_build_the_documentation_by_one_command():
    builds = [
        command
        for name in ("README.md", "CONTRIBUTING.md")
        for command in code_blocks(read(name), "bash")
        if "sphinx-build" in command
    ]
    assert len(builds) == 2
    assert len(set(builds)) == 1


@functools.cache
def needed(extra):
    """The distributions that the package with an extra installs, all that they need included."""
    found, waiting = set(), [("invert-captum", frozenset([extra]))]
    while waiting:
        one = waiting.pop()
        if one in found:
            continue
        found.add(one)
        name, extras = one
        try:
            required = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # of another system
        for line in required:
            requirement = Requirement(line)
            environments = [{"extra": each} for each in extras] or [{"extra": ""}]
            if not requirement.marker or any(map(requirement.marker.evaluate, environments)):
                waiting.append((requirement.name.lower(), frozenset(requirement.extras)))
    return {re.sub(r"[-_.]+", "-", name) for name, _ in found}


@functools.cache
def homes():
    """The distributions that hold a module, by its name."""
    found = metadata.packages_distributions()
    return {key: {re.sub(r"[-_.]+", "-", one).lower() for one in of} for key, of in found.items()}


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (one.name.partition(".")[0] for one in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.partition(".")[0]
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in OF_SPHINX:
            named = ast.literal_eval(node.value)
            names = [named] if isinstance(named, str) else named
            yield from (name.partition(".")[0] for name in names)


DOCUMENTATION = [
    *sorted((ROOT / "docs").glob("*.py")),
    *sorted((ROOT / "docs" / "extensions").glob("*.py")),
    *sorted((ROOT / "tutorials").glob("*.py")),
    *(ROOT / "benchmarks" / name for name in ("__init__.py", "measured.py", "results.py")),
]
# What docs/conf.py names for Sphinx to import.
OF_SPHINX = {"extensions", "html_theme"}
OWN = {"benchmarks", "invert_captum", *(path.stem for path in DOCUMENTATION)}


@pytest.mark.parametrize("path", DOCUMENTATION, ids=lambda path: path.name)
def test_the_documentation_needs_nothing_that_its_extra_does_not_install(path):
    """CI builds the pages in the environment of the tests, which has more."""
    for module in set(imported(path)) - OWN - set(sys.stdlib_module_names):
        assert homes()[module] & needed("docs"), module


def test_what_the_tests_alone_need_is_not_taken_for_needed():
    found = needed("docs")
    assert {"torch", "nbformat", "jupyter-cache", "efficientnet-lite-pytorch"} <= found
    assert not {"pytest", "hypothesis", "playwright", "ruff"} & found

"""The house: what loads what, and which way the arrows point."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import invert_captum as ic

PACKAGE = Path(ic.__file__).parent
MODULES = {
    ".".join(("invert_captum", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(
        ".__init__"
    ): path
    for path in sorted(PACKAGE.rglob("*.py"))
}


def loaded_by(statement):
    code = f"{statement}; import sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


@pytest.mark.parametrize("module", ["invert_captum", "invert_captum.cli"])
def test_importing_the_package_loads_nothing_heavy(module):
    heavy = {"torch", "pandas", "matplotlib", "numpy", "scipy", "captum", "sklearn"}
    assert not loaded_by(f"import {module}") & heavy


def test_every_public_name_resolves_and_is_listed():
    for name in ic.__all__:
        assert getattr(ic, name) is not None
        assert name in dir(ic)
    for name in ("alignment", "attr", "concepts", "search", "significance"):
        assert getattr(ic, name) is importlib.import_module(f"invert_captum.{name}")


def imports_of(path, *, top_level_only=False):
    """The modules of the package that a file imports, type checking aside."""
    tree = ast.parse(path.read_text())
    checking = {
        id(node)
        for test in ast.walk(tree)
        if isinstance(test, ast.If) and ast.unparse(test.test) == "TYPE_CHECKING"
        for node in ast.walk(test)
    }
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
    }
    found = set()
    for node in ast.walk(tree):
        if id(node) in checking or (top_level_only and id(node) in inside):
            continue
        if isinstance(node, ast.ImportFrom):
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        found |= {name for name in names if name in MODULES and name != "invert_captum"}
    return found


def room(module):
    return module.split(".")[1]


# What each room of the package may import from the others.
FOUNDATION = {"_log", "_validation", "_version", "_files", "_compiling", "_compat"}
MAY_IMPORT = {
    "concepts": set(),
    "activations": set(),
    "search": set(),
    "significance": set(),
    "neuron_columns": {"search"},
    "result": {"neuron_columns", "search", "significance"},
    "sample_matching": {"activations", "concepts"},
    # Only to put a model into eval mode.
    "alignment": {"activations"},
    "attr": {"activations", "concepts", "neuron_columns", "result", "search"},
    "report": {
        "activations",
        "attr",
        "concepts",
        "neuron_columns",
        "result",
        "search",
        "significance",
    },
    "labeling": {
        "concepts",
        "neuron_columns",
        "result",
        "search",
        "significance",
    },
    "labeler": {
        "activations",
        "attr",
        "concepts",
        "labeling",
        "neuron_columns",
        "result",
        "sample_matching",
    },
}


# Modules whose methods may delegate upward, by an import inside the method, and to what.
DELEGATING = {
    "invert_captum.result.labeling_result": {
        "result.check",
        "result.files",
        "result.intervals",
        "result.summary",
        "result.table",
    },
    "invert_captum.result.views": {
        "report.contributions",
        "report.explorer",
        "report.neuron_figure",
        "report.overview",
        "report.significance",
    },
}


@pytest.mark.parametrize("module", [m for m in MODULES if m.count(".") and room(m) in MAY_IMPORT])
def test_no_arrow_runs_upward(module):
    # Methods of the result may delegate upward; the test below lists them.
    of_module = module in DELEGATING
    imported = imports_of(MODULES[module], top_level_only=of_module)
    others = {room(name) for name in imported} - {room(module)} - FOUNDATION
    assert others <= MAY_IMPORT[room(module)]


def test_nothing_imports_the_command_line_or_the_demo():
    for module, path in MODULES.items():
        for name in imports_of(path):
            if room(name) in ("cli", "demo"):
                assert room(module) in ("cli", "demo")


@pytest.mark.parametrize("module", DELEGATING)
def test_delegating_methods_of_the_result_are_these(module):
    file = MODULES[module]
    imported = imports_of(file) - imports_of(file, top_level_only=True)
    assert imported == {f"invert_captum.{name}" for name in DELEGATING[module]}


def test_files_stay_small():
    for path in MODULES.values():
        assert len(path.read_text().splitlines()) <= 300, path

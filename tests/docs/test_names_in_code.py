"""Code that is shown uses public names of the package only."""

from __future__ import annotations

import ast
import doctest
import importlib
import re

import pytest
from page_code import DOCS, ROOT, code_blocks
from public_names import MODULES

PACKAGE = "invert_captum"
OF_OTHERS = {"_fc": "the last layer of EfficientNet-lite0", "_fields": "of a named tuple"}
PUBLIC = {module: set(importlib.import_module(module).__all__) for module in MODULES}


def shown_code():
    """The code of every page, tutorial and example, by its name."""
    pages = [path for path in sorted(DOCS.rglob("*.md")) if "generated" not in path.parts]
    for path in [*pages, ROOT / "README.md"]:
        text = path.read_text(encoding="utf-8")
        blocks = [*code_blocks(text, "python"), *code_blocks(text, "{code-block} python")]
        if code := "\n".join(map(without_prompts, blocks)):
            yield path.relative_to(ROOT).as_posix(), code
    for path in sorted([*ROOT.glob("tutorials/*.py"), *ROOT.glob("examples/*.py")]):
        yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def without_prompts(block):
    if not block.startswith(">>> "):
        return block
    return "".join(one.source for one in doctest.DocTestParser().get_examples(block))


def is_public(dotted):
    """Whether a dotted name is a public module, or leads to a public name of one."""
    if dotted in PUBLIC:
        return True
    parts = dotted.split(".")
    of_longest = [".".join(parts[:n]) for n in range(len(parts) - 1, 0, -1)]
    module = next((one for one in of_longest if one in PUBLIC), None)
    return module is not None and parts[module.count(".") + 1] in PUBLIC[module]


def names_of_the_package(tree):
    """The dotted names that code imports from the package, or takes from ``ic``."""
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{one.name}" for one in node.names]
        elif isinstance(node, ast.Attribute) and id(node) not in inner:
            dotted = re.fullmatch(r"ic((?:\.\w+)+)", ast.unparse(node))
            names = [f"{PACKAGE}{dotted[1]}"] if dotted else []
        else:
            continue
        yield from (name for name in names if name.partition(".")[0] == PACKAGE)


def faults(code):
    """What code uses that is not public."""
    tree = ast.parse(code)
    hidden = {name for name in names_of_the_package(tree) if not is_public(name)}
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    private = {one for one in attributes if one[0] == "_" and one[-2:] != "__"}
    return sorted(hidden | (private - OF_OTHERS.keys()))


@pytest.mark.parametrize(("name", "code"), [pytest.param(*one, id=one[0]) for one in shown_code()])
def test_code_that_is_shown_uses_public_names_only(name, code):
    assert not faults(code)


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import invert_captum as ic\nic.attr.ablate(1); ic.label_neurons(x).table.size", []),
        ("from invert_captum.alignment import harmonize\nimport invert_captum.attr", []),
        ("from invert_captum import alignment\nic.ConceptSet.from_csv(1)", []),
        (
            "from invert_captum.labeling import label_neurons",
            ["invert_captum.labeling.label_neurons"],
        ),
        ("from invert_captum.attr import nothing", ["invert_captum.attr.nothing"]),
        ("import invert_captum.search", ["invert_captum.search"]),
        ("ic.search.Formula", ["invert_captum.search.Formula"]),
        ("ic.attr.neuron_methods.shapes.x(1)", ["invert_captum.attr.neuron_methods.shapes.x"]),
        ("result._table; result.__class__", ["_table"]),
    ],
)
def test_what_is_not_public_is_noticed(code, found):
    assert faults(code) == found


def test_the_code_of_everything_that_is_shown_is_looked_at():
    names = dict(shown_code())
    assert "ic.NeuronConceptLabeler" in names["README.md"]
    assert "required_positives" in names["docs/getting_started/your_model.md"]
    assert {"tutorials/harmonize.py", "examples/train_harmonized.py"} <= names.keys()

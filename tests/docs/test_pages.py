"""The pages tell the truth: their code runs, their commands parse, their links lead somewhere."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections import Counter
from configparser import ConfigParser
from typing import TYPE_CHECKING

import pytest
import typer
from documented_pages import PAGES
from page_code import DOCS, ROOT, code_blocks, run_block

from invert_captum.cli.app import app

if TYPE_CHECKING:
    from pathlib import Path

# Copies of tutorials and the pages of single names are made when Sphinx builds.
SOURCES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])
    if "generated" not in path.parts
}
IN_DOCS = {
    name.removeprefix("docs/"): text for name, text in SOURCES.items() if name.startswith("docs/")
}

# Code that needs a cluster or files that cannot be had here: its place among those of its page.
SHOWN_ONLY = {
    ("how_to/run_on_a_cluster.md", 0): "extraction on a cluster",
    ("how_to/run_on_a_cluster.md", 1): "SLURM",
    ("how_to/run_on_a_cluster.md", 2): "Kubernetes",
    ("how_to/train_with_human_maps.md", 0): "a published Keras file, see tests/alignment/weights",
}


def with_code(language: str) -> list[str]:
    return [name for name, text in IN_DOCS.items() if code_blocks(text, language)]


def test_every_page_with_code_is_registered():
    assert set(with_code("python")) == set(PAGES)


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_no_code_hides_from_these_tests(name):
    """Blocks in lists, in other fences or of other names of a language would not be run."""
    fences = re.findall(r"^\s*[`~:]{3,}[ \t]*([^\s`~:].*)$", SOURCES[name], re.MULTILINE)
    words = Counter(word.strip() for word in fences)
    for language in ("python", "bash", "{code-block} python"):
        assert words.pop(language, 0) == len(code_blocks(SOURCES[name], language)), language
    # Cells that are run when the pages are built; a tag could let them fail, or not run.
    executed_when_built = {"{code-cell} python"}
    tags = re.findall(r"^:?tags: \[(.*)\]$", SOURCES[name], re.MULTILINE)
    assert set(tags) <= {"hide-input", "remove-cell", "remove-input"}
    # Of a cell's settings only the words for its figure.
    settings = re.findall(r"^:?mystnb:.*(?:\n .*)*", SOURCES[name], re.MULTILINE)
    assert all(re.fullmatch(r"mystnb:\n  image:\n    alt: .*", one) for one in settings)
    assert {word for word in words if word[0] != "{" or "code" in word} <= {
        "text",
        *executed_when_built,
    }


@pytest.mark.filterwarnings("ignore:Setting")  # Captum, of the hooks of guided backpropagation
@pytest.mark.filterwarnings("ignore:Input Tensor")  # Captum, of gradients that it switches on
# Networks with random weights have dead neurons and may keep nothing that the penalties leave, and
# one colour all over has no place that stands out.
@pytest.mark.filterwarnings("ignore:.*neurons are set aside:invert_captum.InvertCaptumWarning")
@pytest.mark.filterwarnings("ignore:pictures:invert_captum.InvertCaptumWarning")
@pytest.mark.filterwarnings("ignore:mask is nowhere:invert_captum.InvertCaptumWarning")
@pytest.mark.parametrize("name", sorted(PAGES))
def test_the_code_of_a_page_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with PAGES[name](tmp_path, monkeypatch) as names:
        for number, code in enumerate(code_blocks(IN_DOCS[name], "python")):
            run_block(code, names, f"{name}, block {number}")


def test_code_that_cannot_run_here_is_listed_and_compiles():
    found = {
        (name, number): code
        for name, text in IN_DOCS.items()
        for number, code in enumerate(code_blocks(text, "{code-block} python"))
    }
    assert found.keys() == SHOWN_ONLY.keys()
    for (name, number), code in found.items():
        compile(code, f"{name}, shown block {number}", "exec")


def commands(text: str) -> list[list[str]]:
    """Return the commands of the shell blocks of a page, each as its words."""
    found: list[list[str]] = []
    for block in code_blocks(text, "bash"):
        words = shlex.shlex(block.replace("\\\n", " "), posix=True, punctuation_chars="&\n")
        words.whitespace, words.whitespace_split, words.commenters = " \t", True, ""
        found.append([])
        for word in words:
            if set(word) <= {"&", "\n"}:
                found.append([])
            else:
                found[-1].append(word)
    return [command for command in found if command]


def check_command(words: list[str]) -> None:
    """Let the command line parse a command, without running it; raise if it cannot."""
    group = typer.main.get_command(app)
    with group.make_context("invert-captum", words[1:], resilient_parsing=True) as context:
        command = group.get_command(context, words[1])
    if command is None:
        assert words[1:] == ["--help"], words
    else:
        command.make_context(words[1], words[2:], parent=context)


@pytest.mark.parametrize("name", [name for name, text in SOURCES.items() if commands(text)])
def test_the_package_understands_its_commands(name):
    for words in commands(SOURCES[name]):
        if words[0] == "invert-captum":
            check_command(words)
        elif words[:2] == ["python", "-c"]:
            compile(words[2], name, "exec")
        elif scripts := [word for word in words if word.startswith("examples/")]:
            source = (ROOT / scripts[0]).read_text(encoding="utf-8")
            given = words[words.index(scripts[0]) + 1 :]
            assert all(f'"{word}"' in source for word in given if word.startswith("--")), words


@pytest.mark.parametrize(
    "wrong",
    [
        "invert-captum demo --neuron 3",
        "invert-captum demo --neurons three",
        "invert-captum label --model m:f --layer 1 --images pictures --concepts folders",
        "invert-captum lable --out labels",
    ],
)
def test_wrong_commands_are_noticed(wrong):
    with pytest.raises(Exception, match=r"[Nn]o such|valid integer|Missing|lable"):
        check_command(wrong.split())


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_options_in_the_text_exist(name):
    group = typer.main.get_command(app)
    for said in re.findall(r"`(invert-captum [^`]+)`", SOURCES[name].replace("\n", " ")):
        words = said.split()
        command = group.commands.get(words[1])
        assert command is not None or words[1:] == ["--help"], said
        if command is not None:
            known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
            assert {word for word in words if word.startswith("--")} <= known, said


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_modules_scripts_and_extras_that_are_named_exist(name):
    text = SOURCES[name]
    for module in re.findall(r"python3? -m ([a-z_]+(?:\.\w+)+)", text):
        assert importlib.util.find_spec(module) is not None, module
    for path in re.findall(
        r"(?<![\w/.-])(?:benchmarks|docs|examples|tests|tutorials)/[\w/-]+\.\w+", text
    ):
        assert (ROOT / path).is_file(), path
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    for extras in re.findall(r"pip install (?:-e )?\"\.\[([\w,]+)\]\"", text):
        assert set(extras.split(",")) <= set(setup["options.extras_require"]), extras


def targets(text: str) -> set[str]:
    """Return the local files that a page links to, shows or includes."""
    links = re.findall(r"\]\(<?([^)\s>]+)", text)
    links += re.findall(r"^```\{(?:literal)?(?:include|figure|image)\} (\S+)", text, re.MULTILINE)
    return {
        link.partition("#")[0]
        for link in links
        if not re.match(r"[a-z]+:", link) and not link.startswith("#")
    }


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_local_links_and_pictures_exist(name):
    missing = {
        target
        for target in targets(SOURCES[name])
        if not ((ROOT / name).parent / target).resolve().exists()
    }
    assert not missing


@pytest.mark.parametrize("name", sorted(IN_DOCS))
def test_pages_that_are_referred_to_exist(name):
    text = IN_DOCS[name]
    said = re.findall(r"\{doc\}`(?:[^`<]*<)?([^`<>]+)>?`", text)
    said += re.findall(r"^:link: (\S+)\n:link-type: doc$", text, re.MULTILINE)
    for toctree in code_blocks(text, "{toctree}"):
        lines = [line.strip() for line in toctree.splitlines()]
        said += [line for line in lines if line and not line.startswith(":")]
    missing = [target for target in said if not is_page(target, DOCS / name)]
    assert not missing


def is_page(target: str, said_in: Path) -> bool:
    """Return whether a page, as Sphinx names it, exists; notebooks lie in a folder of their own."""
    target = target.strip()
    path = DOCS / target[1:] if target.startswith("/") else said_in.parent / target
    places = [path.with_name(f"{path.name}.md")]
    if path.parent == DOCS / "tutorials":
        places.append(ROOT / "tutorials" / f"{path.name}.ipynb")
    return any(place.is_file() for place in places)

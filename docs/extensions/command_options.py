"""The directive ``command-options``: a command of ``invert-captum`` with all its options.

``{command-options} label`` shows how the command is called, what it does, and every argument and
option with its help, as the command line itself tells them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import typer
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from invert_captum.cli.app import app as application

if TYPE_CHECKING:
    from docutils.nodes import Node
    from sphinx.application import Sphinx

PROGRAM = "invert-captum"

_CODE = re.compile(
    r"--[a-z-]+|package\.module:function|torchvision:\w+|FILE\.\w+|layer4(\.\d)?"
    r"|\b\w+\.(csv|png|html)\b|\bDIR\b|\bwestfall_young(_raw)?\b|\bf1\b"
)
_BOUND = re.compile(r"x>=(\d+)")


class Parameter(NamedTuple):
    """An option or an argument.

    Attributes:
        names: How it is written, such as ``--layer <str>``; several with commas between them.
        text: What it is for.
        facts: Whether it is required, its default, its bounds; may be empty.
    """

    names: str
    text: str
    facts: str


def commands() -> dict[str, list[Parameter]]:
    """Return the parameters of every command, in the order in which ``--help`` shows them."""
    group = typer.main.get_command(application)
    return {name: _parameters(name) for name in group.commands}  # type: ignore[attr-defined]


def _command(name: str) -> typer.core.TyperCommand:
    group = typer.main.get_command(application)
    return group.commands[name]  # type: ignore[attr-defined, no-any-return]


def _parameters(name: str) -> list[Parameter]:
    command = _command(name)
    context = command.context_class(command, info_name=f"{PROGRAM} {name}")
    records = [one.get_help_record(context) for one in command.params]
    return [_parameter(*record) for record in records if record]


def _parameter(names: str, text: str) -> Parameter:
    found = re.fullmatch(r"(.*?)\s*(?:\[([^\]]*)\])?", text, re.DOTALL)
    said, facts = found.groups() if found else (text, None)
    if not names.startswith("-"):
        names = names.split()[0]
    names = re.sub(r"<list\[(\w+)\]>", r"<\1>", names.replace(" / ", ", ").replace(" range>", ">"))
    if ", --no-" in names:
        facts = re.sub(r"default: ", "default: --", facts or "")
    return Parameter(names, said, facts or "")


class CommandOptions(SphinxDirective):
    """A command with its arguments and options."""

    required_arguments = 1

    def run(self) -> list[Node]:
        """Return usage, help and options."""
        name = self.arguments[0]
        try:
            parameters, text = commands()[name], _command(name).help or ""
        except KeyError as error:
            raise self.error(f"command-options: there is no command {name!r}") from error
        required = [one.names for one in parameters if "required" in one.facts]
        usage = " ".join([PROGRAM, name, *required, "[OPTIONS]"])
        lines = [_marked(text), "", "```{code-block} console", usage, "```", ""]
        lines += [f"```{{program}} {PROGRAM} {name}", "```", ""]
        for one in parameters:
            lines += [f"```{{option}} {one.names}", f"{_marked(one.text)} {_facts(one)}", "```", ""]
        node = nodes.container(classes=["command-options"])
        content = StringList("\n".join(lines).splitlines(), source="command-options")
        self.state.nested_parse(content, self.content_offset, node)
        return [node]


def _marked(text: str) -> str:
    return _CODE.sub(lambda found: f"`{found[0]}`", text)


def _facts(parameter: Parameter) -> str:
    facts = [part.strip() for part in parameter.facts.split(";") if part.strip()]
    words = [_BOUND.sub(r"at least \1", fact) for fact in facts]
    words = [re.sub(r"default: (.*)", r"default `\1`", fact) for fact in words]
    said = ", ".join(words)
    return f"*{said[0].upper()}{said[1:]}.*" if said else ""


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive."""
    app.add_directive("command-options", CommandOptions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

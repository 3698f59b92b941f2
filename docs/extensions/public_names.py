"""Names in the API pages as users write them, whatever module a thing is written in.

A name between single backquotes in a docstring is a link if it is a public name, and code if not.
A class in a type is found by its public name.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx.addnodes import pending_xref

if TYPE_CHECKING:
    from docutils.nodes import Element, Node, system_message
    from docutils.parsers.rst.states import Inliner
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

MODULES = (
    "invert_captum",
    "invert_captum.attr",
    "invert_captum.alignment",
    "invert_captum.concepts",
    "invert_captum.report",
    "invert_captum.demo",
)
"""The modules whose ``__all__`` is public; a name of several goes by the first."""

EXPLAINED_WITH = {"reduce_output": "Reducer", "invert_captum.activations.reduce_output": "Reducer"}
"""Functions that docstrings refer to and that are not public, and the words that explain them."""


def public_names() -> dict[str, str]:
    """Return every public name's dotted name, by the object's own name."""
    found: dict[str, str] = {}
    for module in MODULES:
        for name in importlib.import_module(module).__all__:
            found.setdefault(name, f"{module}.{name}")
    return found


def public_object(dotted: str) -> object:
    """Return what a public dotted name stands for."""
    module, _, name = dotted.rpartition(".")
    return getattr(sys.modules[module], name)


def _code_or_link(
    _name: str,
    raw: str,
    text: str,
    _line: int,
    inliner: Inliner,
    _options: dict[str, object] | None = None,
    _content: list[str] | None = None,
) -> tuple[list[Node], list[system_message]]:
    env = inliner.document.settings.env
    link = pending_xref(
        raw,
        nodes.literal(raw, text, classes=["xref", "py", "py-obj"]),
        refdomain="py",
        reftype="obj",
        reftarget=text,
        refdoc=env.docname,
        code_if_missing=True,
        **{key: env.ref_context.get(key) for key in ("py:module", "py:class")},
    )
    return [link], []


def _resolve(app: Sphinx, env: BuildEnvironment, node: Element, content: Element) -> Node | None:
    """Find a public name that is written without its module, or leave the text as code."""
    if node.get("refdomain") != "py":
        return None
    target = EXPLAINED_WITH.get(node["reftarget"], node["reftarget"])
    domain = env.domains.python_domain
    first, _, rest = target.partition(".")
    dotted = public_names().get(first)
    public = f"{dotted}.{rest}".rstrip(".") if dotted else target
    for name in (public, f"invert_captum.{target}"):
        if name in domain.objects:
            found = domain.objects[name]
            return nodes.reference(
                "",
                "",
                content,
                internal=True,
                refuri=app.builder.get_relative_uri(node["refdoc"], found.docname)
                + f"#{found.node_id}",
                reftitle=name,
            )
    return content if node.get("code_if_missing") else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the role for single backquotes, and look for names that Sphinx does not find."""
    app.add_role("code-or-link", _code_or_link)
    app.connect("missing-reference", _resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

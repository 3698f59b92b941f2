"""The API pages in words of the public surface, whatever module a thing is written in.

Annotations are evaluated with what modules import for type checkers only; public classes go by
their public names, and a few types by the words that ``reference/api/types`` explains. In
docstrings a name between single backquotes is a link if it is a public name, and code if not.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import sys
from typing import TYPE_CHECKING, Generic, TypeVar, get_type_hints

import numpy.typing
from captum.attr import Attribution
from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.util.inspect import TypeAliasForwardRef, TypeAliasNamespace
from sphinx.util.typing import stringify_annotation

import invert_captum

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from docutils.nodes import Element, Node, system_message
    from docutils.parsers.rst.states import Inliner
    from sphinx.application import Sphinx
    from sphinx.config import Config
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

WORDS = (
    "Activations",
    "AttributionMethod",
    "Attributions",
    "Background",
    "BooleanCSR",
    "BooleanMatrix",
    "ChosenTarget",
    "Classes",
    "ConceptColumns",
    "Difference",
    "Drawn",
    "EvaluationSettings",
    "Images",
    "Inputs",
    "Interval",
    "Key",
    "Layers",
    "Matrix",
    "NamedLabels",
    "NeuronSelector",
    "Neurons",
    "NullScores",
    "Pictures",
    "Reducer",
    "ReportFiles",
    "ScoredModel",
    "StandardErrors",
)
"""Types of signatures that stay words, which ``reference/api/types`` explains."""

EXPLAINED_WITH = {"reduce_output": "Reducer", "invert_captum.activations.reduce_output": "Reducer"}
"""Functions that docstrings refer to and that are not public, and the words that explain them."""

_TWICE = re.compile(r"^:(returns|Yields): \*(\*[^*]+\*)(.*?)\* -- ")
_SIZE = re.compile(r"(?<![\w`|])\|(?=[^\s|`]([^|`]*[^\s|`])?\|)")

NEVER_CONSTRUCTED = ("invert_captum.ActivationStore",)
"""Classes whose objects come from their class methods and from other functions."""


def public_names() -> dict[str, str]:
    """Return every public name's dotted name, by the object's own name."""
    found: dict[str, str] = {}
    for module in MODULES:
        for name in importlib.import_module(module).__all__:
            found.setdefault(name, f"{module}.{name}")
    return found


def _type_aliases(_app: Sphinx, config: Config) -> None:
    # In a union Sphinx shows an alias by its repr.
    TypeAliasForwardRef.__repr__ = lambda self: self.name  # type: ignore[method-assign]
    public = {
        name: f"~{dotted}"
        for name, dotted in public_names().items()
        if inspect.isclass(_object(dotted))
    }
    config.autodoc_type_aliases = {**{word: word for word in WORDS}, **public}


class _NDArray(Generic[TypeVar("Scalar")]):
    """Shown by its name, not by what it stands for."""


class _ArrayLike:
    """Likewise."""


def _import_for_annotations(_app: Sphinx) -> None:
    """Run what modules do under ``if TYPE_CHECKING`` only."""
    for shown in (_NDArray, _ArrayLike):
        shown.__name__ = shown.__qualname__ = shown.__name__.removeprefix("_")
        shown.__module__ = "numpy.typing"
        setattr(numpy.typing, shown.__name__, shown)
    waiting = [
        (module, statement)
        for info in pkgutil.walk_packages(invert_captum.__path__, "invert_captum.")
        for module in [importlib.import_module(info.name)]
        for statement in _for_type_checkers(module)
    ]
    # Modules import each other's aliases; one that fails may find them in the next round.
    while waiting:
        failed = [(module, one) for module, one in waiting if not _runs(module, one)]
        if len(failed) == len(waiting):
            break
        waiting = failed
    for dotted in public_names().values():
        _share_with_subclass(_object(dotted))


def _share_with_subclass(public: object) -> None:
    """Let a data class evaluate the annotations of fields that it inherits from other modules."""
    for base in inspect.getmro(public)[1:] if inspect.isclass(public) else ():
        if base.__module__.startswith("invert_captum."):
            known = vars(sys.modules[public.__module__])
            for name, value in vars(sys.modules[base.__module__]).items():
                known.setdefault(name, value)


def _object(dotted: str) -> object:
    module, _, name = dotted.rpartition(".")
    return getattr(sys.modules[module], name)


def _for_type_checkers(module: ModuleType) -> Iterator[ast.stmt]:
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from node.body


def _runs(module: ModuleType, statement: ast.stmt) -> bool:
    code = compile(ast.Module([statement], []), module.__name__, "exec")
    try:
        exec(code, vars(module))  # noqa: S102 - the package's own imports and aliases
    except (ImportError, TypeError):  # not there yet; an alias that only type checkers can make
        return False
    return True


def _types(public: object, aliases: dict[str, str]) -> dict[str, str]:
    """Return the types of the parameters of an object or the fields of a class as text."""
    hints = get_type_hints(public, None, TypeAliasNamespace(aliases))
    return {
        name: stringify_annotation(hint, "smart", short_literals=True)
        for name, hint in hints.items()
    }


def _signature(
    _app: Sphinx, _what: str, name: str, _object: object, _options: object, *_: str | None
) -> tuple[str, None] | None:
    """Show no signature of what is never constructed by hand."""
    return ("", None) if name in NEVER_CONSTRUCTED else None


def _docstring(
    app: Sphinx, what: str, name: str, public: object, _options: object, lines: list[str]
) -> None:
    """Mend what napoleon made: what is returned, properties with a colon, types of attributes."""
    # It makes the type before a colon italic, where it is so already. |A| is a size, no name.
    lines[:] = [_SIZE.sub(r"\\|", _TWICE.sub(r":\1: \2\3: ", line)) for line in lines]
    if what == "property":
        # Napoleon takes what is before a colon for the type, which the annotation says already.
        for taken in [line for line in lines if line.startswith(":type: ")]:
            lines.remove(taken)
            lines[0] = f"{taken.removeprefix(':type: ')}: {lines[0]}"
    if name in NEVER_CONSTRUCTED:
        lines[:] = [line for line in lines if not line.startswith(":param ")]
    if what == "class":
        types = _types(public, app.config.autodoc_type_aliases)
        for place in reversed([n for n, line in enumerate(lines) if ":type:" in line]):
            if lines[place].startswith("   :type: "):
                del lines[place]
        for place in reversed([n for n, line in enumerate(lines) if "attribute::" in line]):
            attribute = lines[place].removeprefix(".. attribute:: ")
            if attribute in types:
                lines.insert(place + 1, f"   :type: {types[attribute]}")


def _skip(
    _app: Sphinx, _what: str, name: str, member: object, _skip: bool, _options: object
) -> bool | None:
    """Leave out what Captum alone documents, and fields of named tuples, which the class lists."""
    by_captum = f"{getattr(member, '__module__', None)}.".startswith("captum.") or (
        name in Attribution.__annotations__ and not inspect.isfunction(member)
    )
    return True if by_captum or type(member).__name__ == "_tuplegetter" else None


def _parameters(app: Sphinx, domain: str, kind: str, content: Element) -> None:
    """Tell autodoc the types of a class's parameters, which it looks for among its attributes."""
    signature = content.parent[0]
    if domain == "py" and kind in {"class", "exception"} and signature.get("module"):
        name = f"{signature['module']}.{signature['fullname']}"
        known = app.env.current_document.autodoc_annotations
        if name in known:
            known[name] |= _types(_object(name).__init__, app.config.autodoc_type_aliases)
            known[name].pop("return", None)


def _return_type(_app: Sphinx, domain: str, _kind: str, content: Element) -> None:
    """Leave out the type of what is returned where the docstring begins with it."""
    for fields in content:
        if domain != "py" or not isinstance(fields, nodes.field_list):
            continue
        by_name = {field[0].astext(): field for field in fields}
        told = by_name.get("returns")
        if told and "rtype" in by_name and isinstance(told[1][0][0], nodes.strong | nodes.emphasis):
            fields.remove(by_name["rtype"])


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
    """Add the role for single backquotes and what autodoc needs."""
    app.add_role("code-or-link", _code_or_link)
    app.connect("config-inited", _type_aliases)
    app.connect("builder-inited", _import_for_annotations, priority=100)
    app.connect("autodoc-process-signature", _signature)
    app.connect("autodoc-process-docstring", _docstring, priority=600)  # after napoleon
    app.connect("autodoc-skip-member", _skip)
    app.connect("object-description-transform", _parameters, priority=400)  # before autodoc
    app.connect("object-description-transform", _return_type, priority=600)  # after it
    app.connect("missing-reference", _resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

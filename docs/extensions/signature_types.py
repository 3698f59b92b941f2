"""Types and docstrings in the API pages in words that users know.

Annotations are evaluated with what modules import for type checkers only. Public classes go by
their public names, and some types by the words that ``reference/api/types`` explains.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import sys
from typing import TYPE_CHECKING, Generic, TypeVar, get_type_hints

import numpy.typing as npt
from captum.attr import Attribution
from docutils import nodes
from public_names import public_names, public_object
from sphinx.util.inspect import TypeAliasForwardRef, TypeAliasNamespace
from sphinx.util.typing import stringify_annotation

import invert_captum

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from docutils.nodes import Element
    from sphinx.application import Sphinx
    from sphinx.config import Config

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

NEVER_CONSTRUCTED = ("invert_captum.ActivationStore",)
"""Classes whose objects come from their class methods and from other functions."""

_TWICE = re.compile(r"^:(returns|Yields): \*(\*[^*]+\*)(.*?)\* -- ")
_SIZE = re.compile(r"(?<![\w`|])\|(?=[^\s|`]([^|`]*[^\s|`])?\|)")


def _type_aliases(_app: Sphinx, config: Config) -> None:
    # In a union Sphinx shows an alias by its repr.
    TypeAliasForwardRef.__repr__ = lambda self: self.name  # type: ignore[method-assign]
    public = {
        name: f"~{dotted}"
        for name, dotted in public_names().items()
        if inspect.isclass(public_object(dotted))
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
        setattr(npt, shown.__name__, shown)
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
        _share_with_subclass(public_object(dotted))


def _share_with_subclass(public: object) -> None:
    """Let a data class evaluate the annotations of fields that it inherits from other modules."""
    for base in inspect.getmro(public)[1:] if inspect.isclass(public) else ():
        if base.__module__.startswith("invert_captum."):
            known = vars(sys.modules[public.__module__])
            for name, value in vars(sys.modules[base.__module__]).items():
                known.setdefault(name, value)


def _for_type_checkers(module: ModuleType) -> Iterator[ast.stmt]:
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from node.body


def _runs(module: ModuleType, statement: ast.stmt) -> bool:
    code = compile(ast.Module([statement], []), module.__name__, "exec")
    try:
        exec(code, vars(module))  # noqa: S102 - the package's own imports and aliases
    except (
        ImportError,
        NameError,
        TypeError,
    ):  # not there yet; an alias that only type checkers can make
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
    if name in NEVER_CONSTRUCTED:
        lines[:] = [line for line in lines if not line.startswith(":param ")]
    if what == "property":
        _join_at_colon(lines)
    if what == "class":
        _show_types(lines, _types(public, app.config.autodoc_type_aliases))


def _join_at_colon(lines: list[str]) -> None:
    """Undo that napoleon takes what is before a colon for the type, which is known anyway."""
    for taken in [line for line in lines if line.startswith(":type: ")]:
        lines.remove(taken)
        lines[0] = f"{taken.removeprefix(':type: ')}: {lines[0]}"


def _show_types(lines: list[str], types: dict[str, str]) -> None:
    """Put the types of attributes into their own lines, in place of fields below them."""
    mended = []
    for line in lines:
        if line.startswith("   :type: "):
            continue
        mended.append(line)
        attribute = line.removeprefix(".. attribute:: ")
        if attribute != line and attribute in types:
            mended.append(f"   :type: {types[attribute]}")
    lines[:] = mended


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
            known[name] |= _types(public_object(name).__init__, app.config.autodoc_type_aliases)
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


def setup(app: Sphinx) -> dict[str, bool]:
    """Prepare autodoc."""
    app.connect("config-inited", _type_aliases)
    app.connect("builder-inited", _import_for_annotations, priority=100)
    app.connect("autodoc-process-signature", _signature)
    app.connect("autodoc-process-docstring", _docstring, priority=600)  # after napoleon
    app.connect("autodoc-skip-member", _skip)
    app.connect("object-description-transform", _parameters, priority=400)  # before autodoc
    app.connect("object-description-transform", _return_type, priority=600)  # after it
    return {"parallel_read_safe": True, "parallel_write_safe": True}

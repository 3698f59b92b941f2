"""Every public name says what it does, takes, gives and refuses, and shows itself at work."""

import ast
import builtins
import dataclasses
import doctest
import functools
import importlib
import inspect
import itertools
import re
import textwrap
import types
from typing import NamedTuple

import public_names
import pytest

# Those that the reference has.
MODULES = tuple(importlib.import_module(name) for name in public_names.MODULES)

# Take arguments and refuse none, and why.
RAISES_NOTHING = {
    "invert_captum.ActivationStore": "keeps what `ActivationStore.open` has checked",
    "invert_captum.LabelingResult": "keeps what `label_neurons` and `load` have checked",
    "invert_captum.LabelingResult.evidence": "reads numbers of an explanation",
    "invert_captum.LabelingResult.is_about_low_activation": "reads numbers of an explanation",
    "invert_captum.attr.InversionDetails.warn": "tells of what was found, and refuses nothing",
    "invert_captum.alignment.decayed_parameters": "reads the names and kinds of any module's parts",
    "invert_captum.demo.PictureDataset": "keeps the emoji; their pictures are read one by one",
}

SECTIONS = frozenset(
    {"Args", "Attributes", "Examples", "Notes", "Raises", "Returns", "Source", "Warns", "Yields"}
)
# Words of a first line that say nothing of their own.
EMPTY_WORDS = frozenset({"a", "an", "the", "of", "and", "get", "give", "return", "this", "its"})


@dataclasses.dataclass(frozen=True)
class Public:
    """A public class or function, or what a class defines (then with its owner)."""

    name: str
    value: object
    owner: type | None = None

    @property
    def short(self):
        return self.name.rpartition(".")[2]

    @property
    def is_class(self):
        return inspect.isclass(self.value)

    @property
    def is_property(self):
        return isinstance(self.value, (property, functools.cached_property))

    @property
    def function(self):
        """What is called; None for a class."""
        if self.is_class:
            return None
        if isinstance(self.value, property):
            return self.value.fget
        if isinstance(self.value, functools.cached_property):
            return self.value.func
        return inspect.unwrap(getattr(self.value, "__func__", self.value))

    @property
    def text(self):
        return inspect.cleandoc((self.function or self.value).__doc__ or "")


def public_of(module):
    """The classes and functions of a module's `__all__`, and what its classes define."""
    for name in module.__all__:
        value = getattr(module, name)
        dotted = f"{module.__name__}.{name}"
        if callable(value):
            yield Public(dotted, value)
        if inspect.isclass(value):
            yield from members(value, dotted)


def members(owner, name):
    """The methods and properties that a class, or a base of it in the same package, defines."""
    package = owner.__module__.partition(".")[0]
    defined = {}
    for base in owner.__mro__:
        if base.__module__.partition(".")[0] == package:
            defined = {**vars(base), **defined}
    kinds = (property, functools.cached_property, classmethod, staticmethod, types.FunctionType)
    for short, value in defined.items():
        if isinstance(value, kinds) and (short == "__call__" or not short.startswith("_")):
            yield Public(f"{name}.{short}", value, owner)


def sections(text):
    """The lines of a docstring by section; those before the first under the empty name."""
    current = []
    found = {"": current}
    for line in text.splitlines():
        header = re.fullmatch(r"(\w+):(.*)", line)
        if header and (header[1] in SECTIONS or not header[2]):
            current = found.setdefault(header[1], [])
            line = header[2]
        current.append(line)
    return found


def entries(lines):
    """The names that a section explains: each begins an indented line and ends in a colon."""
    matches = (re.match(r" {4}\*{0,2}(\w+)(?: \([^)]*\))?:(?: |$)", line) for line in lines)
    return [match[1] for match in matches if match]


def examples(text):
    """The examples of a docstring's section of that name, without those that never run."""
    found = doctest.DocTestParser().get_examples("\n".join(sections(text).get("Examples", [])))
    return [one for one in found if not one.options.get(doctest.SKIP)]


def shows(found, pattern):
    return any(re.search(pattern, one.source) for one in found)


def names_in(found):
    """The names that examples define, and those that they use."""
    tree = ast.parse("".join(one.source for one in found))
    defined, used = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else defined).add(node.id)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            defined |= {(one.asname or one.name).partition(".")[0] for one in node.names}
        elif isinstance(node, (ast.arg, ast.ExceptHandler)):
            defined.add(getattr(node, "arg", None) or getattr(node, "name", None))
    return defined, used


def imports_within(found, package):
    """What examples import from a package, as dotted names."""
    return {
        f"{node.module}.{one.name}"
        for node in ast.walk(ast.parse("".join(one.source for one in found)))
        if isinstance(node, ast.ImportFrom) and node.module.partition(".")[0] == package
        for one in node.names
    }


def arguments(public):
    """What a caller gives: the parameters of a function, or of a class's own constructor."""
    if public.is_class:
        if issubclass(public.value, tuple):
            return list(public.value._fields)
        maker = next(base for base in public.value.__mro__ if "__init__" in vars(base))
        package = public.value.__module__.partition(".")[0]
        if maker.__module__.partition(".")[0] != package:
            return []
        return list(inspect.signature(maker.__init__).parameters)[1:]
    names = list(inspect.signature(public.function).parameters)
    is_bound = public.owner is not None and not isinstance(public.value, staticmethod)
    return names[1:] if is_bound else names


def is_error(value):
    return inspect.isclass(value) and issubclass(value, Exception)


def keeps_what_it_is_given(value):
    """Whether a class is an error, a named tuple, or a data class that does nothing at first."""
    is_record = dataclasses.is_dataclass(value) and not hasattr(value, "__post_init__")
    return inspect.isclass(value) and (is_record or is_error(value) or issubclass(value, tuple))


def raised(public):
    """The errors that a function's or a constructor's own lines raise; "" if made elsewhere."""
    try:
        lines = inspect.getsource(public.function or public.value)
    except (OSError, TypeError):
        return set()
    top = ast.parse(textwrap.dedent(lines)).body[0]
    makers = ("__init__", "__new__", "__post_init__")
    bodies = [one for one in top.body if getattr(one, "name", None) in makers]
    nodes = [node for body in bodies if public.is_class for node in ast.walk(body)]
    nodes += [] if public.is_class else ast.walk(top)
    found = set()
    for node in nodes:
        if isinstance(node, ast.Raise) and node.exc is not None:
            made = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            is_named = isinstance(made, ast.Name) and made.id[0].isupper()
            found.add(made.id if is_named else "")
    return found


def first_line_faults(public):
    first, *rest = public.text.splitlines()
    if not first.endswith(".") or re.search(r"[.!?] +[A-Z]", first) or (rest and rest[0].strip()):
        yield "does not begin with one line that is a sentence with a period"
    is_compound = public.short != public.short.lower() or "_" in public.short.strip("_")
    verbatim = rf"\b{public.short}\b" if is_compound else rf"^{public.short}[:(]"
    said = {word.rstrip("s") for word in re.findall(r"[a-z]+", first.lower())} - EMPTY_WORDS
    own = {word.lower().rstrip("s") for word in re.findall(r"[A-Z]?[a-z]+", public.short)}
    if re.search(verbatim, first) or said <= own:
        yield "begins with a sentence that repeats the name"


def section_faults(public, parts):
    if unknown := sorted(parts.keys() - {"", *SECTIONS}):
        yield f"has sections that are none: {', '.join(unknown)}"
    if public.is_property:
        return
    expected, explained = arguments(public), entries(parts.get("Args", []))
    if public.is_class and not explained:
        explained = entries(parts.get("Attributes", []))
    if explained != expected:
        yield f"explains the arguments {explained}, has {expected}"
    if public.is_class:
        return
    says = any("".join(parts.get(name, [])).strip() for name in ("Returns", "Yields"))
    gives = inspect.signature(public.function).return_annotation not in ("None", None)
    if gives and not says:
        yield "does not say what it returns"
    if says and not gives:
        yield "says what it returns, but returns nothing"


def raise_faults(public, parts):
    named, own = entries(parts.get("Raises", [])), raised(public)
    known = {one.short: one.value for one in PUBLIC.values()} | vars(builtins)
    if strange := [name for name in named if not is_error(known.get(name))]:
        yield f"says that it raises {', '.join(strange)}, which is no error"
    if unnamed := sorted(own - {*named, ""}):
        yield f"raises {', '.join(unnamed)}, which it does not say"
    takes = not public.is_property and arguments(public)
    may_raise = own or (takes and not keeps_what_it_is_given(public.value))
    if public.name in RAISES_NOTHING:
        if named or own:
            yield "raises, but is listed among what raises nothing"
    elif may_raise and not named:
        yield "does not say what it raises"


def example_faults(public):
    own = examples(public.text)
    if public.owner is None:
        if not own:
            yield "has no example"
        elif not any(one.want for one in own):
            yield "has an example that shows no output"
        elif not public.is_class and not shows(own, rf"\b{public.short}\("):
            yield "has an example in which it does not occur"
        return
    of_class = examples(inspect.cleandoc(public.owner.__doc__ or ""))
    if public.short in ("__call__", "forward"):
        # The example calls an object that it has made.
        made = re.findall(r"^(\w+) = ", "".join(one.source for one in [*of_class, *own]), re.M)
        is_shown = shows([*of_class, *own], rf"\b({'|'.join(made or ['_'])})\(|\)\(")
    else:
        end = r"\b" if public.is_property else r"\("
        is_shown = shows(own, rf"\b{public.short}{end}") or shows(
            of_class, rf"\.{public.short}{end}"
        )
    if not is_shown:
        yield "has no example, neither of its own nor in its class"


def copying_faults(public):
    """What keeps a reader from running the example: names that the page does not give."""
    own = examples(public.text)
    of_class = examples(inspect.cleandoc(getattr(public.owner, "__doc__", None) or ""))
    given = {public.short, getattr(public.owner, "__name__", None), *vars(builtins)}
    defined, used = names_in(own)
    if missing := sorted(used - defined - given - names_in(of_class)[0]):
        yield f"has an example with names that it does not define: {', '.join(missing)}"
    package = MODULES[0].__name__
    public_names = {f"{one.__name__}.{name}" for one in MODULES for name in one.__all__}
    if hidden := sorted(imports_within(own, package) - public_names):
        yield f"has an example that imports what is not public: {', '.join(hidden)}"


def reference_faults(public):
    """Names after a public class that it does not have: the reference would show no link."""
    for name in re.findall(r"(?<!`)`([A-Za-z]\w*\.\w+)`(?!`)", public.text):
        first, _, member = name.partition(".")
        owner = next((one.value for one in PUBLIC.values() if one.short == first), None)
        if owner and not hasattr(owner, member) and member not in fields_of(owner):
            yield f"refers to {name}, which there is not"


def fields_of(value):
    return [
        name for base in getattr(value, "__mro__", ()) for name in inspect.get_annotations(base)
    ]


def faults(public):
    """What is wrong with the docstring of a class, a function, a method or a property."""
    if not public.text:
        return ["has no docstring"]
    parts = sections(public.text)
    return [
        *first_line_faults(public),
        *section_faults(public, parts),
        *raise_faults(public, parts),
        *example_faults(public),
        *copying_faults(public),
        *reference_faults(public),
    ]


def documented_constants(source):
    """The names that a module assigns at its top with a docstring below."""
    body = ast.parse(source).body
    found = set()
    for line, below in itertools.pairwise(body):
        text = getattr(getattr(below, "value", None), "value", None)
        if isinstance(below, ast.Expr) and isinstance(text, str) and text.strip():
            targets = getattr(line, "targets", [getattr(line, "target", None)])
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


# What has several public names is checked under the first.
PUBLIC = {}
for _module in MODULES:
    for _public in public_of(_module):
        if all(one.value is not _public.value for one in PUBLIC.values()):
            PUBLIC[_public.name] = _public
CONSTANTS = [
    (module, name)
    for module in MODULES
    for name in module.__all__
    if name != "__version__" and not callable(getattr(module, name))
]


@pytest.mark.parametrize("public", PUBLIC.values(), ids=PUBLIC)
def test_docstring_is_complete(public):
    assert not faults(public)


@pytest.mark.parametrize(("module", "name"), CONSTANTS, ids=[name for _, name in CONSTANTS])
def test_constant_has_a_docstring(module, name):
    home = importlib.import_module(f"{module.__name__}.{module._HOME[name]}")
    assert name in documented_constants(inspect.getsource(home))


def test_every_public_name_is_looked_at():
    values = [public.value for public in PUBLIC.values()]
    for module in MODULES:
        for name in module.__all__:
            value = getattr(module, name)
            is_checked = any(one is value for one in values) or (module, name) in CONSTANTS
            assert is_checked or name == "__version__"
    # Of a mixin, of a reader that is a static method, and of a class that Captum's one leads.
    assert "invert_captum.LabelingResult.to_html" in PUBLIC
    assert "invert_captum.ConceptSet.save" in PUBLIC
    assert "invert_captum.attr.GuidedFeatureInversion.attribute" in PUBLIC


def test_what_raises_nothing_is_public():
    assert RAISES_NOTHING.keys() <= PUBLIC.keys()


# The checker itself: a complete docstring, and one with each fault.


def halved(numbers: list[float], by: float = 2.0) -> list[float]:
    """Divide by the same number.

    Args:
        numbers: What is divided.
        by: What it is divided by.

    Returns:
        *list[float]*: as many numbers.

    Raises:
        ValueError: If ``by`` is 0.

    Examples:
        >>> halved([1.0])
        [0.5]
    """
    if by == 0:
        raise ValueError("by is 0; expected another number")
    return [number / by for number in numbers]


def written(text: str) -> None:
    """Keep some words.

    Args:
        text: The words.

    Raises:
        OSError: If they cannot be kept.

    Examples:
        >>> print(written("dog"))
        None
    """


class Pair:
    """Two numbers that go together.

    Args:
        first: One,
        second: and the other.

    Raises:
        TypeError: If one of them is missing.

    Examples:
        >>> pair = Pair(1, 2)
        >>> pair.larger, pair.sum_with(3), pair(4)
        (2, 6, 8)
    """

    def __init__(self, first: int, second: int) -> None:
        if first is None:
            raise TypeError("first is None")
        self.both = first, second

    @property
    def larger(self) -> int:
        """Whichever exceeds the other."""
        return max(self.both)

    def sum_with(self, third: int) -> int:
        """Add everything up.

        Args:
            third: One more.

        Returns:
            *int*: the total.

        Raises:
            TypeError: If it is no number.
        """
        return sum(self.both) + third

    def __call__(self, factor: int) -> int:
        """Multiply everything.

        Args:
            factor: One more.

        Returns:
            *int*: the product.

        Raises:
            TypeError: If it is no number.
        """
        return self.both[0] * self.both[1] * factor

    def _hidden(self):
        pass


@dataclasses.dataclass
class Record:
    """What was seen.

    Attributes:
        name: Of what was seen.
        count: How often.

    Examples:
        >>> Record("dog", 2).count
        2
    """

    name: str
    count: int


class Place(NamedTuple):
    """Where something was seen.

    Attributes:
        row: From above.
        column: From the left.

    Examples:
        >>> Place(1, 2).row
        1
    """

    row: int
    column: int


def with_text(value, old, new):
    """The public name of a copy of a function or class whose docstring says something else."""
    assert old in value.__doc__
    if inspect.isclass(value):
        copy = type(value.__name__, (value,), {"__doc__": value.__doc__.replace(old, new)})
        copy.__module__ = value.__module__
    else:
        copy = types.FunctionType(value.__code__, value.__globals__, value.__name__)
        copy.__annotations__, copy.__defaults__ = value.__annotations__, value.__defaults__
        copy.__doc__ = value.__doc__.replace(old, new)
    return Public(f"made.{value.__name__}", copy)


@pytest.mark.parametrize("value", [halved, written, Pair, Record, Place])
def test_checker_passes_what_is_complete(value):
    assert not faults(Public(f"made.{value.__name__}", value))


def test_checker_passes_complete_methods():
    found = {public.short: faults(public) for public in members(Pair, "made.Pair")}
    assert found == {"larger": [], "sum_with": [], "__call__": []}


@pytest.mark.parametrize(
    ("value", "old", "new", "fault"),
    [
        (halved, halved.__doc__, "", "has no docstring"),
        (halved, "same number.", "same number", "a sentence with a period"),
        (halved, "Divide by", "Divide. By", "a sentence with a period"),
        (halved, "number.\n\n", "number.\n    ", "a sentence with a period"),
        (halved, "Divide by the same number.", "The halved.", "repeats the name"),
        (halved, "Divide by", "halved: Divide by", "repeats the name"),
        (halved, "        by: What it is divided by.\n", "", "explains the arguments ['numbers']"),
        (halved, "by: What", "divisor: What", "explains the arguments ['numbers', 'divisor']"),
        (halved, "numbers: What", "more: What\n        numbers: What", "explains the arguments"),
        (halved, "Returns:\n        *list[float]*: as many numbers.", "", "what it returns"),
        (halved, "*list[float]*: as many numbers.", "", "what it returns"),
        (halved, "Returns:", "Return:", "has sections that are none: Return"),
        (halved, "ValueError", "TypeError", "raises ValueError, which it does not say"),
        (halved, "ValueError", "ValueErorr", "raises ValueErorr, which is no error"),
        (halved, "Raises:\n        ValueError: If ``by`` is 0.", "", "does not say what it raises"),
        (halved, "Examples:\n        >>> halved([1.0])\n        [0.5]", "", "has no example"),
        (halved, "halved([1.0])", "halved([1.0])  # doctest: +SKIP", "has no example"),
        (halved, "        [0.5]", "", "shows no output"),
        (halved, ">>> halved([1.0])", ">>> [0.5]", "does not occur"),
        (halved, "halved([1.0])", "halved([np.pi])", "names that it does not define: np"),
        (
            halved,
            ">>> halved(",
            ">>> from invert_captum.result import Explanation\n        >>> halved(",
            "imports what is not public: invert_captum.result.Explanation",
        ),
        (halved, "What is divided.", "See `Formula.parsed`.", "to Formula.parsed, which there is"),
        (written, "Raises:", "Returns:\n        Nothing.\n\n    Raises:", "returns nothing"),
        (written, "Raises:\n        OSError: If they cannot be kept.", "", "what it raises"),
        (Pair, "        second: and the other.\n", "", "explains the arguments ['first']"),
        (Pair, "Raises:\n        TypeError: If one of them is missing.", "", "what it raises"),
        (Record, "        count: How often.\n", "", "explains the arguments ['name']"),
        (Place, "        column: From the left.\n", "", "explains the arguments ['row']"),
        (Place, ">>> Place(1, 2).row\n        1", "", "has no example"),
    ],
)
def test_checker_finds_each_fault(value, old, new, fault):
    assert fault in "; ".join(faults(with_text(value, old, new)))


@pytest.mark.parametrize(
    ("short", "shown"),
    [("larger", "pair.larger, "), ("sum_with", "pair.sum_with(3), "), ("__call__", ", pair(4)")],
)
def test_checker_misses_the_example_of_a_method(short, shown):
    owner = with_text(Pair, shown, "").value
    (public,) = (one for one in members(owner, "made.Pair") if one.short == short)
    assert faults(public) == ["has no example, neither of its own nor in its class"]


def test_checker_finds_a_list_that_is_not_true(monkeypatch):
    monkeypatch.setitem(RAISES_NOTHING, "made.halved", "never")
    assert "raises, but is listed" in "; ".join(faults(Public("made.halved", halved)))


def test_checker_finds_constants_with_docstrings():
    source = 'A = 1\n"""One."""\nB: int = 2\n"""Two."""\nC = 3\nD = 4\n""""""\nE = 5\n'
    assert documented_constants(source) == {"A", "B"}

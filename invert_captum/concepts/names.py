"""Checks of concept names, descriptions and sample ids."""

from __future__ import annotations

import numbers
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING

from invert_captum._validation import as_list, listed, nearest_names, shown

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

# Control characters, lone surrogates, and the two Unicode line breaks: none survives a table,
# a figure or a UTF-8 file.
_REFUSED_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})


class UnknownConceptError(KeyError, ValueError):
    """A concept was asked for by a name that the set does not have.

    It is a `KeyError` and a `ValueError`, so that either ``except`` catches it.

    Examples:
        >>> import numpy as np
        >>> from invert_captum import ConceptSet
        >>> concepts = ConceptSet(np.eye(2, dtype=bool), ["dog", "cat"])
        >>> try:
        ...     concepts["dgo"]
        ... except UnknownConceptError as error:
        ...     print(error)
        no concept is named 'dgo'; nearest names: 'dog'
    """

    def __str__(self) -> str:
        # KeyError shows the repr of its message, quotes and escapes included.
        return str(self.args[0])


def unknown_concept(name: object, names: Iterable[str]) -> UnknownConceptError:
    """Return the error that says which of ``names`` come nearest to ``name``."""
    return UnknownConceptError(
        f"no concept is named {name!r}; nearest names: {nearest_names(str(name), names)}"
    )


def check_names(names: object, n_concepts: int) -> tuple[str, ...]:
    """Return ``names`` as a tuple, or raise unless it holds ``n_concepts`` unique usable names."""
    checked = _check_strings("names", names, n_concepts)
    for position, name in enumerate(checked):
        if not name.strip():
            raise ValueError(f"names[{position}] is {name!r}; expected a name that is not empty")
        if any(unicodedata.category(character) in _REFUSED_CATEGORIES for character in name):
            raise ValueError(
                f"names[{position}] is {name!r}; expected no control characters or line breaks"
            )
    _refuse_duplicates("names", checked)
    return checked


def check_descriptions(descriptions: object, n_concepts: int) -> tuple[str, ...] | None:
    """Return ``descriptions`` as a tuple, or raise unless it holds ``n_concepts`` strings."""
    if descriptions is None:
        return None
    return _check_strings("descriptions", descriptions, n_concepts)


def check_sample_ids(sample_ids: object, n_samples: int) -> tuple[str, ...] | None:
    """Return ``sample_ids`` as strings, or raise unless it holds ``n_samples`` unique ids."""
    if sample_ids is None:
        return None
    checked = unique_ids(sample_ids)
    if len(checked) != n_samples:
        raise ValueError(
            f"sample_ids has {len(checked):,} entries, labels has {n_samples:,} rows; "
            "expected one id a sample"
        )
    return checked


def unique_ids(sample_ids: object) -> tuple[str, ...]:
    """Return ``sample_ids`` as strings, or raise unless they are unique strings or integers."""
    items = as_list("sample_ids", sample_ids)
    checked = tuple(_sample_id(position, item) for position, item in enumerate(items))
    _refuse_duplicates("sample_ids", checked)
    return checked


def duplicates(items: Iterable[Hashable]) -> list[Hashable]:
    """Return the entries of ``items`` that come more than once, in order of first appearance."""
    return [item for item, count in Counter(items).items() if count > 1]


def _check_strings(argument: str, value: object, expected: int) -> tuple[str, ...]:
    items = as_list(argument, value)
    strings = []
    for position, item in enumerate(items):
        if not isinstance(item, str):
            raise TypeError(f"{argument}[{position}] is {shown(item)}; expected a string")
        strings.append(str(item))
    if len(strings) != expected:
        raise ValueError(
            f"{argument} has {len(strings)} entries, labels has {expected} columns; "
            "expected one entry a concept"
        )
    return tuple(strings)


def _sample_id(position: int, item: object) -> str:
    if isinstance(item, str):
        if not item:
            raise ValueError(f"sample_ids[{position}] is ''; expected an id that is not empty")
        return str(item)
    if isinstance(item, bool) or not isinstance(item, numbers.Integral):
        raise TypeError(f"sample_ids[{position}] is {shown(item)}; expected a string or an integer")
    return str(int(item))


def _refuse_duplicates(argument: str, items: Sequence[str]) -> None:
    repeated = duplicates(items)
    if repeated:
        raise ValueError(f"{argument} has duplicates: {listed(repeated)}; expected unique entries")

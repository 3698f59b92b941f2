"""The demo's concepts: categories, subcategories and words of the names of the emoji.

Three kinds of concept, told apart by how they are written:

* a category begins with a capital letter: ``Flags``, ``Food-and-Drink``;
* a subcategory is written as in Unicode: ``country-flag``, ``person-sport``; where a word of the
  names is a concept of the same spelling, its category goes before it: ``Symbols.arrow``;
* everything else is a word of the name: ``clock``, ``face``, ``arrow``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from scipy import sparse

from invert_captum._validation import check_integer
from invert_captum.concepts import ConceptSet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from invert_captum.demo.emoji import Emoji

T = TypeVar("T")

MIN_POSITIVES = 15
"""Fewest emoji that a concept must hold for."""

# Words that name nothing in the picture. In Unicode names "black" means filled and "white" means
# outlined; neither is a colour there.
_STOP_WORDS = frozenset({"and", "black", "in", "of", "sign", "symbol", "the", "white", "with"})

# Possessives that Unicode writes without the apostrophe: a "WOMANS HAT" shows no woman.
_POSSESSIVES = frozenset({"mans", "mens", "womans", "womens"})


def emoji_concepts(emoji: Sequence[Emoji], min_positives: int = MIN_POSITIVES) -> ConceptSet:
    """Return what Unicode says about each of ``emoji`` as boolean concepts.

    Of concepts that hold for the same emoji one is kept: the category before the subcategory
    before the word.

    Args:
        emoji: n emoji.
        min_positives: Fewest emoji that a concept must hold for.

    Returns:
        *ConceptSet*: n samples in the order of ``emoji``, ``sample_ids`` are the code points. For
        all 1,889 emoji, about 80 concepts.

    Raises:
        TypeError: If ``min_positives`` is no integer.
        ValueError: If it is below 1, or no concept holds for so many of the emoji.

    Examples:
        >>> from invert_captum.demo import read_emoji
        >>> concepts = emoji_concepts(read_emoji())
        >>> concepts.descriptions[concepts.names.index("clock")]
        "the name has the word 'clock'"
        >>> clock = concepts["clock"]
        >>> concepts.sample_ids[clock.argmax()], bool(concepts["Travel-and-Places"][clock].all())
        ('1f550', True)
    """
    check_integer("min_positives", min_positives, minimum=1)
    members, descriptions = _gather(emoji, min_positives)
    if not members:
        raise ValueError(
            f"emoji has {len(emoji):,} entries, and no concept holds for {min_positives:,} of "
            "them; expected more emoji or a lower min_positives"
        )
    rows = np.concatenate([members[name] for name in members])
    columns = np.repeat(np.arange(len(members)), [len(rows_of) for rows_of in members.values()])
    labels = sparse.csr_array(
        (np.ones(len(rows), dtype=bool), (rows, columns)), shape=(len(emoji), len(members))
    )
    return ConceptSet(
        labels,
        list(members),
        descriptions=[descriptions[name] for name in members],
        sample_ids=[one.code_points for one in emoji],
    )


def _gather(
    emoji: Sequence[Emoji], min_positives: int
) -> tuple[dict[str, list[int]], dict[str, str]]:
    words = _frequent(_words(emoji), min_positives)
    candidates: list[tuple[str, str, list[int]]] = []
    categories = _rows_by([one.category for one in emoji])
    for category, rows in _frequent(categories, min_positives).items():
        candidates.append((_hyphenated(category), f"Unicode category {category!r}", rows))
    subcategories = _rows_by([(one.category, one.subcategory) for one in emoji])
    for (category, subcategory), rows in _frequent(subcategories, min_positives).items():
        name = _hyphenated(subcategory)
        name = f"{_hyphenated(category)}.{name}" if name in words else name
        candidates.append((name, f"Unicode subcategory {subcategory!r} of {category!r}", rows))
    for word, rows in words.items():
        candidates.append((word, f"the name has the word {word!r}", rows))

    members: dict[str, list[int]] = {}
    descriptions: dict[str, str] = {}
    seen: set[tuple[int, ...]] = set()
    for name, description, rows in candidates:
        if tuple(rows) not in seen:
            seen.add(tuple(rows))
            members[name], descriptions[name] = rows, description
    return members, descriptions


def _words(emoji: Sequence[Emoji]) -> dict[str, list[int]]:
    """Return the rows whose name has each word; a plural in -s counts as its singular."""
    names = [set(re.findall(r"[a-z]+", one.name.lower())) - _STOP_WORDS for one in emoji]
    vocabulary = set().union(*names)
    rows_of: defaultdict[str, list[int]] = defaultdict(list)
    for row, words in enumerate(names):
        for word in sorted({_singular(word, vocabulary) for word in words}):
            rows_of[word].append(row)
    return dict(sorted(rows_of.items()))


def _singular(word: str, vocabulary: set[str]) -> str:
    is_plural = word.endswith("s") and word[:-1] in vocabulary and word not in _POSSESSIVES
    return word[:-1] if is_plural else word


def _rows_by(keys: Sequence[T]) -> dict[T, list[int]]:
    rows_of: dict[T, list[int]] = {}
    for row, key in enumerate(keys):
        rows_of.setdefault(key, []).append(row)
    return rows_of


def _frequent(rows_of: Mapping[T, list[int]], minimum: int) -> dict[T, list[int]]:
    return {key: rows for key, rows in rows_of.items() if len(rows) >= minimum}


def _hyphenated(name: str) -> str:
    return name.replace("&", "and").replace(" ", "-")

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from invert_captum.demo.emoji import Emoji, read_emoji
from invert_captum.demo.unicode_concepts import emoji_concepts

if TYPE_CHECKING:
    from invert_captum.concepts import ConceptSet


@pytest.fixture(scope="module")
def emoji() -> list[Emoji]:
    return read_emoji()


@pytest.fixture(scope="module")
def concepts(emoji) -> ConceptSet:
    return emoji_concepts(emoji)


def one(name: str, category: str = "Objects", subcategory: str = "tool") -> Emoji:
    return Emoji(name, name, category, subcategory, Path("none.png"))


def test_about_eighty_concepts_with_fifteen_to_four_hundred_positives(concepts):
    assert 70 <= concepts.n_concepts <= 90
    assert concepts.counts.min() >= 15
    assert concepts.counts.max() <= 400
    assert concepts.n_samples == 1889


def test_names_need_no_quotes_in_formulas(concepts):
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+", name) for name in concepts.names)


def test_kinds_of_concept_are_told_apart(concepts):
    for name in ("Flags", "country-flag", "flag", "Symbols.arrow", "arrow", "clock", "moon"):
        assert name in concepts
    assert "Food-and-Drink" in concepts
    assert "sky-and-weather" in concepts
    assert concepts["arrow"].sum() != concepts["Symbols.arrow"].sum()


def test_rows_are_the_emoji(emoji, concepts):
    assert concepts.sample_ids == tuple(one.code_points for one in emoji)
    flags = np.array([one.category == "Flags" for one in emoji])
    np.testing.assert_array_equal(concepts["Flags"], flags)
    clocks = [one.name for one, holds in zip(emoji, concepts["clock"], strict=True) if holds]
    assert "ALARM CLOCK" in clocks
    assert all("CLOCK" in name for name in clocks)


def test_no_two_concepts_hold_for_the_same_emoji(concepts):
    columns = {tuple(np.flatnonzero(concepts[name])) for name in concepts.names}
    assert len(columns) == concepts.n_concepts


def test_function_words_and_fill_words_are_no_concepts(concepts):
    assert not {"with", "and", "of", "in", "symbol", "sign", "black", "white"} & set(concepts.names)


def test_plurals_count_as_their_singular_and_possessives_do_not():
    emoji = [one("EYE"), one("EYES"), one("WOMAN"), one("WOMANS HAT"), one("HAT", "Symbols", "x")]
    concepts = emoji_concepts(emoji, min_positives=1)
    assert concepts["eye"].tolist() == [True, True, False, False, False]
    assert concepts["woman"].tolist() == [False, False, True, False, False]
    assert "eyes" not in concepts


def test_of_equal_concepts_the_category_stays():
    emoji = [one("CAR", "Travel", "road"), one("CAR STOP", "Travel", "road"), one("PIE")]
    concepts = emoji_concepts(emoji, min_positives=2)
    assert concepts.names == ("Travel",)


def test_emoji_without_a_concept_are_refused(emoji):
    message = "emoji has 3 entries, and no concept holds for 15 of them; expected more emoji or"
    with pytest.raises(ValueError, match=message):
        emoji_concepts(emoji[:3])
    with pytest.raises(ValueError, match="emoji has 0 entries, and no concept holds for 15"):
        emoji_concepts([])


@pytest.mark.parametrize(("few", "error"), [("2", TypeError), (2.5, TypeError), (0, ValueError)])
def test_other_numbers_of_positives_are_refused(few, error):
    message = f"min_positives is {few!r}; expected an integer of at least 1"
    with pytest.raises(error, match=re.escape(message)):
        emoji_concepts([one("CAR")], min_positives=few)

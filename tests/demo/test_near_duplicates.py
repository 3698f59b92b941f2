from __future__ import annotations

import numpy as np
import pytest

from invert_captum.demo.emoji import read_emoji
from invert_captum.demo.near_duplicates import emoji_groups, scene_key


@pytest.fixture(scope="module")
def group_of() -> dict[str, int]:
    emoji = read_emoji()
    return {one.name: int(group) for one, group in zip(emoji, emoji_groups(emoji), strict=True)}


@pytest.mark.parametrize(
    "names",
    [
        ("WOMAN RUNNING", "MAN RUNNING", "RUNNER", "WOMAN RUNNING FACING RIGHT"),
        ("MAN FARMER", "WOMAN FARMER", "FARMER"),
        ("MAN", "WOMAN", "ADULT"),
        ("BOY", "GIRL", "CHILD"),
        ("OLDER MAN", "OLDER WOMAN", "OLDER ADULT"),
        ("WOMAN POLICE OFFICER", "POLICE OFFICER"),
        ("FAMILY", "FAMILY: MAN, BOY", "FAMILY: WOMAN, WOMAN, GIRL, BOY", "FAMILY: ADULT, CHILD"),
        ("KISS", "KISS: MAN, MAN", "KISS: WOMAN, MAN"),
        ("COUPLE WITH HEART", "COUPLE WITH HEART: WOMAN, WOMAN"),
        ("TWO MEN HOLDING HANDS", "PEOPLE HOLDING HANDS", "MAN AND WOMAN HOLDING HANDS"),
        ("PRINCE", "PRINCESS", "PERSON WITH CROWN"),
        ("FATHER CHRISTMAS", "MOTHER CHRISTMAS", "MX CLAUS"),
        ("PREGNANT WOMAN", "PREGNANT MAN", "PREGNANT PERSON"),
        ("MERMAID", "MERMAN", "MERPERSON"),
        ("DANCER", "MAN DANCING"),
        ("LEFT-FACING FIST", "RIGHT-FACING FIST"),
        ("Norway Flag", "Svalbard & Jan Mayen Flag", "Bouvet Island Flag"),
        ("France Flag", "Clipperton Island Flag"),
    ],
)
def test_near_duplicates_are_one_group(group_of, names):
    assert len({group_of[name] for name in names}) == 1


def test_different_things_are_different_groups(group_of):
    names = ["WOMAN RUNNING", "WOMAN WALKING", "MAN", "BOY", "BABY", "KISS", "FAMILY", "RED APPLE"]
    names += ["GREEN APPLE", "Norway Flag", "Iceland Flag", "MALE SIGN", "FEMALE SIGN"]
    names += ["CLOCK FACE ONE OCLOCK", "CLOCK FACE TWO OCLOCK", "BLACK RIGHTWARDS ARROW"]
    assert len({group_of[name] for name in names}) == len(names)


def test_groups_are_numbered_for_every_emoji(group_of):
    emoji = read_emoji()
    groups = emoji_groups(emoji)
    assert groups.shape == (1889,)
    assert 1600 < len(np.unique(groups)) < 1750


def test_a_sign_alone_keeps_its_key():
    assert scene_key("2640") == "2640"
    assert scene_key("27a1") == "27a1"


def test_a_single_emoji_is_a_group():
    assert emoji_groups(read_emoji()[:1]).tolist() == [0]


def test_no_emoji_are_refused():
    with pytest.raises(ValueError, match="emoji is empty; expected at least one"):
        emoji_groups([])

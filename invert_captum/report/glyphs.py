"""Text as a figure can draw it: names of concepts hold anything."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from matplotlib.font_manager import FontProperties, findfont, get_font

_PLACEHOLDER = "□"
_LEFT_TO_RIGHT = "\u200e"
# A name as `str` of a formula quotes it.
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_FONT = FontProperties(family="DejaVu Sans")


def drawable(text: str) -> str:
    """Return ``text`` on one line, with a □ for every character that the font does not have.

    What joins or modifies characters and is itself invisible is left out, and control characters
    (a line break, a tab) become spaces.

    Examples:
        >>> drawable("café 🐶, 犬")
        'café □, □'
    """
    drawn = "".join(_drawn(letter) for letter in text)
    return _QUOTED.sub(lambda name: in_reading_order(name[0]), drawn)


def in_reading_order(line: str) -> str:
    """Return ``line`` such that names in right-to-left letters leave its own order as it is.

    A formula reads from left to right, whatever letters its first name has.

    Examples:
        >>> in_reading_order("dog"), len(in_reading_order("שלום"))
        ('dog', 6)
    """
    is_mixed = any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in line)
    return f"{_LEFT_TO_RIGHT}{line}{_LEFT_TO_RIGHT}" if is_mixed else line


@cache
def _drawn(letter: str) -> str:
    kind = unicodedata.category(letter)
    if kind == "Cf" or "\ufe00" <= letter <= "\ufe0f":
        return ""
    if kind in ("Cc", "Zl", "Zp"):
        return " "
    has_glyph = kind != "Cs" and get_font(findfont(_FONT)).get_char_index(ord(letter))
    return letter if has_glyph else _PLACEHOLDER

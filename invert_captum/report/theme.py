"""The colours of figures, on a light and on a dark ground."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from matplotlib.colors import to_hex, to_rgb

from invert_captum._validation import check_choice

ThemeName = Literal["light", "dark"]


@dataclass(frozen=True)
class Theme:
    """The colours of a figure, each as ``#RRGGBB``.

    Attributes:
        ink: Text that is read first, and lines.
        muted: Notes and the numbers of axes.
        hairline: Axes and frames.
        ground: What all of it stands on; opaque, so that a notebook's own ground does not matter.
        inside: What has the concept, or counts for something.
        outside: What has it not, or counts against something. The two are of Okabe and Ito's
            palette, which colour-blind people tell apart.
    """

    ink: str
    muted: str
    hairline: str
    ground: str
    inside: str
    outside: str

    def pale(self, colour: str, share: float = 0.4) -> str:
        """Return ``colour`` mixed into the ground, of which it makes up a ``share`` in [0, 1].

        Examples:
            >>> LIGHT.pale("#000000", 0.2)
            '#cccccc'
        """
        mixed = [
            share * one + (1 - share) * other
            for one, other in zip(to_rgb(colour), to_rgb(self.ground), strict=True)
        ]
        return to_hex((mixed[0], mixed[1], mixed[2]))


LIGHT = Theme(
    ink="#1A1A1A",
    muted="#5F6368",
    hairline="#C9CDD2",
    ground="#FFFFFF",
    inside="#D55E00",
    outside="#0072B2",
)
DARK = Theme(
    ink="#F1F3F4",
    muted="#A8ADB3",
    hairline="#4A4F55",
    ground="#17191C",
    inside="#E69F00",
    outside="#56B4E9",
)
_THEMES: dict[str, Theme] = {"light": LIGHT, "dark": DARK}


def theme_named(name: ThemeName) -> Theme:
    """Return the theme of a name.

    Raises:
        ValueError: If there is none of this name.

    Examples:
        >>> theme_named("dark").ground
        '#17191C'
    """
    check_choice("theme", name, _THEMES)
    return _THEMES[name]

from __future__ import annotations

import pytest
from matplotlib.colors import to_rgb

from invert_captum.report.theme import DARK, LIGHT, theme_named


def luminance(colour: str) -> float:
    """Relative luminance, as the Web Content Accessibility Guidelines 2.1 define it."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_the_guidelines():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_text_and_curves_stand_out_from_the_ground(theme):
    assert contrast(theme.ink, theme.ground) >= 4.5
    assert contrast(theme.muted, theme.ground) >= 4.5
    # The guidelines ask for 3 where a thing is no text.
    assert contrast(theme.inside, theme.ground) >= 3
    assert contrast(theme.outside, theme.ground) >= 3


def test_pale_lies_between_the_colour_and_the_ground():
    for theme in (LIGHT, DARK):
        assert theme.pale(theme.inside, 1.0).lower() == theme.inside.lower()
        assert theme.pale(theme.inside, 0.0).lower() == theme.ground.lower()


def test_an_unknown_theme_is_refused():
    with pytest.raises(ValueError, match=r"theme is 'grey'; expected one of 'light', 'dark'"):
        theme_named("grey")

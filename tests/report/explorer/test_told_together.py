from __future__ import annotations

import warnings

import pytest

from invert_captum import InvertCaptumWarning
from invert_captum._log import warn
from invert_captum.report.explorer.told_together import told_together


def warned(*messages, error=None):
    for message in messages:
        warn(message) if isinstance(message, str) else warnings.warn(message, stacklevel=1)
    if error is not None:
        raise error
    return len(messages)


def told(*messages):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert told_together("maps", lambda: warned(*messages)) == len(messages)
    return [(one.category, str(one.message)) for one in seen]


def test_warnings_become_one_with_their_number():
    assert told() == []
    assert told("a") == [(InvertCaptumWarning, "maps: a")]
    expected = "maps: 3 warnings, the first of them: a"
    assert told("a", "b", "a") == [(InvertCaptumWarning, expected)]


def test_warnings_of_others_are_handed_on():
    found = told("a", DeprecationWarning("old"), UserWarning("new"))
    assert found == [
        (DeprecationWarning, "old"),
        (UserWarning, "new"),
        (InvertCaptumWarning, "maps: a"),
    ]


def test_filters_are_as_before_and_hold_for_the_one_warning():
    before = list(warnings.filters)
    assert told_together("maps", lambda: 7) == 7
    assert warnings.filters == before
    with pytest.raises(InvertCaptumWarning, match="maps: 2 warnings"):
        told_together("maps", lambda: warned("a", "b"))


def test_what_came_before_an_error_is_told():
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with pytest.raises(ValueError, match="broken"):
            told_together(
                "maps", lambda: warned("a", DeprecationWarning("old"), error=ValueError("broken"))
            )
    assert [str(one.message) for one in seen] == ["old", "maps: a"]


def test_the_one_warning_points_at_the_code_that_called_the_package():
    with pytest.warns(InvertCaptumWarning) as seen:
        told_together("maps", lambda: warned("a"))
    (one,) = seen
    assert one.filename == __file__

from __future__ import annotations

import warnings

import pytest

from invert_captum import InvertCaptumWarning
from invert_captum._log import warn
from invert_captum.report.explorer.told_together import told_together


def told(*messages):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with told_together("maps"):
            for message in messages:
                warn(message) if isinstance(message, str) else warnings.warn(message, stacklevel=1)
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


def test_errors_go_through_and_filters_are_as_before():
    before = list(warnings.filters)
    with pytest.raises(ValueError, match="broken"), told_together("maps"):
        raise ValueError("broken")
    assert warnings.filters == before
    with pytest.raises(InvertCaptumWarning, match="maps: a"), told_together("maps"):
        warn("a")

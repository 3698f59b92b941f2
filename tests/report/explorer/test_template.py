import re

import pytest

from invert_captum.report.explorer import template
from invert_captum.report.explorer.template import SCRIPTS, STYLES, page_files

FOLDER = template.resources.files("invert_captum.report.explorer") / "page"
FILES = sorted(entry.name for entry in FOLDER.iterdir() if entry.is_file())


def test_every_file_of_the_page_is_in_it():
    assert sorted([*SCRIPTS, *STYLES, "explorer.html.j2"]) == FILES


def test_files_stay_small():
    for name in FILES:
        assert len((FOLDER / name).read_text(encoding="utf-8").splitlines()) <= 300, name


def test_the_page_names_no_address_but_that_of_svg():
    page, style, scripts = page_files()
    text = "\n".join([page, style, *scripts])
    assert text.count("http://www.w3.org/2000/svg") == 1
    rest = text.replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|//|@import|url\(", rest)


@pytest.mark.parametrize(
    "way", ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("]
)
def test_strings_are_never_read_as_markup_or_code(way):
    assert not any(way in script for script in page_files()[2])


def test_scripts_are_strict_and_cannot_end_their_element():
    for script in page_files()[2]:
        assert script.startswith('"use strict";')
        assert "</script" not in script.lower()
        assert "<!--" not in script

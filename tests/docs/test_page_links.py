from __future__ import annotations

from types import SimpleNamespace

import page_links
import pytest
from sphinx.errors import ExtensionError


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "how_to").mkdir()
    (tmp_path / "a b.png").touch()
    (tmp_path / "index.html").write_text('<h1 id="top">x</h1><a name="old"></a>')
    return tmp_path


def faults_of(folder, text):
    (folder / "how_to" / "page.html").write_text(text)
    return list(page_links.faults(folder))


@pytest.mark.parametrize(
    "link",
    [
        *("../index.html", "../index.html#top", "../index.html#old", "#here", "#", "../a%20b.png"),
        *("https://captum.ai", "mailto:somebody", "page.html?x=1"),
    ],
)
def test_links_that_lead_somewhere_pass(folder, link):
    assert not faults_of(folder, f'<p id="here"></p><a href="{link}">x</a>')


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('<a href="../other.html">', "../other.html: there is no such file"),
        ('<img src="missing.png">', "missing.png: there is no such file"),
        ('<a href="../index.html#nowhere">', "../index.html#nowhere: the page has no such anchor"),
        ('<a href="#nowhere">', "#nowhere: the page has no such anchor"),
        ('<script src="https://example.org/x.js">', "loads https://example.org/x.js"),
        ('<link rel="stylesheet" href="//example.org/x.css">', "loads //example.org/x.css"),
    ],
)
def test_links_that_lead_nowhere_are_told(folder, text, fault):
    (only,) = faults_of(folder, text)
    assert only.startswith("how_to/page.html")
    assert only.endswith(fault)


def test_templates_of_the_theme_are_no_pages(folder):
    (folder / "_static").mkdir()
    (folder / "_static" / "macros.html").write_text('<a href="{{ pathto(x) }}">')
    assert not list(page_links.faults(folder))


def test_the_build_fails(folder):
    app = SimpleNamespace(builder=SimpleNamespace(format="html"), outdir=folder)
    page_links.check(app, None)
    (folder / "bad.html").write_text('<a href="gone.html">')
    with pytest.raises(ExtensionError, match=r"1 links are wrong:\nbad\.html: gone\.html"):
        page_links.check(app, None)
    page_links.check(app, RuntimeError())  # The build's own error is the one to show.

from __future__ import annotations

from types import SimpleNamespace

import page_links
import pytest
from sphinx.errors import ExtensionError


@pytest.fixture
def folder(tmp_path):
    built = tmp_path / "built"
    (built / "how_to").mkdir(parents=True)
    (tmp_path / "outside.md").touch()
    (built / "a b.png").touch()
    (built / "index.html").write_text('<h1 id="top">x</h1><a name="old"></a>')
    return built


def faults_of(folder, text):
    (folder / "how_to" / "page.html").write_text(text)
    return list(page_links.faults(folder.resolve()))


@pytest.mark.parametrize(
    "link",
    [
        *("../index.html", "../index.html#top", "../index.html#old", "#here", "#", "../a%20b.png"),
        *("https://captum.ai", "http://x.org", "mailto:somebody", "page.html?x=1"),
    ],
)
def test_links_that_lead_somewhere_pass(folder, link):
    assert not faults_of(folder, f'<p id="here"></p><a href="{link}">x</a>')


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('<a href="../other.html">', "../other.html: there is no such file"),
        ('<img src="missing.png" alt="x">', "missing.png: there is no such file"),
        ('<a href="../index.html#nowhere">', "../index.html#nowhere: the page has no such anchor"),
        ('<a href="#nowhere">', "#nowhere: the page has no such anchor"),
        ('<script src="https://example.org/x.js">', "loads https://example.org/x.js"),
        ('<link rel="stylesheet" href="//example.org/x.css">', "loads //example.org/x.css"),
        ('<video src="https://example.org/x.mp4">', "loads https://example.org/x.mp4"),
        ('<img srcset="//example.org/x.png 2x" alt="x">', "loads //example.org/x.png"),
        ("<style>b{src:url('https://example.org/x')}</style>", "loads https://example.org/x"),
        ('<form action="gone.html">', "gone.html: there is no such file"),
        # There where pages are built, and not where they are published.
        ('<a href="../../outside.md">', "../../outside.md: there is no such file"),
        ('<a href="../how_to/">', "../how_to/: there is no such file"),
        (
            '<a href="file:///etc/hosts">',
            "file:///etc/hosts: neither a page here nor an address elsewhere",
        ),
        ('<a href="//example.org">', "//example.org: neither a page here nor an address elsewhere"),
        ('<meta name="viewport"><a href="#viewport">', "#viewport: the page has no such anchor"),
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


def test_style_sheets_load_nothing_from_elsewhere(folder):
    (folder / "_static").mkdir()
    (folder / "_static" / "a.css").write_text("b{src:url(fonts/x.woff2)} c{background:url(data:x)}")
    assert not list(page_links.faults(folder))
    (folder / "_static" / "b.css").write_text('@import "https://example.org/x.css";')
    assert list(page_links.faults(folder)) == ["_static/b.css loads https://example.org/x.css"]


def test_pictures_within_the_page_pass(folder):
    assert not faults_of(folder, '<img src="data:image/png;base64,AAAA" alt="A neuron">')
    assert not faults_of(folder, '<img src="../a%20b.png" alt="A neuron">')


@pytest.mark.parametrize("said", ["", 'alt=""', 'alt="../a%20b.png"', 'alt="a%20b.png"'])
def test_pictures_without_words_are_told(folder, said):
    (only,) = faults_of(folder, f'<img src="../a%20b.png" {said}>')
    assert only == "how_to/page.html: ../a%20b.png: the picture has no alternative text"


def test_the_build_fails(folder):
    app = SimpleNamespace(builder=SimpleNamespace(format="html"), outdir=folder)
    page_links.check(app, None)
    (folder / "bad.html").write_text('<a href="gone.html">')
    with pytest.raises(
        ExtensionError, match=r"1 links or pictures are wrong:\nbad\.html: gone\.html"
    ):
        page_links.check(app, None)
    page_links.check(app, RuntimeError())  # The build's own error is the one to show.

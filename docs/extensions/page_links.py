"""Links of the built pages lead somewhere, nothing is loaded from elsewhere, pictures have words.

Sphinx warns of references that it resolves itself; raw HTML, images of notebooks and the links of
the role ``measured`` it does not see. After a build of HTML this extension reads every page and
fails the build where a file or an anchor is missing, a page loads a script, style, font or picture
from a network, or a picture has no alternative text for those who cannot see it. What lies outside
the built folder is not published with it.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from sphinx.errors import ExtensionError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx

_LOADING = {("object", "data"), ("video", "poster")}
_ADDRESSES = {"action", "data", "href", "poster", "src"}
_ELSEWHERE = {"http", "https", "mailto"}
_STYLE_ADDRESS = re.compile(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')\s]+)", re.IGNORECASE)
_LOADING_RELATIONS = {"stylesheet", "preload", "icon", "prefetch", "modulepreload"}


class Page(HTMLParser):
    """The anchors of a page, its links, what it loads, and its pictures without words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = {""}
        self.links: set[str] = set()
        self.loaded: set[str] = set(_STYLE_ADDRESS.findall(text))
        self.wordless: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the tag says."""
        said = {name: value or "" for name, value in attrs}
        self.anchors |= {said["id"]} if "id" in said else set()
        self.anchors |= {said["name"]} if tag == "a" and "name" in said else set()
        relations = set(said.get("rel", "").split())
        for name in _ADDRESSES & said.keys():
            loads = name == "src" or (tag, name) in _LOADING
            loads = loads or (tag == "link" and bool(relations & _LOADING_RELATIONS))
            (self.loaded if loads else self.links).add(said[name])
        # Sphinx gives a picture without words its file's name as such.
        if tag == "img" and Path(said.get("alt", "")).name in ("", Path(said.get("src", "")).name):
            self.wordless.add(said.get("src", ""))
        for candidate in said.get("srcset", "").split(","):
            self.loaded |= set(candidate.split()[:1])


def faults(folder: Path) -> Iterator[str]:
    """Yield what is wrong with the links of the pages in a folder, sorted by page."""
    files = [file for file in sorted(folder.rglob("*.html")) if "_static" not in file.parts]
    pages = {file: Page(file.read_text(encoding="utf-8")) for file in files}
    for file in sorted(folder.rglob("*.css")):
        for link in _STYLE_ADDRESS.findall(file.read_text(encoding="utf-8")):
            yield f"{file.relative_to(folder)} loads {link}"
    for path, page in pages.items():
        where = path.relative_to(folder)
        for picture in sorted(page.wordless):
            yield f"{where}: {picture}: the picture has no alternative text"
        for link in sorted(page.links | page.loaded):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                if link in page.loaded and parts.scheme != "data":
                    yield f"{where} loads {link}"
                elif link in page.links and parts.scheme not in _ELSEWHERE:
                    yield f"{where}: {link}: neither a page here nor an address elsewhere"
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not (target.is_file() and target.is_relative_to(folder)):
                yield f"{where}: {link}: there is no such file"
            elif target in pages and unquote(parts.fragment) not in pages[target].anchors:
                yield f"{where}: {link}: the page has no such anchor"


def check(app: Sphinx, exception: Exception | None) -> None:
    """Fail the build where something is wrong with the pages."""
    if exception or app.builder.format != "html":
        return
    found = list(faults(Path(app.outdir).resolve()))
    if found:
        raise ExtensionError("\n".join([f"{len(found)} links or pictures are wrong:", *found]))


def setup(app: Sphinx) -> dict[str, bool]:
    """Check when the build is finished."""
    # After the theme, which writes the colours of code when the build is finished.
    app.connect("build-finished", check, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""Links inside the built pages lead somewhere, and pages load nothing from elsewhere.

Sphinx warns of references that it resolves itself; raw HTML, images of notebooks and the links of
the role ``measured`` it does not see. After a build of HTML this extension reads every page and
fails the build where a file or an anchor is missing, or a page loads a script, style, font or
picture from a network.
"""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from sphinx.errors import ExtensionError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx

_LOADING = {("img", "src"), ("script", "src"), ("source", "src"), ("iframe", "src")}
_LOADING_RELATIONS = {"stylesheet", "preload", "icon", "prefetch", "modulepreload"}


class Page(HTMLParser):
    """The anchors of a page, its links, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = {""}
        self.links: set[str] = set()
        self.loaded: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the tag says."""
        said = {name: value or "" for name, value in attrs}
        self.anchors |= {said[name] for name in ("id", "name") if name in said}
        relations = set(said.get("rel", "").split())
        for name in {"href", "src"} & said.keys():
            loads = (tag, name) in _LOADING or (tag == "link" and relations & _LOADING_RELATIONS)
            (self.loaded if loads else self.links).add(said[name])


def faults(folder: Path) -> Iterator[str]:
    """Yield what is wrong with the links of the pages in a folder, sorted by page."""
    files = [file for file in sorted(folder.rglob("*.html")) if "_static" not in file.parts]
    pages = {file: Page(file.read_text(encoding="utf-8")) for file in files}
    for path, page in pages.items():
        where = path.relative_to(folder)
        for link in sorted(page.loaded):
            if urlsplit(link).netloc:
                yield f"{where} loads {link}"
        for link in sorted(page.links | page.loaded):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.exists():
                yield f"{where}: {link}: there is no such file"
            elif target in pages and unquote(parts.fragment) not in pages[target].anchors:
                yield f"{where}: {link}: the page has no such anchor"


def check(app: Sphinx, exception: Exception | None) -> None:
    """Fail the build where a link leads nowhere."""
    if exception or app.builder.format != "html":
        return
    found = list(faults(Path(app.outdir).resolve()))
    if found:
        raise ExtensionError("\n".join([f"{len(found)} links are wrong:", *found]))


def setup(app: Sphinx) -> dict[str, bool]:
    """Check when the build is finished."""
    # After the theme, which writes the colours of code when the build is finished.
    app.connect("build-finished", check, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

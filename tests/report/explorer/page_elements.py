"""A written page taken apart, as a browser would read it."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any


class Page(HTMLParser):
    """The elements of a page: their tags, their attributes, and the text inside each."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None], list[str]]] = []
        self._open = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), []))
        self._open = True

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002
        self._open = False

    def handle_data(self, data: str) -> None:
        if self._open:
            self.elements[-1][2].append(data)

    @property
    def policy(self) -> str | None:
        name = "Content-Security-Policy"
        return next(kind["content"] for _, kind, _ in self.elements if name in kind.values())

    def block(self, name: str) -> Any:
        """Return the data of one of the page's JSON blocks."""
        found = (parts for tag, kind, parts in self.elements if kind.get("id") == name)
        return json.loads("".join(next(found)))

    def texts(self, wanted: str) -> list[str]:
        """Return the texts of all elements of a kind but those of data."""
        return [
            "".join(parts)
            for tag, kind, parts in self.elements
            if tag == wanted and "type" not in kind
        ]

"""A page of one file: data as JSON that cannot leave its block, and a policy without a network."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, StrictUndefined

if TYPE_CHECKING:
    from collections.abc import Sequence

_LANGUAGE = "en"

# What could end a script block, begin a comment or a tag in it, or break a line of JavaScript.
_ESCAPES = str.maketrans(
    {sign: f"\\u{ord(sign):04x}" for sign in ("<", ">", "&", "\u2028", "\u2029")}
)


@dataclass(frozen=True)
class PageFiles:
    """What a page is made of besides its data.

    Attributes:
        template: HTML for jinja2 with ``title``, ``language``, ``policy``, ``style``, ``scripts``,
            ``report_json``, ``samples_json`` and ``heatmaps_json``, of which the last five are
            not to be escaped.
        style: CSS.
        scripts: JavaScript, in the order in which it runs.
    """

    template: str
    style: str
    scripts: Sequence[str]


def embedded_json(content: Any) -> str:
    r"""Return JSON that may stand inside a script element of an HTML page.

    Args:
        content: Plain data without numbers that are not finite. Half of a surrogate pair becomes
            the replacement character.

    Raises:
        ValueError: If a number is not finite.

    Examples:
        >>> print(embedded_json({"name": "</script>"}))
        {"name":"\u003c/script\u003e"}
    """
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return whole.translate(_ESCAPES)


def content_policy(style: str, scripts: Sequence[str]) -> str:
    """Return a content security policy under which a page runs these texts and loads nothing.

    Args:
        style: The text of the one style element.
        scripts: The texts of the script elements.

    Source:
        W3C, *Content Security Policy Level 3*, section 2.3.1 (hash sources).
    """
    allowed = " ".join(_hash_source(script) for script in scripts)
    return (
        f"default-src 'none'; img-src data:; style-src {_hash_source(style)}; "
        f"script-src {allowed}; base-uri 'none'; form-action 'none'"
    )


def render_page(files: PageFiles, title: str, report: Any, samples: Any, heat_maps: Any) -> str:
    """Return the HTML of a page.

    Args:
        files: Template, style and scripts.
        title: Text; what HTML would read in it is escaped.
        report: Plain data for the block ``report``.
        samples: Likewise for ``samples``.
        heat_maps: Likewise for ``heatmaps``.
    """
    style = _one_line_ends(files.style)
    scripts = [_one_line_ends(script) for script in files.scripts]
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    return environment.from_string(files.template).render(
        title=_whole(title),
        language=_LANGUAGE,
        policy=content_policy(style, scripts),
        style=style,
        scripts=scripts,
        report_json=embedded_json(report),
        samples_json=embedded_json(samples),
        heatmaps_json=embedded_json(heat_maps),
    )


def _hash_source(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    return f"'sha256-{digest}'"


def _one_line_ends(text: str) -> str:
    # HTML reads other ends of lines as this one, before the hash is taken.
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _whole(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

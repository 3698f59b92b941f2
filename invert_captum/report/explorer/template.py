"""The files that the page is made of, as they are shipped with the package."""

from __future__ import annotations

from importlib import resources

STYLES = ("explorer.css", "panel.css", "narrow.css")
"""The parts of the style sheet; later ones overrule."""

SCRIPTS = (
    "elements.js",
    "numbers.js",
    "data.js",
    "route.js",
    "choice.js",
    "virtual_table.js",
    "marks.js",
    "neuron_table.js",
    "filters.js",
    "heat_map.js",
    "samples.js",
    "plots.js",
    "neuron_list.js",
    "neuron_panel.js",
    "concepts.js",
    "about.js",
    "theme.js",
    "copying.js",
    "keyboard.js",
    "page.js",
)
"""The scripts in the order in which they run; each uses those before it."""


def page_files() -> tuple[str, str, list[str]]:
    """Read the page's template, its style sheet and its scripts.

    Returns:
        *tuple*: the jinja2 template, the style sheet, and the texts of `SCRIPTS` in their order.

    Examples:
        >>> template, style, scripts = page_files()
        >>> template.startswith("<!DOCTYPE html>"), len(scripts) == len(SCRIPTS)
        (True, True)
    """
    folder = resources.files("invert_captum.report.explorer") / "page"

    def read(name: str) -> str:
        return (folder / name).read_text(encoding="utf-8")

    style = "\n".join(map(read, STYLES))
    return read("explorer.html.j2"), style, [read(name) for name in SCRIPTS]

"""Pages in a headless browser that must neither complain nor leave their file."""

from __future__ import annotations

import shutil
from contextlib import contextmanager

import pytest

EXECUTABLES = ("chromium", "chromium-browser", "google-chrome")
DESKTOP, PHONE = (1440, 900), (390, 844)


@contextmanager
def chromium():
    """Start the browser, or skip; CI installs it and fails on this skip."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    executable = next(filter(None, map(shutil.which, EXECUTABLES)), None)
    if executable is None:
        pytest.skip("no browser is installed: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield WatchedBrowser(browser)
        browser.close()


class WatchedBrowser:
    """A browser that opens pages, of which none may log, alert, or ask for another file."""

    def __init__(self, browser):
        self._browser = browser
        self._page = None  # reused: a new window takes longer than all else in most tests
        self._seen = []

    @contextmanager
    def open(self, path, fragment="", **options):
        """Open a page in the window of all tests, or in one of its own if it has options."""
        page = self._window(**options) if options else self._shared()
        own = path.as_uri()
        self._seen.clear()
        page.goto("about:blank")
        page.goto(own + fragment)
        page.wait_for_selector("html[data-ready]", state="attached")
        scripts = page.evaluate("document.scripts.length")
        try:
            yield page
            added = page.evaluate("document.scripts.length") - scripts
            faults = [
                one for one in self._seen if not one.startswith(("request " + own, "request data:"))
            ]
            if faults or added:
                pytest.fail(f"the page has {added} scripts more than at first, and: {faults}")
        finally:
            if options:
                page.context.close()

    def _shared(self):
        if self._page is None:
            self._page = self._window()
        return self._page

    def _window(self, size=DESKTOP, theme="light", init=None):
        context = self._browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=theme,
            permissions=["clipboard-read", "clipboard-write"],
        )
        context.set_default_timeout(10_000)
        context.on("console", lambda message: self._seen.append(f"console {message.text}"))
        context.on("weberror", lambda error: self._seen.append(f"error {error.error}"))
        context.on("request", lambda request: self._seen.append(f"request {request.url}"))
        context.on("dialog", self._dismiss)
        if init:
            context.add_init_script(init)
        return context.new_page()

    def _dismiss(self, dialog):
        self._seen.append(f"dialog {dialog.message}")
        dialog.dismiss()


def wait_for_link(page, text):
    """Wait until the address has been written."""
    page.wait_for_function("(text) => location.hash.includes(text)", arg=text)


def go_to(page, view):
    """Click a tab."""
    page.click(f"#tabs >> text={view}")


def shown_keys(page):
    """The neurons in the rows of the table, from the top."""
    return page.evaluate(
        """() => [...document.querySelectorAll("#neurons .space .row:not([hidden])")]
            .sort((a, b) => a.ariaRowIndex - b.ariaRowIndex)
            .map((row) => row.querySelector(".cell-neuron a").title)"""
    )


def count_shown(page):
    """The number before "of 400 neurons"."""
    return int(page.locator("#neurons .counter").inner_text().split()[0].replace(",", ""))


def open_first(page):
    """Click the first row."""
    page.locator("#neurons .space .row:not([hidden])").first.click()
    page.wait_for_selector("#panel h2")


def shades(page, colours):
    """Return the sRGB channels of custom properties."""
    return page.evaluate(
        """(names) => names.map((name) => {
            const probe = document.body.appendChild(document.createElement("i"));
            probe.style.color = `var(--${name})`;
            const found = getComputedStyle(probe).color.match(/[0-9.]+/g).map(Number);
            probe.remove();
            return found.slice(0, 3);
        })""",
        colours,
    )

"""The explorer page in headless Chromium: until it is usable, and how smoothly its table scrolls.

``python -m benchmarks.explorer_page`` opens made-up pages of 1,280 and 10,000 neurons, each some
times in a new window, and notes when the first rows and the search box are there. Then it scrolls
through the table, evenly and in leaps, and notes the time between frames. ``--page PATH`` measures
an existing page as well.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.command_line import read_words, report_parser
from benchmarks.machine import describe_machine
from benchmarks.results import Report, Table
from benchmarks.synthetic_page import synthetic_content

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from playwright.sync_api import Browser, Page

    from benchmarks.results import Cell

_EXECUTABLES = ("chromium", "chromium-browser", "google-chrome")
_WINDOW = {"width": 1440, "height": 900}
_TITLE = "The explorer page"

# The page sets the mark when the table is drawn and the search box listens.
_USABLE = """() => {
    const search = document.getElementById("search");
    const rows = document.querySelectorAll("#neurons .space .row:not([hidden])").length;
    if (!rows || search.disabled) throw new Error("the page is not usable");
    return performance.getEntriesByName("usable")[0].startTime / 1000;
}"""

# Half of the frames move by a few rows, the other half leap to a place that was never drawn.
_SCROLL = """(frames) => new Promise((resolve) => {
    const grid = document.querySelector("#neurons .grid");
    const times = [];
    const step = (now) => {
        times.push(now);
        if (times.length > frames) return resolve(times);
        const even = times.length < frames / 2;
        const far = grid.scrollHeight - grid.clientHeight;
        grid.scrollTop = even ? grid.scrollTop + 150 : (times.length * 0.6180339887 % 1) * far;
        requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
})"""


@dataclass(frozen=True)
class Measured:
    """What was found of one page.

    Attributes:
        megabytes: Size of the file.
        usable: Seconds from navigation to a usable table, one a window.
        frames: Milliseconds between frames while scrolling.
    """

    megabytes: float
    usable: NDArray[np.float64]
    frames: NDArray[np.float64]

    def row(self, name: str) -> list[Cell]:
        """Return the numbers as a row of the report."""
        middle, slow = np.percentile(self.frames, [50, 95])
        return [
            name,
            self.megabytes,
            float(np.median(self.usable)),
            float(self.usable.max()),
            float(middle),
            float(slow),
            float(self.frames.max()),
        ]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser that is installed.

    Raises:
        FileNotFoundError: If there is none.
    """
    from playwright.sync_api import sync_playwright

    executable = next(filter(None, map(shutil.which, _EXECUTABLES)), None)
    if executable is None:
        raise FileNotFoundError(f"no browser is installed; expected one of {_EXECUTABLES}")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, path: Path) -> Iterator[Page]:
    """Open a page in a new window with nothing cached."""
    context = browser.new_context(viewport=_WINDOW)
    page = context.new_page()
    page.goto(path.resolve().as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")
    yield page
    context.close()


def measure_page(browser: Browser, path: Path, *, repeats: int, frames: int) -> Measured:
    """Open a page some times, and scroll through it in the last window."""
    usable, between = [], np.zeros(0)
    for repeat in range(repeats):
        with opened(browser, path) as page:
            usable.append(float(page.evaluate(_USABLE)))
            if repeat == repeats - 1:
                between = np.diff(page.evaluate(_SCROLL, frames))
    return Measured(path.stat().st_size / 1e6, np.array(usable), between)


def measure(arguments: argparse.Namespace) -> Report:
    """Measure the made-up pages and that of ``--page``, return the report."""
    how = {"repeats": arguments.repeats, "frames": arguments.frames}
    rows: list[list[Cell]] = []
    with chromium() as browser, tempfile.TemporaryDirectory() as folder:
        for n_neurons in arguments.neurons:
            path = synthetic_content(n_neurons).write(Path(folder) / f"{n_neurons}.html")
            measured = measure_page(browser, path, **how)
            rows.append(measured.row(f"{n_neurons:,} made-up neurons"))
        if arguments.page:
            rows.append(measure_page(browser, arguments.page, **how).row(arguments.page.name))
        version = browser.version
    columns = ["page", "MB", "usable s", "at worst", "frame ms", "95th percentile", "longest"]
    notes = [
        f"Chromium {version}, headless, {_WINDOW['width']} × {_WINDOW['height']}, from a file. "
        f"Usable: seconds from navigation to the first rows and the search box, median and most "
        f"of {arguments.repeats} new windows.",
        f"Frames: milliseconds between {arguments.frames} frames, of which half move the table by "
        "150 pixels, half to a place far away.",
        "Goals: 1,280 neurons with pictures below 25 MB and usable within 2 s; 10,000 neurons "
        "with a 95th percentile of at most 50 ms.",
    ]
    command = "python -m benchmarks.explorer_page" + "".join(f" {one}" for one in arguments.given)
    return Report(_TITLE, command, describe_machine(), notes, [Table(columns, rows)], [])


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = report_parser(__doc__)
    parser.add_argument("--neurons", type=int, nargs="+", default=[1_280, 10_000])
    parser.add_argument("--page", type=Path, help="an existing page to measure as well")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--frames", type=int, default=600)
    return read_words(parser, words)


def main(words: Sequence[str] | None = None) -> None:
    """Measure, print, and save where asked."""
    arguments = parse(words)
    measure(arguments).deliver(arguments.output)


if __name__ == "__main__":
    main()

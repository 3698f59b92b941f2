"""What the explorer page says of numbers, in headless Chromium."""

import re

import pytest
from watched_pages import chromium, open_first

from benchmarks.synthetic_page import synthetic_content


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pages")


def best_row(content):
    evidence = content.report["neurons"]["evidence"]
    return max(range(len(evidence)), key=lambda row: evidence[row] or 0)


HELD_OUT_INTERVAL = r"95.% interval \d"


@pytest.mark.parametrize("tested", ["holdout", "folds", "in_sample"])
def test_numbers_are_shown_with_what_they_were_measured_on(browser, folder, tested):
    content = synthetic_content(20, n_samples=10)
    columns = content.report["neurons"]
    content.report["tested"] = tested
    columns["roc"]["heldout"] = tested == "holdout"
    row = best_row(content)
    columns["significant"][row] = 1
    with browser.open(content.write(folder / "tested.html")) as page:
        open_first(page)
        caption = page.inner_text("#panel .roc p")
        on_heldout = tested == "holdout"
        assert caption.startswith("held-out samples" if on_heldout else "all samples")
        # Intervals are of held-out AUCs.
        assert bool(re.search(HELD_OUT_INTERVAL, caption)) == on_heldout
        kind = "warn" if tested == "in_sample" else "good"
        assert "Significant" in page.inner_text(f"#panel .notes .{kind}")


def test_samples_that_were_left_out_are_called_by_their_names(browser, folder):
    content = synthetic_content(20, n_samples=10)
    first = content.report["neurons"]["top"][best_row(content)][0]
    content.samples[str(first)] = {"name": "</script>.png"}
    with browser.open(content.write(folder / "left.html")) as page:
        open_first(page)
        assert page.locator("#panel .placeholder").first.inner_text() == "</script>.png"


def test_levels_are_written_without_the_noise_of_binary_fractions(browser, folder):
    content = synthetic_content(20, n_samples=10)
    content.report["level"] = 0.57  # 56.99999999999999 per cent
    with browser.open(content.write(folder / "level.html")) as page:
        open_first(page)
        assert "57\u00a0% interval" in page.evaluate(
            "document.querySelector('#panel .scores').textContent"
        )
        assert page.evaluate("Explorer.numbers.pOfLog(-304.00001)") == "1.0e-304"

"""Links that nobody made by a click, in headless Chromium."""

import pytest
from watched_pages import chromium, open_first, shown_keys

from benchmarks.synthetic_page import synthetic_content


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def path(folder):
    return synthetic_content(60, n_samples=10).write(folder / "page.html")


ODD_LINKS = ["sort=constructor", "sort=__proto__&dir=asc", "sort=auc&dir=up", "theme=toString"]


@pytest.mark.parametrize("query", ODD_LINKS)
def test_links_with_unknown_words_show_the_table(browser, path, query):
    for view, words in (("neurons", query), ("concepts", query.replace("sort", "csort"))):
        with browser.open(path, f"#/{view}?{words}") as page:
            assert page.locator(f"#{view} .space .row:not([hidden])").count() > 10


def test_filtering_by_a_chip_keeps_the_keyboard_in_the_panel(browser, path):
    with browser.open(path) as page:
        open_first(page)
        page.locator("#panel .chip button").first.focus()
        page.keyboard.press("Enter")
        focused = "document.querySelector('#panel').contains(document.activeElement)"
        assert page.evaluate(focused)


ODD_NAMES = [
    "__proto__",
    "constructor",
    "a/b",
    "50 %",
    "%2F",
    "#x?q=1&sort=p",
    "é\u2028",
    "~(a & b)",
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_survive_in_links(browser, folder, name):
    content = synthetic_content(20, n_samples=10, layers=(name,))
    content.report["concepts"]["name"][:3] = [name, f"{name} ", "plain"]
    columns = content.report["neurons"]
    columns["formula"][0], columns["text"][0] = [{"c": 0}], name
    with browser.open(content.write(folder / "odd.html")) as page:
        fragment = page.evaluate(
            "([view, name]) => Explorer.route.format({ ...Explorer.route.EMPTY, view, name })",
            ["neuron", columns["key"][0]],
        )
    with browser.open(folder / "odd.html", fragment) as page:
        page.locator("#panel .chip button").first.click()
        assert columns["key"][0] in shown_keys(page)
        page.locator("#panel .chip a").first.click()
        page.reload()
        assert page.evaluate("document.querySelector('#panel h2').textContent") == name
        assert page.locator("#panel section", has_text="Encode it").count() == 1

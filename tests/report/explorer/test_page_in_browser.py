"""Table, filters, links, keys and themes of the explorer page, in headless Chromium."""

import itertools

import pytest
from watched_pages import (
    PHONE,
    chromium,
    count_shown,
    go_to,
    open_first,
    shades,
    shown_keys,
    wait_for_link,
)

from benchmarks.synthetic_page import synthetic_content

LAYERS = ("first", "second")


@pytest.fixture(scope="module")
def content():
    return synthetic_content(400, n_samples=60, layers=LAYERS, mapped=400)


@pytest.fixture(scope="module")
def neurons(content):
    """A mapping from names to values for every neuron."""
    columns = content.report["neurons"]
    names = [name for name, values in columns.items() if isinstance(values, list)]
    rows = zip(*(columns[name] for name in names), strict=True)
    return [dict(zip(names, row, strict=True)) for row in rows]


@pytest.fixture(scope="module")
def path(content, tmp_path_factory):
    return content.write(tmp_path_factory.mktemp("page") / "page.html")


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture
def page(browser, path):
    with browser.open(path) as opened:
        yield opened


def by_evidence(neurons):
    return sorted(neurons, key=lambda one: (-(one["significant"] or 0), -(one["evidence"] or -9e9)))


def keys(neurons):
    return [one["key"] for one in neurons]


def test_significant_neurons_come_first_in_the_order_of_evidence(page, neurons):
    shown = shown_keys(page)
    assert len(shown) > 15
    assert shown == keys(by_evidence(neurons))[: len(shown)]


@pytest.mark.parametrize("query", ["dog", "cat -dog", '"cloud & "', "| dog", "~book", "-a"])
def test_search_takes_several_words_and_leaves_out_words_after_a_minus(page, neurons, query):
    def found(text):
        if query == '"cloud & "':
            return "cloud & " in text
        return all((word[1:] not in text) if word[0] == "-" else word in text for word in words)

    words = query.split()
    expected = [one for one in by_evidence(neurons) if found(one["text"] or "")]
    page.fill("#search", query)
    assert count_shown(page) == len(expected) > 0
    shown = shown_keys(page)
    assert shown == keys(expected)[: len(shown)]


def test_a_number_finds_the_neuron(page):
    page.fill("#search", "137")
    assert set(shown_keys(page)) == {"first/137", "second/137"} & set(shown_keys(page))
    page.fill("#search", "second/137")
    assert shown_keys(page) == ["second/137"]


@pytest.mark.parametrize(
    ("heading", "column"), [("AUC", "auc"), ("Held out", "heldout_auc"), ("Interval", "low")]
)
def test_a_heading_sorts_its_own_way_then_the_other_then_not(page, neurons, heading, column):
    button = page.get_by_role("columnheader").get_by_role("button", name=heading, exact=True)
    head = page.get_by_role("columnheader", name=heading, exact=True)
    known = [one for one in by_evidence(neurons) if one[column] is not None]
    for way, descending in (("descending", True), ("ascending", False)):
        button.click()
        assert head.get_attribute("aria-sort") == way
        shown = shown_keys(page)
        ordered = sorted(known, key=lambda one: one[column], reverse=descending)
        assert shown == keys(ordered)[: len(shown)]
    button.focus()
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "none"
    assert shown_keys(page)[0] == by_evidence(neurons)[0]["key"]


def test_neurons_without_a_score_come_last(page, neurons):
    missing = [one["key"] for one in neurons if one["auc"] is None]
    for _ in range(2):
        page.get_by_role("button", name="AUC", exact=True).click()
        page.focus("#neurons .grid")
        page.keyboard.press("End")
        assert shown_keys(page)[-len(missing) :] == missing


def test_each_filter_leaves_what_fits_and_is_in_the_link(page, content, neurons):
    names = content.report["concepts"]["name"]
    concept = names.index("apple")

    def strength(one):
        score = one["heldout_auc"]
        return -1 if score is None else 1 - score if one["low_label"] else score

    checks = [
        (lambda: page.check("text=Significant only"), "sig=1", lambda one: one["significant"] == 1),
        (
            lambda: page.fill("input[type=number]", "0.7"),
            "min=0.7",
            lambda one: strength(one) > 0.7,
        ),
        (
            lambda: page.fill("input[list]", "apple"),
            "concept=apple",
            lambda one: {"c": concept} in (one["formula"] or []),
        ),
        (
            lambda: page.select_option("label:has-text('Length') select", "2"),
            "length=2",
            lambda one: one["length"] == 2,
        ),
        (
            lambda: page.select_option("label:has-text('Layer') select", "second"),
            "layer=second",
            lambda one: one["layer"] == 1,
        ),
    ]
    left = neurons
    for act, written, keeps in checks:
        act()
        left = [one for one in left if keeps(one)]
        assert count_shown(page) == len(left)
        wait_for_link(page, written)
    assert left
    page.get_by_role("button", name="Clear").click()
    assert count_shown(page) == len(neurons)


def test_a_label_about_low_activation_is_judged_by_its_distance_below_one_half(page, neurons):
    (low,) = [one for one in neurons if one["low_label"]]
    assert low["heldout_auc"] < 0.5
    page.fill("input[type=number]", f"{1 - low['heldout_auc'] - 1e-4:.5f}")
    page.fill("#search", low["key"])
    assert shown_keys(page) == [low["key"]]


def test_a_copied_link_opens_the_same_neuron_with_the_same_filters(browser, page, path):
    page.fill("#search", "dog")
    page.get_by_role("button", name="Held out").click()
    open_first(page)
    page.click("#copy")
    page.get_by_text("Link copied").wait_for()
    link = page.evaluate("navigator.clipboard.readText()")
    with browser.open(path, "#" + link.split("#")[1], theme="dark") as other:
        assert other.url == link
        assert other.input_value("#search") == "dog"
        assert other.inner_text("#panel h2") == page.inner_text("#panel h2")
        assert shown_keys(other) == shown_keys(page)


def test_without_a_clipboard_the_link_is_shown_and_selected(browser, path):
    no_clipboard = "Object.defineProperty(navigator, 'clipboard', {value: undefined})"
    with browser.open(path, "#/concept/dog", init=no_clipboard) as page:
        page.click("#copy")
        field = page.locator("#link-field")
        assert field.input_value() == page.url
        assert page.evaluate("getSelection().toString() || document.activeElement.selectionEnd")


def test_back_returns_to_the_table_and_forward_to_the_neuron(page):
    page.fill("#search", "bird")
    wait_for_link(page, "bird")
    open_first(page)
    label = page.inner_text("#panel h2")
    page.go_back()
    assert page.locator("#panel").is_hidden()
    assert page.input_value("#search") == "bird"
    page.go_forward()
    assert page.inner_text("#panel h2") == label


def test_next_and_previous_follow_the_order_of_the_table(page, neurons):
    order = keys(by_evidence(neurons))
    open_first(page)

    def opened():
        return page.evaluate("document.querySelector('[aria-selected=true]:not([hidden]) a').title")

    assert page.locator("#previous").is_disabled()
    page.click("#next")
    assert opened() == order[1]
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert opened() == order[3]
    page.keyboard.press("k")
    assert opened() == order[2]
    assert page.locator("#panel .where").inner_text() == f"3 of {len(order)}"


def test_the_page_can_be_used_by_keys_alone(page, neurons):
    page.keyboard.press("/")
    page.keyboard.type("dog/")
    assert page.input_value("#search") == "dog/"
    page.keyboard.press("Escape")
    assert page.input_value("#search") == ""
    page.keyboard.press("Escape")
    page.focus("#neurons .grid")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    active = page.get_attribute("#neurons .grid", "aria-activedescendant")
    third = keys(by_evidence(neurons))[2]
    assert page.evaluate(f"document.getElementById('{active}').querySelector('a').title") == third
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.tagName") == "H2"
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()
    page.keyboard.press("Escape")
    assert page.locator("#keys").is_hidden()
    assert page.locator("#panel").is_visible()
    page.keyboard.press("Escape")
    assert page.locator("#panel").is_hidden()
    page.keyboard.press("2")
    assert page.locator("#concepts").is_visible()


def test_the_theme_is_the_systems_until_chosen_and_then_stays(browser, path):
    dark, light = (25, 27, 31), (255, 255, 255)
    with browser.open(path, theme="dark") as page:
        assert tuple(shades(page, ["paper"])[0]) == dark
        page.check("#theme-light", force=True)
        assert tuple(shades(page, ["paper"])[0]) == light
        wait_for_link(page, "theme=light")
        page.reload()
        assert tuple(shades(page, ["paper"])[0]) == light
        page.check("#theme-dark", force=True)
        assert tuple(shades(page, ["paper"])[0]) == dark
        page.check("#theme-auto", force=True)
        page.emulate_media(color_scheme="light")
        assert tuple(shades(page, ["paper"])[0]) == light


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_has_the_contrast_of_level_aa(browser, path, theme):
    inks = ["ink", "quiet", "link", "inside-ink", "outside-ink", "good"]
    papers = ["paper", "ground", "selected", "sunken"]

    def luminance(colour):
        channels = [one / 255 for one in colour[:3]]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    with browser.open(path, theme=theme) as page:
        colours = dict(zip(inks + papers, map(luminance, shades(page, inks + papers)), strict=True))
    for ink, paper in itertools.product(inks, papers):
        dim, bright = sorted((colours[ink], colours[paper]))
        assert (bright + 0.05) / (dim + 0.05) >= 4.5, (ink, paper)


def test_ten_thousand_neurons_need_no_more_rows_than_are_in_sight(browser, tmp_path):
    path = synthetic_content(10_000, n_samples=10, n_concepts=2_000).write(tmp_path / "large.html")
    with browser.open(path) as page:
        page.focus("#neurons .grid")
        page.keyboard.press("End")
        assert page.locator("#neurons .row").count() < 60
        assert "_avg_pooling/9999" in shown_keys(page)
        go_to(page, "Concepts")
        assert page.locator("#concepts .row").count() < 60


@pytest.mark.parametrize(
    "view", ["neurons", "neuron/second%2F3", "concepts", "concept/dog", "about"]
)
def test_a_phone_needs_no_scrolling_sideways(browser, path, tmp_path, view):
    hostile = synthetic_content(60, n_samples=20, hostile=True, layers=LAYERS)
    for one in (path, hostile.write(tmp_path / "hostile.html")):
        with browser.open(one, f"#/{view}", size=PHONE) as page:
            assert page.evaluate(
                """[document.documentElement, ...document.querySelectorAll(".grid, .panel, .about")]
                    .every((box) => box.scrollWidth <= box.clientWidth)"""
            )

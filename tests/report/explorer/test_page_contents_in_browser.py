"""What the explorer page shows of a neuron and of a concept, in headless Chromium."""

import base64

import pytest
from watched_pages import chromium, go_to, open_first

from benchmarks.synthetic_page import HOSTILE, synthetic_content


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def content():
    return synthetic_content(200, n_samples=40, mapped=20)


@pytest.fixture(scope="module")
def path(content, folder):
    return content.write(folder / "page.html")


def best_row(content):
    evidence = content.report["neurons"]["evidence"]
    return max(range(len(evidence)), key=lambda row: evidence[row] or 0)


def test_a_neuron_is_shown_with_its_numbers_pictures_and_curves(browser, path, content):
    row = best_row(content)
    columns = content.report["neurons"]
    with browser.open(path) as page:
        open_first(page)
        panel = page.locator("#panel")
        text = panel.inner_text()
        assert page.locator("#panel h2").inner_text().replace("\u00a0", " ") == columns["text"][row]
        for number in ("heldout_auc", "auc", "low", "high"):
            assert f"{columns[number][row]:.3f}" in text
        for other in columns["runners_up"][row]:
            assert other["text"] in text
        for name, change in columns["classes"][str(row)]:
            assert name in text
            assert f"{abs(change):.3g}" in text
        assert content.report["credit"] in text
        assert panel.locator("svg.plot").count() == 2
        shown = [str(index) in content.samples for index in columns["top"][row]]
        assert panel.locator("figure img").count() == sum(shown)
        assert panel.locator("figure .placeholder").count() == len(shown) - sum(shown)
        held = sum(columns["top_member"][row])
        assert panel.locator("figure.member").count() == held
        assert panel.locator("figure .mark[aria-label='label holds']").count() == held
        for image in panel.locator("figure img").all():
            assert image.get_attribute("loading") == "lazy"


def test_pictures_and_heat_maps_are_read_when_a_neuron_is_opened(browser, path):
    count = """
        const parse = JSON.parse;
        window.read = [];
        JSON.parse = (text) => (window.read.push(text.length), parse(text));
    """
    with browser.open(path, init=count) as page:
        assert page.evaluate("window.read.length") == 1
        assert page.locator("img").count() == 0
        open_first(page)
        assert page.evaluate("window.read.length") == 3


def test_heat_maps_lie_over_the_pictures_until_switched_off(browser, path, content):
    with browser.open(path) as page:
        open_first(page)
        heat = page.locator("#panel canvas.heat").first
        assert page.is_checked("#heat-switch")
        page.locator("input[type=range]").fill("40")
        page.wait_for_function(
            "() => getComputedStyle(document.querySelector('canvas.heat')).opacity === '0.4'"
        )
        opacity = heat.evaluate(
            """(one) => {
                const { data } = one.getContext("2d").getImageData(0, 0, one.width, one.height);
                return Array.from({ length: data.length / 4 }, (_, i) => data[4 * i + 3]);
            }"""
        )
        row = best_row(content)
        sample = content.report["neurons"]["top"][row][0]
        values = base64.b64decode(content.heat_maps[str(row)][str(sample)]["values"])
        # The picture shows through where the map is weak.
        assert len(values) == 12 * 12
        assert opacity == list(values)
        page.uncheck("#heat-switch")
        page.wait_for_function(
            "() => getComputedStyle(document.querySelector('canvas.heat')).opacity === '0'"
        )
        page.keyboard.press("j")
        assert not page.is_checked("#heat-switch")


def test_a_neuron_that_was_set_aside_says_so(browser, path, content):
    key = content.report["neurons"]["key"][-1].replace("/", "%2F")
    with browser.open(path, f"#/neuron/{key}") as page:
        assert "Set aside" in page.inner_text("#panel")


def test_doubtful_labels_and_labels_about_low_activation_are_marked(browser, path, content):
    columns = content.report["neurons"]
    doubtful = columns["significant"].index(0)
    low = columns["low_label"].index(1)
    for row, words in ((doubtful, "Not significant"), (low, "low activation")):
        with browser.open(path, f"#/neuron/{columns['key'][row].replace('/', '%2F')}") as page:
            assert words in page.inner_text("#panel .notes")


def test_a_link_to_nothing_says_so(browser, path):
    for view, words in (("neuron", "No such neuron"), ("concept", "No such concept")):
        with browser.open(path, f"#/{view}/%3Cb%3E") as page:
            assert words in page.inner_text("#panel")
            assert "<b>" in page.inner_text("#panel")


def uses(content, concept):
    """Keys of neurons whose label is the concept, combines it, negates it."""
    alone, combined, negated = set(), set(), set()
    columns = content.report["neurons"]
    for key, tokens in zip(columns["key"], columns["formula"], strict=True):
        for place, token in enumerate(tokens or []):
            if token == {"c": concept}:
                before = tokens[place - 1] if place else ""
                group = negated if before == "~" else alone if len(tokens) == 1 else combined
                group.add(key)
    return alone, combined, negated


@pytest.mark.parametrize("name", ["apple", "animal", "bird"])
def test_a_concept_lists_what_encodes_combines_and_excludes_it(browser, path, content, name):
    groups = uses(content, content.report["concepts"]["name"].index(name))
    with browser.open(path) as page:
        go_to(page, "Concepts")
        page.fill("#concept-search", name)
        row = page.locator("#concepts .space .row", has_text=name).first
        counts = row.locator("[data-title] span").all_inner_texts()[:3]
        assert list(map(int, counts)) == list(map(len, groups))
        row.click()
        for title, group in zip(("Encode", "Combine", "Negate"), groups, strict=True):
            section = page.locator("#panel section", has_text=f"{title} it")
            links = section.locator("a").evaluate_all("(all) => all.map((one) => one.hash)")
            found = {link.split("/")[2].split("?")[0].replace("%2F", "/") for link in links}
            assert found == group
        page.get_by_role("button", name="Show only neurons").click()
        assert page.input_value("input[list]") == name
        total = f"{len(set.union(*groups))} of 200 neurons"
        assert page.inner_text("#neurons .counter") == total


def test_the_chip_of_a_label_opens_the_concept_or_filters_by_it(browser, path):
    with browser.open(path) as page:
        open_first(page)
        chip = page.locator("#panel .chip").first
        name = chip.locator("a").inner_text()
        chip.locator("button").click()
        assert page.input_value("input[list]") == name
        assert page.locator("#panel h2").is_visible()
        chip.locator("a").click()
        page.wait_for_selector("#concepts:not([hidden])")
        assert page.inner_text("#panel h2") == name


def test_hostile_names_are_text_everywhere(browser, folder):
    content = synthetic_content(40, n_samples=30, hostile=True, layers=(HOSTILE[0], HOSTILE[3]))
    columns = content.report["neurons"]
    path = content.write(folder / "hostile.html")
    with browser.open(path) as page:
        assert page.title() == content.report["title"]
        assert page.inner_text("h1") == content.report["title"]
        open_first(page)
        for _ in columns["key"]:
            assert page.locator("#panel .chip").count() <= 3
            page.keyboard.press("j")
        go_to(page, "Concepts")
        for name in HOSTILE:
            page.fill("#concept-search", name.split("\u2028")[0][:60])
            page.locator("#concepts .space .row").first.click()
            shown = page.evaluate("document.querySelector('#panel h2').textContent")
            assert shown == name
            page.reload()
            assert page.evaluate("document.querySelector('#panel h2').textContent") == name
            page.keyboard.press("Escape")
        go_to(page, "About")
        assert page.locator("img:not([src^='data:image/'])").count() == 0


@pytest.mark.parametrize("hostile", [False, True])
def test_tokens_are_shaded_by_their_share(browser, folder, hostile):
    content = synthetic_content(20, n_samples=10, kind="tokens", hostile=hostile)
    with browser.open(content.write(folder / "tokens.html")) as page:
        open_first(page)
        row = best_row(content)
        index = next(one for one in content.report["neurons"]["top"][row] if one < 9)
        words = content.samples[str(index)]["tokens"]
        passages = page.evaluate(
            "[...document.querySelectorAll('.words')].map((one) => one.textContent)"
        )
        assert "".join(words) in passages
        assert page.locator(".words .shaded[title*='of the strongest']").count() >= len(words)
        page.uncheck("#heat-switch")
        assert page.locator(".with-heat").count() == 0


@pytest.mark.parametrize(
    ("tokens", "shown"),
    [
        (["a", "great", "plot"], "a great plot"),
        (["play", "##ing", "chess"], "play##ing chess"),
        (["a", " great", " plot"], "a great plot"),
        (["▁a", "▁great", "ly"], "▁a▁greatly"),
    ],
)
def test_words_are_set_apart_unless_tokens_do_so(browser, folder, tokens, shown):
    content = synthetic_content(20, n_samples=10, kind="tokens")
    for sample in content.samples.values():
        sample["tokens"] = tokens
    with browser.open(content.write(folder / "words.html")) as page:
        open_first(page)
        assert page.locator(".words").first.text_content() == shown


def test_numbers_stand_in_a_table_and_texts_are_text(browser, folder):
    numbers = synthetic_content(20, n_samples=10, kind="numbers")
    with browser.open(numbers.write(folder / "numbers.html")) as page:
        open_first(page)
        tops = numbers.report["neurons"]["top"][best_row(numbers)]
        assert page.locator("table.numbers tbody tr").count() == len(tops)
        assert page.locator("table.numbers td.shaded").count() == 12 * sum(top < 9 for top in tops)
    texts = synthetic_content(20, n_samples=10, kind="text", hostile=True)
    with browser.open(texts.write(folder / "texts.html")) as page:
        open_first(page)
        shown = page.evaluate("[...document.querySelectorAll('.token')].map((o) => o.textContent)")
        top = [one for one in texts.report["neurons"]["top"][best_row(texts)] if one < 9]
        assert next(texts.samples[str(one)]["text"] for one in top) in shown


def test_a_report_of_labels_alone_shows_no_empty_parts(browser, folder):
    content = synthetic_content(20, n_samples=10)
    columns = content.report["neurons"]
    for name in ("top", "top_activation", "top_member", "density", "roc"):
        columns[name] = None
    for name in ("heldout_auc", "low", "high", "log10_p", "p_adjusted", "significant"):
        columns[name] = [None] * 20
    columns["classes"] = {}
    content.report.update(tested=None, credit=None, class_effect_note=None, notes=[])
    bare = type(content)(content.report, {}, {})
    with browser.open(bare.write(folder / "bare.html")) as page:
        assert page.get_by_role("columnheader").all_inner_texts() == [
            "Neuron", "Label", "AUC", "Samples",
        ]  # fmt: skip
        open_first(page)
        titles = page.locator("#panel h3").all_inner_texts()
        assert set(titles) <= {"Runner-up labels", "Neurons with the same label or concepts"}
        assert "–" not in page.inner_text("#panel .scores")


def test_the_policy_forbids_the_network(browser, path):
    complaint = pytest.raises(pytest.fail.Exception, match="img-src")
    with complaint, browser.open(path) as page:
        blocked = page.evaluate(
            """() => new Promise((resolve) => {
                    const answer = (event) => resolve(event.effectiveDirective);
                    document.addEventListener("securitypolicyviolation", answer);
                    new Image().src = "https://example.invalid/picture.png";
                })"""
        )
        assert blocked == "img-src"

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from page_elements import Page

from invert_captum.report.explorer.embedding import (
    PageFiles,
    content_policy,
    embedded_json,
    render_page,
)

TEMPLATE = (
    '<meta http-equiv="Content-Security-Policy" content="{{ policy }}"><title>{{ title }}</title>'
    "<style>{{ style|safe }}</style>"
    '<script type="application/json" id="report">{{ report_json|safe }}</script>'
    '<script type="application/json" id="samples">{{ samples_json|safe }}</script>'
    '<script type="application/json" id="heatmaps">{{ heatmaps_json|safe }}</script>'
    "{% for script in scripts %}<script>{{ script|safe }}</script>{% endfor %}"
)
FILES = PageFiles(TEMPLATE, "a > b {}", ["'use strict';\r\nf('&amp;');", "1 < 2"])


@given(st.recursive(st.text() | st.none(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_json_is_kept_and_has_no_sign_of_html(content):
    text = embedded_json(content)
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == content


def test_half_a_surrogate_pair_is_replaced_and_a_whole_one_joined():
    assert json.loads(embedded_json(["a\ud800b", "\ud83d\udc36"])) == ["a\ufffdb", "🐶"]


def test_a_number_that_json_lacks_is_refused():
    with pytest.raises(ValueError, match="JSON"):
        embedded_json(float("nan"))


def test_the_policy_allows_exactly_the_texts_of_the_page():
    page = Page(render_page(FILES, "t", {}, {}, {}))
    run = page.texts("script")
    (style,) = page.texts("style")
    assert page.policy == content_policy(style, run)
    assert len(run) == 2
    for text in (style, *run):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in page.policy
    assert page.policy.startswith("default-src 'none'; img-src data:; ")
    assert "unsafe" not in page.policy


def test_hostile_text_stays_text():
    hostile = "</script><script>alert(1)</script>\"'&"
    page = Page(render_page(FILES, hostile, {"x": hostile}, {hostile: 1}, [hostile]))
    assert [tag for tag, *_ in page.elements].count("script") == 5
    assert page.block("report") == {"x": hostile}
    assert page.block("samples") == {hostile: 1}
    assert page.block("heatmaps") == [hostile]
    assert page.texts("title") == [hostile]

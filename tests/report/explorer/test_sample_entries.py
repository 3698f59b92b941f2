from __future__ import annotations

import json

import pytest

from invert_captum import InvertCaptumWarning
from invert_captum.report.explorer.sample_entries import embed_samples
from invert_captum.report.explorer.shown_samples import ShownSamples

OPTIONS = {"thumbnail": 32, "max_megabytes": 1.0}


def test_each_sample_is_read_once():
    read = []

    def item(index):
        read.append(index)
        return f"text {index}"

    samples = embed_samples([4, 2, 4, 2, 0], ShownSamples(item), None, **OPTIONS)
    assert read == [4, 2, 0]
    assert samples.entries[4] == {"text": "text 4", "name": "row 4"}
    assert samples.n_left_out == 0


def test_the_first_ones_are_kept_up_to_the_limit():
    shown = ShownSamples(lambda _: "x" * 400)
    with pytest.warns(InvertCaptumWarning, match=r"6 of 8 samples .* max_megabytes=0.001"):
        samples = embed_samples(
            [7, 6, 5, 4, 3, 2, 1, 0], shown, None, thumbnail=32, max_megabytes=0.001
        )
    assert list(samples.entries) == [7, 6]
    assert samples.n_left_out == 6
    assert len(json.dumps(samples.entries)) <= 1000


def test_without_anything_to_see_there_are_names_if_any():
    names = ["first", "</script>"]
    assert embed_samples([1], None, names, **OPTIONS).entries == {1: {"name": "</script>"}}
    assert embed_samples([1], None, None, **OPTIONS).entries == {}


def test_samples_that_do_not_fit_keep_their_names():
    shown = ShownSamples(lambda index: "x" * 400 * index)
    with pytest.warns(InvertCaptumWarning, match="1 of 3 samples"):
        samples = embed_samples([1, 0, 2], shown, "abc", thumbnail=32, max_megabytes=0.0006)
    assert samples.entries[2] == {"name": "c"}
    assert samples.entries[0] == {"text": "", "name": "a"}
    assert samples.n_left_out == 1

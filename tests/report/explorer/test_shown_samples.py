from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, TensorDataset

from invert_captum.report.explorer.shown_samples import ShownSamples

PICTURE = np.zeros((4, 6, 3), dtype=np.uint8)


def entry(item, **arguments):
    return ShownSamples(lambda _: item, **arguments).entry(0, side=32)


@pytest.mark.parametrize("item", [PICTURE, Image.new("L", (4, 4)), torch.zeros(1, 5, 5)])
def test_pictures(item):
    assert entry(item)["image"].startswith("data:image/webp;base64,")


def test_texts_tokens_and_numbers():
    assert entry("</script> 🐶") == {"text": "</script> 🐶"}
    assert entry(["the", " dog"]) == {"tokens": ["the", " dog"]}
    assert entry(("a",)) == {"tokens": ["a"]}
    assert entry({"age": 3, 7: np.nan}) == {"numbers": [["age", 3.0], ["7", None]]}
    row = np.array([1 / 3, 2], dtype=np.float32)
    assert entry(row) == {"numbers": [["x0", 0.333333], ["x1", 2.0]]}
    assert entry([True, 2]) == {"numbers": [["x0", 1.0], ["x1", 2.0]]}
    named = entry(torch.tensor([1, 2]), feature_names=["a", "b"])
    assert named == {"numbers": [["a", 1.0], ["b", 2.0]]}


@pytest.mark.parametrize("item", [None, 3, [], [None], np.zeros((2, 5, 9, 9)), np.zeros((5, 9, 9))])
def test_other_items_are_refused(item):
    with pytest.raises(TypeError, match=r"sample 0 is shown as .* expected a picture"):
        entry(item)


def test_as_many_names_as_numbers_are_expected():
    with pytest.raises(ValueError, match="feature_names has 1 names, but a sample has 2 numbers"):
        entry(np.zeros(2), feature_names=["a"])


@pytest.mark.parametrize(
    "shown",
    [
        lambda index: f"text {index}",
        [f"text {index}" for index in range(5)],
        tuple(f"text {index}" for index in range(5)),
    ],
)
def test_shown_is_a_function_or_a_sequence(shown):
    assert ShownSamples.of(shown, None, 5).entry(3, 32) == {"text": "text 3"}


@pytest.mark.parametrize(
    ("inputs", "kind"),
    [
        (torch.zeros(5, 3, 8, 8), "image"),
        (torch.zeros(5, 1, 8, 8, dtype=torch.uint8), "image"),
        ((torch.zeros(5, 3, 8, 8), torch.zeros(5)), "image"),
        (TensorDataset(torch.zeros(5, 3, 8, 8), torch.zeros(5)), "image"),
        (torch.zeros(5, 4), "numbers"),
        (TensorDataset(torch.zeros(5, 4)), "numbers"),
        ([Image.new("RGB", (4, 4))] * 5, "image"),
        (["a text"] * 5, "text"),
        ([("a text", 3)] * 5, "text"),
        ([(0.5, 3)] * 5, "numbers"),
        ([["two", "tokens"]] * 5, "tokens"),
        ([{"age": 3.0}] * 5, "numbers"),
    ],
)
def test_inputs_are_shown_if_a_person_can_read_them(inputs, kind):
    assert kind in ShownSamples.of(None, inputs, 5).entry(0, 32)


@pytest.mark.parametrize(
    "inputs",
    [
        None,
        torch.zeros(5, 9, dtype=torch.int64),
        torch.zeros(5, 7, 8, 8),
        torch.zeros(5, 7, 8),
        [{"input_ids": torch.zeros(3)}] * 5,
    ],
)
def test_nothing_is_shown_of_other_inputs(inputs):
    assert ShownSamples.of(None, inputs, 5) is None


@pytest.mark.parametrize("shown", ["five", {0: "a"}, 5, DataLoader(TensorDataset(torch.ones(5)))])
def test_shown_that_cannot_be_looked_up_is_refused(shown):
    with pytest.raises(TypeError, match=r"shown is .* expected 5 samples that can be looked up"):
        ShownSamples.of(shown, None, 5)


@pytest.mark.parametrize(("shown", "inputs"), [(["a"] * 4, None), (None, torch.zeros(4, 3))])
def test_another_number_of_samples_is_refused(shown, inputs):
    with pytest.raises(ValueError, match="has 4 samples; the result is of 5"):
        ShownSamples.of(shown, inputs, 5)


@pytest.mark.parametrize("item", [{"colour": "red"}, {"size": None}, np.array(["red"])])
def test_rows_of_other_things_than_numbers_are_refused(item):
    with pytest.raises(
        TypeError, match=r"a row of numbers holds ('red'|None) .*; expected numbers"
    ):
        ShownSamples(lambda _: item).entry(0, 32)


def test_a_data_frame_is_shown_row_by_row():
    frame = pd.DataFrame({"age": [1.5, 2.5], "income": [10.0, -3.0]}, index=["b", "a"])
    shown = ShownSamples.of(frame, None, 2)
    assert shown is not None
    assert shown.entry(1, 96) == {"numbers": [["age", 2.5], ["income", -3.0]]}
    with pytest.raises(ValueError, match="shown has 2 samples; the result is of 3"):
        ShownSamples.of(frame, None, 3)

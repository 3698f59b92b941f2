from __future__ import annotations

import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from labelled_by_hand import labelled

from invert_captum.attr.contribution.contributions import Contributions

NUMBER = re.compile(r"(?:\(|: )([+-][0-9.]+)")


def contributions_of(values, remainder, delta, texts=None, **fields):
    """Contributions of one sample whose parts exceed the change by ``delta``."""
    texts = [f"c{i}" for i in range(len(values))] if texts is None else texts
    change = sum(values) + remainder - delta
    single = torch.tensor([0.5], dtype=torch.float64)
    return Contributions(
        torch.tensor([values], dtype=torch.float64).reshape(1, -1),
        tuple(range(len(values))),
        labelled(texts).explanations,
        torch.tensor([remainder], dtype=torch.float64),
        single + change,
        single,
        **fields,
    )


def test_the_sentence():
    contributions = contributions_of(
        [5.1, 2.4, 0.25, 0.14], 1.2, -0.01, ["dome & ~tower", "flag", "sun", '"blue sky"'], target=3
    )
    assert contributions.describe(top=2, target_name="mosque") == (
        "mosque: +9.10 over the baseline because of dome & ~tower (+5.10), flag (+2.40); "
        "2 other labels (+0.39), neurons without a significant label (+1.20), missed by the "
        "method (+0.01)"
    )


def test_labels_that_speak_against_the_change_are_told_apart():
    contributions = contributions_of([-3.0, 1.0, -0.5], 0.0, 0.0, ["dog", "cat", "red"], target=7)
    assert contributions.describe().startswith(
        "class 7: -2.50 under the baseline because of dog (-3.00), red (-0.50), in spite of cat "
        "(+1.00); neurons"
    )


def test_a_single_other_label_and_every_label():
    contributions = contributions_of([2.0, 1.0], 0.0, 0.0)
    assert "; 1 other label (+1.00), neurons" in contributions.describe(top=1)
    assert "c0 (+2.00), c1 (+1.00); neurons" in contributions.describe(top=2)


@pytest.mark.parametrize(
    ("fields", "beginning"),
    [
        ({"target": 3}, "class 3: +2.00 over the baseline"),
        ({"target": [3]}, "class 3: +2.00 over the baseline"),
        ({"target": torch.tensor([3])}, "class 3: +2.00 over the baseline"),
        ({"target": None}, "the output: +2.00 over the baseline"),
        (
            {"target": "predicted", "n_samples": 1200},
            "the predicted class: +2.00 over the baseline, mean of 1,200 samples,",
        ),
        (
            {"target": 3, "method": "LayerGradientXActivation"},
            "class 3: +2.00 over the layer at zero",
        ),
    ],
    ids=str,
)
def test_what_is_explained_is_named(fields, beginning):
    sentence = contributions_of([2.0], 0.0, 0.0, **fields).describe()
    assert sentence.startswith(f"{beginning} because of c0 (+2.00); neurons")


def test_without_any_label():
    contributions = contributions_of([], 2.0, 0.0, target=3, significant_only=False)
    assert contributions.describe() == (
        "class 3: +2.00 over the baseline; neurons without a label (+2.00), missed by the method "
        "(+0.00)"
    )
    assert contributions.to_frame().label.tolist() == ["remainder", "missed by the method"]


@given(
    st.lists(st.floats(-100, 100, width=32), max_size=8),
    st.floats(-100, 100, width=32),
    st.floats(-1, 1, width=32),
    st.integers(1, 9),
    st.sampled_from([1e-4, 1.0, 1e3]),
)
def test_the_numbers_add_up(values, remainder, delta, top, scale):
    contributions = contributions_of([scale * v for v in values], scale * remainder, scale * delta)
    sentence = contributions.describe(top=top)
    change, *parts = (float(number) for number in NUMBER.findall(sentence))
    decimals = len(NUMBER.search(sentence)[1].partition(".")[2])
    assert sum(parts) == pytest.approx(change, abs=(len(parts) + 2) * 0.51 * 10**-decimals)
    assert change == pytest.approx(contributions.change.item(), abs=0.51 * 10**-decimals)

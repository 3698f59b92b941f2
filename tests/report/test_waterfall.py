from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch

import invert_captum as ic
from invert_captum.attr.contribution.contributions import Contributions
from invert_captum.report.waterfall import waterfall
from invert_captum.result import Explanation


def contributions_of(names, n_samples=2, seed=0, scale=1.0, **more) -> Contributions:
    """Contributions of neurons labelled with these names, random ones."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return scale * torch.randn(*shape, generator=generator, dtype=torch.float64)

    explanations = tuple(
        Explanation(None, neuron, 0, ic.Formula.concept(name), 1, heldout_auc=0.8)
        for neuron, name in enumerate(names)
    )
    return Contributions(
        neurons=draw(n_samples, len(names)),
        keys=tuple(range(len(names))),
        explanations=explanations,
        remainder=draw(n_samples),
        prediction=draw(n_samples),
        baseline_prediction=draw(n_samples),
        **more,
    )


def sizes(steps):
    return {step.name: step.end - step.begin for step in steps}


@pytest.mark.parametrize("top", [1, 3, 99])
@pytest.mark.parametrize("sample", [0, 1])
def test_bars_lead_without_a_gap_from_the_baseline_to_the_prediction(top, sample):
    contributions = contributions_of("abcab")
    steps = waterfall(contributions, sample, top)
    for one, following in pairwise(steps):
        assert following.begin == one.end
    assert steps[0].end == contributions.baseline_prediction[sample]
    assert steps[-1].end == pytest.approx(float(contributions.prediction[sample]), abs=1e-12)
    assert [steps[0].kind, steps[-1].kind] == ["total", "total"]


def test_bars_are_the_sums_over_labels_the_rest_and_the_delta():
    contributions = contributions_of("abcab")
    first = contributions.neurons[0]
    by_label = {"a": first[0] + first[3], "b": first[1] + first[4], "c": first[2]}
    found = sizes(waterfall(contributions, 0, 9))
    for name, size in by_label.items():
        assert found[name] == pytest.approx(float(size), abs=1e-12)
    assert found["neurons without a significant label"] == pytest.approx(
        float(contributions.remainder[0])
    )
    assert found["missed by the method"] == pytest.approx(-float(contributions.delta[0]))
    one = sizes(waterfall(contributions, 0, 1))
    largest = max(by_label, key=lambda name: abs(by_label[name]))
    assert one[largest] == pytest.approx(float(by_label.pop(largest)))
    assert one["2 other labels"] == pytest.approx(float(sum(by_label.values())))
    assert "1 other label" in sizes(waterfall(contributions, 0, 2))


def test_the_remainder_says_what_it_is():
    every = contributions_of("ab", significant_only=False)
    assert "neurons without a label" in sizes(waterfall(every, 0, 9))


def test_means_have_standard_errors():
    mean = contributions_of("ab", n_samples=5).mean()
    steps = waterfall(mean, 0, 9)
    label = next(step for step in steps if step.kind == "label")
    assert label.error > 0
    assert f"± {label.error:.2g}" in label.text
    single = waterfall(contributions_of("ab"), 0, 9)
    assert all(math.isnan(step.error) for step in single)
    assert not any("±" in step.text for step in single)


def test_no_labelled_neuron_at_all():
    steps = waterfall(contributions_of(""), 0, 5)
    assert [step.kind for step in steps] == ["total", "rest", "rest", "total"]


def test_numbers_have_signs_at_every_scale():
    for scale in (1e-8, 1.0, 1e8):
        for step in waterfall(contributions_of("abc", scale=scale), 0, 9)[1:-1]:
            assert step.text[0] == ("+" if step.end >= step.begin else "−")
            size = step.end - step.begin
            assert float(step.text.replace("−", "-")) == pytest.approx(size, rel=0.05)


def test_refusals():
    with pytest.raises(ValueError, match="sample is 2, but there are 2; expected 0 to 1"):
        waterfall(contributions_of("ab"), 2, 9)
    broken = contributions_of("ab")
    broken.neurons[0, 0] = math.nan
    with pytest.raises(ValueError, match="contributions of sample 0 are not all finite"):
        waterfall(broken, 0, 9)

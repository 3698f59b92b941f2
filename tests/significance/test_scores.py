import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pointbiserialr
from sklearn.metrics import average_precision_score, precision_recall_curve

from invert_captum.significance.scores import SCORES, oriented, score_separation
from invert_captum.significance.separation import Separation

SIGNS = ["positive", "negative", "absolute_value"]


@st.composite
def samples(draw):
    """Activations with and without ties, and a mask with both kinds of sample."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_samples = draw(st.integers(3, 200))
    mask = rng.random(n_samples) < draw(st.sampled_from([0.02, 0.3, 0.9]))
    mask[:3] = [True, False, False]
    values = rng.normal(size=n_samples) + draw(st.sampled_from([-1, 0, 0.5, 3])) * mask
    kind = draw(st.sampled_from(["continuous", "relu", "levels", "far from zero"]))
    if kind == "relu":
        values = np.maximum(values - 1, 0)
    if kind == "levels":
        values = np.round(values)
    if kind == "far from zero":
        values = 1e4 + values
    return values, mask


def best_f1(mask, values):
    precision, recall, _ = precision_recall_curve(mask, values)
    return np.max(2 * precision * recall / np.maximum(precision + recall, 1e-300))


def best_jaccard(mask, values):
    above = values >= np.unique(values)[:, np.newaxis]
    return np.max((above & mask).sum(axis=1) / (above | mask).sum(axis=1))


def difference_in_deviations(mask, values):
    difference = values[mask].mean() - values[~mask].mean()
    deviation = values[~mask].std(ddof=1)
    return difference / deviation if np.ptp(values[~mask]) else math.nan


def point_biserial(mask, values):
    return pointbiserialr(mask, values).statistic if np.ptp(values) else math.nan


ORACLES = {
    "average_precision": average_precision_score,
    "f1": best_f1,
    "jaccard": best_jaccard,
    "correlation": point_biserial,
    "standardised_mean_difference": difference_in_deviations,
}


def test_every_score_has_an_oracle():
    assert list(SCORES) == list(ORACLES)


@pytest.mark.parametrize("name", SCORES)
@given(sample=samples())
def test_equals_the_libraries(name, sample):
    values, mask = sample
    score = SCORES[name](Separation.of(values, mask))
    assert score == pytest.approx(ORACLES[name](mask, values), rel=1e-9, abs=1e-11, nan_ok=True)


@pytest.mark.parametrize("name", SCORES)
@given(sample=samples())
def test_a_negative_sign_scores_the_negated_activations(name, sample):
    values, mask = sample
    separation, negated = Separation.of(values, mask), Separation.of(-values, mask)
    by_sign = {sign: score_separation(separation, name, sign=sign) for sign in SIGNS}
    assert by_sign["positive"] == pytest.approx(SCORES[name](separation), nan_ok=True)
    assert by_sign["negative"] == pytest.approx(SCORES[name](negated), nan_ok=True)
    chosen = "negative" if separation.auc < 0.5 else "positive"
    assert by_sign["absolute_value"] == pytest.approx(by_sign[chosen], nan_ok=True)


@given(sample=samples())
def test_orientation_mirrors_the_auc(sample):
    separation = Separation.of(*sample)
    auc = separation.auc
    assert oriented(separation, "negative").auc == pytest.approx(1 - auc)
    assert oriented(separation, "absolute_value").auc == pytest.approx(max(auc, 1 - auc))
    assert np.all(np.diff(oriented(separation, "negative").values) > 0)


@pytest.mark.parametrize("name", SCORES)
@given(sample=samples(), scale=st.sampled_from([1e-300, 1e-8, 3.0, 1e300]))
def test_the_unit_of_the_activations_does_not_matter(name, sample, scale):
    values, mask = sample
    score = SCORES[name](Separation.of(values, mask))
    assert SCORES[name](Separation.of(values * scale, mask)) == pytest.approx(
        score, rel=1e-6, nan_ok=True
    )


@pytest.mark.parametrize("name", ["average_precision", "f1", "jaccard"])
def test_scores_by_order_do_not_change_with_the_activations_scale(name, rng):
    values, mask = rng.normal(size=100), rng.random(100) < 0.3
    assert SCORES[name](Separation.of(np.exp(values), mask)) == SCORES[name](
        Separation.of(values, mask)
    )


@pytest.mark.parametrize("name", ["correlation", "standardised_mean_difference"])
def test_keeps_its_digits_far_from_zero(name):
    """One part in 10¹⁵ apart: the score is that of the differences alone."""
    steps, mask = np.array([0, 1, 2, 3, 5, 4]), np.array([0, 0, 0, 1, 1, 0], dtype=bool)
    near, far = Separation.of(steps, mask), Separation.of(2.0**52 + steps, mask)
    assert SCORES[name](far) == pytest.approx(SCORES[name](near), rel=1e-12)


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("kind", [True, False])
def test_is_nan_where_one_kind_is_missing(name, kind):
    assert math.isnan(SCORES[name](Separation.of([1.0, 2.0, 3.0], np.full(3, kind))))


def test_is_nan_where_nothing_varies():
    equal = Separation.of([2.0, 2.0, 2.0], [True, False, False])
    assert math.isnan(SCORES["correlation"](equal))
    negatives_equal = Separation.of([3.0, 2.0, 2.0], [True, False, False])
    assert math.isnan(SCORES["standardised_mean_difference"](negatives_equal))
    one_negative = Separation.of([3.0, 2.0], [True, False])
    assert math.isnan(SCORES["standardised_mean_difference"](one_negative))


def test_a_label_that_misses_half_keeps_the_auc_and_loses_the_rest():
    """Half of what a rare, perfect neuron responds to: why there are other scores."""
    activations = np.zeros(2000)
    activations[:40] = 1.0
    whole, half = activations > 0, activations * (np.arange(2000) < 20) > 0
    true, missing = Separation.of(activations, whole), Separation.of(activations, half)
    assert true.auc - missing.auc < 0.01
    for name in ("average_precision", "f1", "jaccard", "correlation"):
        assert SCORES[name](true) == pytest.approx(1.0)
        assert SCORES[name](missing) < 0.75


@pytest.mark.parametrize(
    ("name", "sign", "message"),
    [
        ("auprc", "positive", "name is 'auprc'; expected one of 'average_precision', 'f1'"),
        ("f1", "both", "sign is 'both'; expected one of 'positive'"),
    ],
)
def test_refuses(name, sign, message):
    with pytest.raises(ValueError, match=message):
        score_separation(Separation.of([0.0, 1.0], [False, True]), name, sign=sign)


@pytest.mark.parametrize(
    ("low", "expected"),
    [
        ([1e-20, 2e-20], 0.95 / (1e-20 / math.sqrt(2))),
        ([1e-200, 2e-200], math.nan),
        ([0, 0], math.nan),
    ],
)
def test_negatives_close_together_do_not_stop_a_run(low, expected):
    values = np.array([*low, 0.91, 0.95, 0.99])
    mask = np.arange(5) > 1
    score = score_separation(Separation.of(values, mask), "standardised_mean_difference")
    assert score == pytest.approx(expected, nan_ok=True)

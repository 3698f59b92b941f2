"""Paired comparisons, by hand and by SciPy and statsmodels."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from invert_captum import InvertCaptumWarning
from invert_captum.alignment.evaluation import sign_flips
from invert_captum.alignment.evaluation.compare import compare_alignment
from invert_captum.alignment.evaluation.evaluation_settings import EvaluationSettings
from invert_captum.alignment.evaluation.sign_flips import sign_flip_p_values


def scipys_p_value(differences, n_resamples=np.inf):
    return stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=n_resamples
    ).pvalue


# Multiples of 1/8, whose sums are exact.
@given(st.lists(st.sampled_from([-0.5, -0.25, 0.0, 0.125, 0.375, 0.75]), min_size=2, max_size=9))
def test_exact_p_values_are_those_of_scipy(values):
    differences = np.array(values)
    (ours,) = sign_flip_p_values(differences[:, None])
    assert ours == pytest.approx(scipys_p_value(differences))


def test_sums_that_are_equal_but_for_rounding_count_as_equal():
    differences = np.array([[0.1, 0.1], [0.2, 0.2], [-0.3, 0.3]])
    assert differences[:, 0].sum() != 0
    assert sign_flip_p_values(differences).tolist() == [1.0, 0.25]


def test_drawn_p_values_are_close_to_the_exact_ones(rng):
    differences = rng.normal(0.3, 1.0, 14)
    (drawn,) = sign_flip_p_values(differences[:, None], n_resamples=9999)
    (exact,) = sign_flip_p_values(differences[:, None], n_resamples=2**14)
    assert exact == pytest.approx(scipys_p_value(differences))
    assert drawn == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 9999))


def test_p_values_are_those_of_the_t_test_for_many_pairs(rng):
    differences = rng.normal(0.1, 1.0, (300, 3))
    by_t = stats.ttest_1samp(differences, 0).pvalue
    np.testing.assert_allclose(sign_flip_p_values(differences), by_t, atol=0.02)


def test_p_values_are_uniform_where_nothing_differs(rng):
    differences = rng.normal(size=(40, 400))
    p_values = sign_flip_p_values(differences, n_resamples=999)
    assert stats.kstest(p_values, "uniform").pvalue > 1e-3


def test_pairs_with_nan_are_left_out_of_their_measure(rng):
    differences = rng.normal(0.5, 1.0, (9, 2))
    differences[[2, 5], 1] = np.nan
    both = sign_flip_p_values(differences)
    alone = sign_flip_p_values(differences[~np.isnan(differences[:, 1]), 1:])
    np.testing.assert_allclose(both[1], alone[0])
    assert np.isnan(sign_flip_p_values(np.full((3, 1), np.nan))).all()
    assert sign_flip_p_values(np.zeros((3, 1))).tolist() == [1.0]


def test_blocks_of_patterns_count_as_one(monkeypatch, rng):
    differences = rng.normal(0.1, 1.0, (30, 1))
    whole = sign_flip_p_values(differences, n_resamples=500)
    monkeypatch.setattr(sign_flips, "_MOST_SIGNS", 100)
    assert sign_flip_p_values(differences, n_resamples=500) == whole


def test_a_comparison_by_hand(make_scores):
    labels = [0, 0, 1, 1]
    first = make_scores([0.1, 0.2, 0.3, 0.4], dice=[0.1] * 4, labels=labels, predicted=[1, 1, 0, 1])
    second = make_scores(
        [0.2, 0.4, 0.4, 0.4], dice=[0.3] * 4, labels=labels, predicted=[0, 0, 1, 0]
    )
    compared = compare_alignment(first, second)
    assert compared.spearman.difference == pytest.approx(0.1)
    assert compared.alignment.difference == pytest.approx(0.2)
    # Three pairs differ, all one way: 2 of 8 patterns of signs are as large.
    assert compared.spearman.p_value == compared.alignment.p_value == 0.25
    assert compared.dice.difference == pytest.approx(0.2)
    assert compared.dice.p_value == 0.125
    assert compared.iou[:2] == (4, 0.0)
    assert compared.iou.p_value == 1.0
    # Three images turn right and one wrong: 2 * (1 + 4) of 16 tosses of a coin.
    assert compared.accuracy.difference == 0.5
    assert compared.accuracy.p_value == pytest.approx(0.625)
    assert np.isnan([compared.spearman.low, compared.spearman.high]).all()


def test_the_other_way_round_it_is_the_negative(make_scores, rng):
    first, second = (make_scores(rng.normal(size=12)) for _ in range(2))
    forth, back = compare_alignment(first, second), compare_alignment(second, first)
    assert forth.spearman.difference == -back.spearman.difference
    assert forth.spearman.p_value == back.spearman.p_value
    np.testing.assert_allclose(forth.spearman.low, -back.spearman.high, atol=0.05)


def test_the_interval_is_that_of_the_mean_difference(make_scores, rng):
    before = rng.normal(0.3, 0.3, 80)
    after = before + rng.normal(0.05, 0.05, 80)
    compared = compare_alignment(make_scores(before), make_scores(after))
    by_t = stats.ttest_rel(after, before).confidence_interval()
    np.testing.assert_allclose(compared.spearman[2:4], by_t, atol=4e-3)
    np.testing.assert_allclose(compared.alignment[2:4], 2 * np.array(by_t), atol=8e-3)


def test_models_that_never_differ_may_differ_on_other_images(make_scores):
    scores = make_scores(np.linspace(0.1, 0.3, 9), predicted=np.arange(9) < 5)
    accuracy = compare_alignment(scores, scores).accuracy
    assert (accuracy.n, accuracy.difference, accuracy.p_value) == (9, 0.0, 1.0)
    assert accuracy.low < -0.1
    assert accuracy.high > 0.1


def test_the_table_has_a_row_a_measure(make_scores):
    table = compare_alignment(make_scores([0.1, 0.2]), make_scores([0.2, 0.4])).to_frame()
    assert table.index.tolist() == ["alignment", "spearman", "dice", "iou", "accuracy"]
    assert table.columns.tolist() == ["n", "difference", "low", "high", "p_value"]
    assert table.loc["spearman", "difference"] == pytest.approx(0.15)


def test_images_without_a_correlation_in_one_are_left_out_of_it(make_scores):
    first, second = make_scores([0.1, np.nan, np.nan]), make_scores([0.3, 0.9, np.nan])
    with pytest.warns(InvertCaptumWarning, match="1 of 3 images is NaN in one of the two"):
        compared = compare_alignment(first, second)
    assert compared.spearman.n == 1
    assert compared.spearman.difference == pytest.approx(0.2)
    assert np.isnan([compared.spearman.low, compared.spearman.high]).all()
    assert compared.dice.n == 3


def test_other_human_maps_are_refused_if_both_know_theirs(make_scores):
    first, same = (make_scores([0.1, 0.2], fingerprints=np.uint64([7, 8])) for _ in range(2))
    other = make_scores([0.1, 0.2], fingerprints=np.uint64([7, 9]))
    assert compare_alignment(first, same).spearman.n == 2
    with pytest.raises(ValueError, match="human maps at places 1: images in another order, or"):
        compare_alignment(first, other)
    assert compare_alignment(first, make_scores([0.1, 0.2])).spearman.n == 2
    assert compare_alignment(dataclasses.replace(other, fingerprints=None), first).spearman.n == 2


def test_other_images_are_refused(make_scores):
    scores = make_scores([0.1, 0.2])
    with pytest.raises(ValueError, match="first has 2 images, second 3"):
        compare_alignment(scores, make_scores([0.1, 0.2, 0.3]))
    with pytest.raises(ValueError, match="other labels at places 1"):
        compare_alignment(scores, make_scores([0.1, 0.2], labels=[0, 1]))
    with pytest.raises(ValueError, match="other rows at places 0, 1"):
        compare_alignment(scores, make_scores([0.1, 0.2], rows=[1, 2]))
    with pytest.raises(ValueError, match=r"human_ceiling 0.5, second 0.6"):
        compare_alignment(scores, make_scores([0.1, 0.2], human_ceiling=0.6))
    with pytest.raises(ValueError, match=r"percentile 10.0, second 5"):
        compare_alignment(
            scores, make_scores([0.1, 0.2], settings=EvaluationSettings(percentile=5))
        )
    with pytest.raises(TypeError, match="second is a float"):
        compare_alignment(scores, 0.3)
    with pytest.raises(ValueError, match="n_resamples is 0"):
        compare_alignment(scores, scores, n_resamples=0)

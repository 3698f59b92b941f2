"""Means, intervals and tables of scores, by hand and by SciPy."""

import dataclasses

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from invert_captum.alignment.evaluation.evaluation_settings import EvaluationSettings
from invert_captum.alignment.evaluation.mean_intervals import (
    mean_interval,
    share_difference_interval,
    share_interval,
)


def test_means_by_hand(make_scores):
    scores = make_scores(
        [0.1, 0.3, np.nan, 0.5, 0.2, 0.4],
        dice=[0.2, 0.4, 0.0, 0.2, 0.1, 0.3],
        iou=[0.1, 0.3, 0.0, 0.2, 0.1, 0.2],
        labels=[1, 1, 2, 2, 2, 1],
        predicted=[1, 2, 2, 2, 1, 1],
    )
    assert scores.alignment == pytest.approx(0.3 / 0.5)
    assert scores.accuracy == pytest.approx(4 / 6)
    assert scores.correct.tolist() == [True, False, True, True, False, True]
    summary = scores.summary()
    assert summary["n"].to_dict() == {
        "alignment": 5,
        "spearman": 5,
        "dice": 6,
        "iou": 6,
        "accuracy": 6,
    }
    np.testing.assert_allclose(summary["mean"], [0.6, 0.3, 0.2, 0.15, 4 / 6])
    assert (summary["low"] <= summary["mean"]).all()
    assert (summary["mean"] <= summary["high"]).all()
    assert summary.loc["alignment", ["low", "high"]].tolist() == list(scores.interval)
    np.testing.assert_allclose(
        summary.loc["alignment", ["low", "high"]] * 0.5, summary.loc["spearman", ["low", "high"]]
    )


def test_the_table_of_images_has_all_in_order(make_scores):
    frame = make_scores([0.1, 0.3], rows=[4, 7], labels=[1, 0]).to_frame()
    assert frame.to_dict("list") == {
        "row": [4, 7],
        "label": [1, 0],
        "predicted": [1, 0],
        "spearman": [0.1, 0.3],
        "dice": [0.0, 0.0],
        "iou": [0.0, 0.0],
    }


def test_classes_by_hand(make_scores):
    scores = make_scores(
        [0.1, 0.3, 0.4, np.nan, np.nan],
        dice=[0.0, 1.0, 0.5, 0.25, 0.0],
        labels=[3, 3, 0, 0, 9],
        predicted=[3, 0, 0, 0, 1],
    )
    table = scores.by_class().set_index("class")
    assert table.index.tolist() == [0, 3, 9]
    assert table["n"].tolist() == [2, 2, 1]
    assert table["n_nan"].tolist() == [1, 0, 1]
    np.testing.assert_allclose(table["spearman"], [0.4, 0.2, np.nan])
    np.testing.assert_allclose(table["alignment"], [0.8, 0.4, np.nan])
    np.testing.assert_allclose(table["dice"], [0.375, 0.5, 0.0])
    np.testing.assert_allclose(table["accuracy"], [1.0, 0.5, 0.0])
    assert table[["low", "high"]].isna().all(axis=None)


def test_the_interval_of_a_class_does_not_depend_on_the_others(make_scores, rng):
    values = rng.normal(0.3, 0.1, 30)
    labels = np.repeat([0, 1, 2], 10)
    whole = make_scores(values, labels=labels).by_class()
    alone = make_scores(values[10:20], labels=labels[10:20]).by_class()
    assert whole.iloc[1].tolist() == alone.iloc[0].tolist()
    by_t = stats.ttest_1samp(values[10:20], 0).confidence_interval()
    # Divided by the ceiling, 0.5.
    np.testing.assert_allclose(
        whole.loc[1, ["low", "high"]].tolist(), 2 * np.array(by_t), atol=0.05
    )


def test_intervals_are_those_of_scipy_and_cover_the_mean(rng):
    values = rng.normal(0.3, 0.1, 50)
    ours = mean_interval(values, n_resamples=4999)
    theirs = stats.bootstrap((values,), np.mean, n_resamples=4999, random_state=rng)
    np.testing.assert_allclose(ours, theirs.confidence_interval, atol=4e-3)
    by_t = stats.ttest_1samp(values, 0).confidence_interval()
    np.testing.assert_allclose(ours, by_t, atol=4e-3)
    assert ours == mean_interval(values, n_resamples=4999)
    assert ours != mean_interval(values, n_resamples=4999, seed=1)
    narrow = mean_interval(values, confidence_level=0.5)
    assert ours.low < narrow.low < narrow.high < ours.high


def test_the_bootstrap_is_the_same_in_any_number_of_batches(monkeypatch, rng):
    from invert_captum.alignment.evaluation import mean_intervals

    values = rng.normal(size=20)
    whole = mean_interval(values, n_resamples=99)
    monkeypatch.setattr(mean_intervals, "_MOST_DRAWN", 1)
    np.testing.assert_allclose(mean_interval(values, n_resamples=99), whole, rtol=1e-12)


@pytest.mark.parametrize("n", [5, 10])
def test_intervals_of_few_values_have_the_mean_as_often_as_they_say(rng, n):
    values = rng.normal(0.3, 0.2, (600, n))
    intervals = np.array([mean_interval(one, n_resamples=999) for one in values])
    share = ((intervals[:, 0] <= 0.3) & (intervals[:, 1] >= 0.3)).mean()
    # Five values can be at most as good as lying on both sides of the mean, 94 %.
    assert 0.9 <= share <= 0.97


def test_intervals_of_too_few_and_of_equal_values():
    assert np.isnan(mean_interval(np.array([]))).all()
    assert np.isnan(mean_interval(np.array([0.1, 0.2, 0.3, np.nan, 0.4]))).all()
    assert mean_interval(np.full(5, 0.25)) == (0.25, 0.25)
    none = np.zeros(0, dtype=bool)
    assert np.isnan(share_interval(none)).all()
    assert np.isnan(share_difference_interval(none, none)).all()


@pytest.mark.parametrize(("lost", "won"), [(0.02, 0.05), (0.1, 0.1), (0.0, 0.3)])
def test_intervals_of_differences_of_shares_have_the_difference_often_enough(rng, lost, won):
    turn = rng.random((1000, 20))
    first = np.where(turn < lost, True, np.where(turn < lost + won, False, turn < 0.8))
    second = np.where(turn < lost, False, np.where(turn < lost + won, True, turn < 0.8))
    pairs = zip(first, second, strict=True)
    intervals = np.array([share_difference_interval(*pair) for pair in pairs])
    assert ((intervals[:, 0] <= won - lost) & (intervals[:, 1] >= won - lost)).mean() >= 0.95


def test_the_interval_of_a_difference_of_shares_by_hand():
    first = np.array([True, True, False, False, True, False])
    second = np.array([True, False, True, True, True, False])
    low, high = share_difference_interval(first, second)
    # One is lost and two are won, of six: with one more each, 2 and 3 of 8.
    half = stats.norm.ppf(0.975) * np.sqrt((5 / 8 - 1 / 64) / 8)
    np.testing.assert_allclose([low, high], [1 / 8 - half, 1 / 8 + half])
    assert share_difference_interval(second, first) == (-high, -low)
    wide = share_difference_interval(np.zeros(3, dtype=bool), np.ones(3, dtype=bool))
    assert wide.high == 1


@pytest.mark.parametrize("n_hits", [0, 3, 10])
def test_the_interval_of_accuracy_is_wilsons(make_scores, n_hits):
    predicted = np.arange(10) >= n_hits
    interval = make_scores(np.zeros(10), predicted=predicted).accuracy_interval
    expected = proportion_confint(n_hits, 10, method="wilson")
    np.testing.assert_allclose(interval, expected, atol=1e-12)


def test_without_any_correlation_means_are_nan_and_nothing_warns(make_scores, recwarn):
    scores = make_scores([np.nan, np.nan])
    assert np.isnan(scores.alignment)
    assert np.isnan(scores.interval).all()
    assert np.isnan(scores.by_class()["alignment"]).all()
    assert "alignment=nan" in repr(scores)
    assert not recwarn.list


def test_scores_that_do_not_fit_are_refused(make_scores):
    with pytest.raises(ValueError, match=r"dice has shape \(3,\), but spearman has 2 images"):
        make_scores([0.1, 0.2], dice=np.zeros(3))
    with pytest.raises(ValueError, match=r"fingerprints has shape \(1,\), but spearman has 2"):
        make_scores([0.1, 0.2], fingerprints=np.zeros(1, dtype=np.uint64))
    with pytest.raises(ValueError, match="human_ceiling is 2"):
        make_scores([0.1], human_ceiling=2.0)
    with pytest.raises(ValueError, match="confidence_level is 95"):
        make_scores([0.1], settings=EvaluationSettings(confidence_level=95))
    with pytest.raises(dataclasses.FrozenInstanceError):
        make_scores([0.1]).dice = np.ones(1)


def test_its_text_says_the_means(make_scores):
    text = repr(make_scores([0.1, 0.3]))
    assert text == (
        "AlignmentScores(n=2, alignment=0.400, spearman=0.200, accuracy=1.000, Saliency)"
    )

"""Means, intervals and tables of scores, by hand and by SciPy."""

import dataclasses

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from invert_captum.alignment.evaluation.alignment_scores import EvaluationSettings
from invert_captum.alignment.evaluation.mean_intervals import mean_interval, share_interval


def test_means_by_hand(make_scores):
    scores = make_scores(
        [0.1, 0.3, np.nan, 0.5],
        dice=[0.2, 0.4, 0.0, 0.2],
        iou=[0.1, 0.3, 0.0, 0.2],
        labels=[1, 1, 2, 2],
        predicted=[1, 2, 2, 2],
    )
    assert scores.alignment == pytest.approx(0.3 / 0.5)
    assert scores.accuracy == 0.75
    assert scores.correct.tolist() == [True, False, True, True]
    summary = scores.summary()
    assert summary["n"].to_dict() == {
        "alignment": 3,
        "spearman": 3,
        "dice": 4,
        "iou": 4,
        "accuracy": 4,
    }
    np.testing.assert_allclose(summary["mean"], [0.6, 0.3, 0.2, 0.15, 0.75])
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
    # The means of two values, each twice as likely to be mixed: both ends are the values.
    np.testing.assert_allclose(table.loc[3, ["low", "high"]].astype(float), [0.2, 0.6])
    assert table.loc[[0, 9], ["low", "high"]].isna().all(axis=None)


def test_the_interval_of_a_class_does_not_depend_on_the_others(make_scores, rng):
    values = rng.normal(0.3, 0.1, 30)
    labels = np.repeat([0, 1, 2], 10)
    whole = make_scores(values, labels=labels).by_class()
    alone = make_scores(values[10:20], labels=labels[10:20]).by_class()
    assert whole.iloc[1].tolist() == alone.iloc[0].tolist()


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


def test_intervals_of_nothing_and_of_equal_values():
    assert np.isnan(mean_interval(np.array([0.3]))).all()
    assert np.isnan(mean_interval(np.array([np.nan, 0.3]))).all()
    assert np.isnan(mean_interval(np.array([]))).all()
    assert mean_interval(np.full(4, 0.25)) == (0.25, 0.25)
    assert np.isnan(share_interval(np.zeros(0, dtype=bool))).all()


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

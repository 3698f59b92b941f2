"""Differences between concepts are those that SciPy and statsmodels find one by one."""

import numpy as np
import pytest
import torch
from scipy import sparse, stats
from statsmodels.stats.multitest import multipletests

import invert_captum as ic
from invert_captum import InvertCaptumWarning
from invert_captum.alignment.evaluation import group_differences
from invert_captum.alignment.evaluation.by_concept import alignment_by_concept


@pytest.fixture
def labels(rng):
    return rng.random((80, 5)) < [0.5, 0.3, 0.2, 0.5, 0.08]


@pytest.fixture
def scores(rng, labels):
    return np.tanh(rng.normal(0.3, 0.4, 80) + 0.5 * labels[:, 1] - 0.3 * labels[:, 3])


def by_scipy(scores, labels):
    rows = []
    for column in labels.T:
        inside, outside = scores[column], scores[~column]
        test = stats.mannwhitneyu(inside, outside)
        welch = stats.ttest_ind(inside, outside, equal_var=False).confidence_interval()
        auc = test.statistic / len(inside) / len(outside)
        means = inside.mean(), outside.mean()
        rows.append((*means, means[0] - means[1], welch.low, welch.high, auc, test.pvalue))
    return np.array(rows)


COLUMNS = ["mean_with", "mean_without", "difference", "low", "high", "auc", "p_value"]


@pytest.mark.parametrize("digits", [1, 12])
def test_each_row_is_what_scipy_finds(scores, labels, digits):
    # Few digits give ties; many none, so that small groups have the exact distribution.
    scores = scores.round(digits)
    assert labels[:, 4].sum() <= 8
    table = alignment_by_concept(scores, labels, min_samples=2)
    expected = by_scipy(scores, labels)[table["concept"].astype(int)]
    np.testing.assert_allclose(table[COLUMNS], expected, rtol=1e-9, atol=1e-12)
    assert table["difference"].is_monotonic_decreasing
    counts = labels.sum(0)[table["concept"].astype(int)]
    assert table["n_with"].tolist() == counts.tolist()
    assert (table["n_with"] + table["n_without"] == 80).all()


def test_many_small_groups_are_tested_in_blocks(monkeypatch, rng):
    labels = np.zeros((40, 12), dtype=bool)
    for column in range(12):
        labels[rng.choice(40, 3 + column % 3, replace=False), column] = True
    labels[:, 11] = ~labels[:, 0]
    scores = rng.normal(size=40)
    monkeypatch.setattr(group_differences, "_MOST_VALUES", 80)
    table = alignment_by_concept(scores, labels, min_samples=2)
    expected = by_scipy(scores, labels)[table["concept"].astype(int)]
    np.testing.assert_allclose(table[COLUMNS], expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("correction", ["holm", "fdr_bh"])
def test_p_values_are_adjusted_by_statsmodels(scores, labels, correction):
    table = alignment_by_concept(scores, labels, correction=correction, min_samples=2, alpha=0.1)
    rejected, adjusted, *_ = multipletests(table["p_value"], alpha=0.1, method=correction)
    np.testing.assert_allclose(table["p_adjusted"], adjusted)
    assert table["significant"].tolist() == rejected.tolist()
    assert table["significant"].any()


def test_every_kind_of_labels_gives_the_same(scores, labels):
    names = ["dog", "cat", "red", "big", "rare"]
    concepts = ic.ConceptSet(labels, names)
    table = alignment_by_concept(scores, concepts, min_samples=2)
    assert set(table["concept"]) == set(names)
    for same in (labels, sparse.csc_array(labels), torch.from_numpy(labels), labels.tolist()):
        other = alignment_by_concept(torch.from_numpy(scores), same, names=names, min_samples=2)
        assert other.equals(table)


def test_images_without_a_score_are_left_out(scores, labels):
    with_nan = scores.copy()
    with_nan[::7] = np.nan
    kept = ~np.isnan(with_nan)
    table = alignment_by_concept(with_nan, labels, min_samples=2)
    assert table.equals(alignment_by_concept(scores[kept], labels[kept], min_samples=2))


def test_rare_concepts_are_nan_and_do_not_count_for_the_correction(scores, labels):
    rare = labels.copy()
    rare[:, 4] = False
    rare[:4, 4] = True
    with pytest.warns(InvertCaptumWarning, match="1 of 5 concepts have fewer than 5 images"):
        table = alignment_by_concept(scores, rare)
    assert table["concept"].iloc[-1] == "4"
    assert table.iloc[-1][[*COLUMNS, "p_adjusted"]].isna().all()
    assert table.iloc[-1]["n_with"] == 4
    assert not table["significant"].iloc[-1]
    without = alignment_by_concept(scores, rare[:, :4])
    assert table.iloc[:4].equals(without)
    with pytest.warns(InvertCaptumWarning, match="5 of 5"):
        nothing = alignment_by_concept(scores, ~np.zeros_like(labels))
    assert nothing["difference"].isna().all()


def test_equal_scores_differ_in_nothing(labels):
    table = alignment_by_concept(np.full(80, 0.3), labels, min_samples=2)
    assert (table["difference"].abs() < 1e-12).all()
    assert (table["auc"] == 0.5).all()
    assert (table["p_value"] == 1).all()
    assert not table["significant"].any()


def test_bad_arguments_are_refused(scores, labels):
    def refused(error, message, given=scores, concepts=labels, **arguments):
        with pytest.raises(error, match=message):
            alignment_by_concept(given, concepts, **arguments)

    refused(ValueError, "concepts has 80 rows, scores has 79 images", scores[1:])
    refused(ValueError, r"concepts.take\(scores.rows\) of a ConceptSet", scores[1:])
    refused(ValueError, r"labels\[scores.rows\] of a matrix", scores[1:])
    refused(TypeError, "expected a boolean matrix", concepts=labels.astype(int))
    refused(ValueError, r"concepts has shape \(80,\)", concepts=labels[:, 0])
    refused(ValueError, r"scores is of shape \(80, 1\)", scores[:, None])
    refused(ValueError, "scores is infinite at 0", np.r_[np.inf, scores[1:]])
    refused(ValueError, "names has 1 entries, concepts has 5 columns", names=["dog"])
    refused(TypeError, "names is 'abcde'", names="abcde")
    refused(ValueError, "alpha is 0", alpha=0)
    refused(ValueError, "correction is 'none'", correction="none")
    refused(ValueError, "min_samples is 1", min_samples=1)
    refused(ValueError, "confidence_level is 95", confidence_level=95)

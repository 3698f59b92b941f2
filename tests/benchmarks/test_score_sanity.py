import numpy as np
import pytest

from benchmarks import score_sanity
from benchmarks.results import Report
from benchmarks.score_sanity import ALL_SCORES, ideal_trials, spoilt_labels, verdict

# What the paper's code prints for the frequencies .499, .1, .01 and .001: the average difference,
# over the score's range (theoretical_sanity_check.ipynb of Trustworthy-ML-Lab/Neuron_Eval; its
# "inverse AUC" and "inverse AUPRC" are our AUC and average precision). Its F1 and IoU take the
# neuron's own activity as the threshold.
PUBLISHED = {
    "auc": {
        "missing": [-0.1662, -0.0263, -0.0025, -0.0002],
        "extra": [-0.2498, -0.2500, -0.2500, -0.2497],
    },
    "correlation": {
        "missing": [-0.2111, -0.1559, -0.1474, -0.1470],
        "extra": [-0.4776, -0.1667, -0.1482, -0.1466],
    },
    "average_precision": {
        "missing": [-0.5000, -0.5001, -0.4996, -0.4997],
        "extra": [-0.0010, -0.4000, -0.4898, -0.4985],
    },
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_ideal_neurons_agree_with_the_paper(name, rng):
    score, full_range = ALL_SCORES[name], score_sanity.RANGES[name]
    values = np.array([[score(one) for one in trial] for trial in ideal_trials(100, rng)])
    by_frequency = values.reshape(len(score_sanity.FREQUENCIES), 100, 3).mean(axis=1)
    fell = (by_frequency[:4, 1:] - by_frequency[:4, :1]) / full_range
    published = np.transpose([PUBLISHED[name]["missing"], PUBLISHED[name]["extra"]])
    assert fell == pytest.approx(published, abs=2e-3)


@pytest.mark.parametrize(
    ("n_positives", "kept", "extended"), [(10, 5, 20), (7, 4, 14), (60, 30, 99)]
)
def test_spoilt_labels(n_positives, kept, extended, rng):
    mask = rng.permutation(100) < n_positives
    missing, extra = spoilt_labels(mask, rng)
    assert missing.sum() == kept
    assert extra.sum() == extended
    assert np.all(mask[missing])
    assert np.all(extra[mask])


def test_the_verdict_counts_what_fell():
    """Of ten trials nine fall with missing labels, one of them by too little; all with extra."""
    values = np.tile([0.5, 0.25, 0.4], (10, 1))
    values[0, 1], values[1, 1] = 0.6, 0.4995
    assert verdict(values, 1.0) == ["0.500", "80.0", "-38.0", "100.0", "-20.0", "no"]
    values[0, 1] = 0.25
    assert verdict(values, 1.0)[-1] == "yes"


def test_a_small_run_prints_and_saves(tmp_path, capsys):
    path = tmp_path / "score_sanity.json"
    score_sanity.main(["--repeats", "1", "--without-network", "--output", str(path)])
    report = Report.load(path)
    assert report.text() in capsys.readouterr().out
    (table,) = report.tables
    assert len(table.rows) == 4 * len(ALL_SCORES)
    by_row = {tuple(row[:2]): row for row in table.rows}
    # 60 %: the paper's own figure.
    assert by_row["ideal, 5 frequencies", "auc"][3] == "60.0"
    assert by_row["ideal, emoji", "correlation"][-1] == "yes"
    assert by_row["ideal, emoji", "standardised_mean_difference"][2] == "undefined"

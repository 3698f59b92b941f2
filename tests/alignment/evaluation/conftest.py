import numpy as np
import pytest

from invert_captum.alignment.evaluation.alignment_scores import AlignmentScores
from invert_captum.alignment.evaluation.evaluation_settings import EvaluationSettings


@pytest.fixture
def make_scores():
    """Scores of given numbers; what is not given is 0, and every prediction is right."""

    def make(spearman, *, n_resamples=999, **parts):
        spearman = np.asarray(spearman, dtype=np.float64)
        n = len(spearman)
        labels = np.asarray(parts.get("labels", np.zeros(n)), dtype=np.int64)
        given = {
            "dice": np.zeros(n),
            "iou": np.zeros(n),
            "predicted": labels,
            "rows": np.arange(n),
            "n_left_out": 0,
            "human_ceiling": 0.5,
            "settings": EvaluationSettings(n_resamples=n_resamples),
        }
        given |= {key: np.asarray(value) for key, value in parts.items() if key != "settings"}
        given["human_ceiling"] = float(given["human_ceiling"])
        given["settings"] = parts.get("settings", given["settings"])
        return AlignmentScores(spearman, **(given | {"labels": labels}))

    return make

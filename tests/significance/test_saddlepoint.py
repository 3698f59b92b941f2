import math

import numpy as np
import pytest

from invert_captum.significance import saddlepoint
from invert_captum.significance.draws import Draw
from invert_captum.significance.exact import exact_log_tail
from invert_captum.significance.saddlepoint import saddlepoint_log_tail
from invert_captum.significance.separation import Separation


def zeros(share):
    return lambda values: np.maximum(values - np.quantile(values, share), 0)


KINDS = {
    "continuous": lambda values: values,
    "half zero": zeros(0.5),
    "nine tenths zero": zeros(0.9),
    "relu6": lambda values: np.clip(values, 0, 1),
    "zero in the middle": lambda values: np.where(np.abs(values) < 0.1, 0, values),
    "one decimal": lambda values: np.round(values, 1),
}


def draw_of(values, n_positive, effect, seed=3):
    # Stable, so that ties come in the same order whatever NumPy and processor sort them.
    ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable") / len(values)
    rng = np.random.default_rng(seed)
    chosen = np.argsort(rng.gumbel(size=len(values)) + effect * ranks)[-n_positive:]
    mask = np.isin(np.arange(len(values)), chosen)
    draw = Draw.of(Separation.of(values, mask), upper=True)
    return draw if draw.above_mean else draw.opposite()


@pytest.mark.parametrize("effect", [0.0, 1.0, 3.0, 10.0])
@pytest.mark.parametrize("n_positive", [10, 20, 50])
@pytest.mark.parametrize("kind", KINDS)
def test_is_within_a_few_per_cent_of_the_exact_tail(kind, n_positive, effect):
    values = KINDS[kind](np.random.default_rng(4).normal(size=400))
    draw = draw_of(values, n_positive, effect)
    if draw.most > draw.least()[0]:
        exact = exact_log_tail(draw, budget=10**9)
        # Of two large groups of ties only one is counted sample by sample.
        tolerance = 0.1 if kind == "relu6" else 0.03
        assert math.exp(saddlepoint_log_tail(draw) - exact) == pytest.approx(1, abs=tolerance)


@pytest.mark.parametrize("effect", [0.1, 3.0, 30.0])
@pytest.mark.parametrize("kind", KINDS)
def test_pooling_groups_changes_nothing_that_matters(kind, effect, monkeypatch):
    values = KINDS[kind](np.random.default_rng(5).normal(size=6_000))
    draw = draw_of(values, 300, effect)
    pooled = saddlepoint_log_tail(draw)
    monkeypatch.setattr(saddlepoint, "MAX_GROUPS", 10**9)
    assert pooled == pytest.approx(saddlepoint_log_tail(draw), abs=0.01)


@pytest.mark.parametrize("kind", ["continuous", "half zero", "one decimal"])
def test_is_smooth_at_the_mean(kind):
    """The tail grows with the deficit also where the formula's terms are infinite."""
    values = KINDS[kind](np.random.default_rng(6).normal(size=400))
    draw = draw_of(values, 40, 0.0)
    mean = draw.n_drawn * draw.total // draw.n_samples
    deficits = np.arange(mean - 3_000, mean + 3_000, 100)
    tails = []
    for most in deficits.tolist():
        moved = Draw(
            draw.sizes, draw.deficits, draw.n_samples, draw.n_drawn, most, draw.total, draw.largest
        )
        tails.append(math.exp(saddlepoint_log_tail(moved)))
    steps = np.diff(tails)
    assert np.all(steps > 0)
    assert np.all(np.abs(np.diff(steps)) < 0.2 * steps[1:])

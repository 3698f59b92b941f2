import math
from fractions import Fraction

import numpy as np
import pytest

from invert_captum.significance.draws import Draw
from invert_captum.significance.exact import exact_log_tail
from invert_captum.significance.separation import Separation


def counted_log_tail(draw):
    """Count, with Python's integers, the choices whose deficit is at most that of the draw."""
    rows = [np.zeros(draw.most + 1, object) for _ in range(draw.n_drawn + 1)]
    rows[0][0] = 1
    for size, deficit in zip(draw.sizes.tolist(), draw.deficits.tolist(), strict=True):
        for j in range(draw.n_drawn, 0, -1):
            for m in range(1, min(size, j) + 1):
                if m * deficit <= draw.most:
                    added = math.comb(size, m) * rows[j - m][: draw.most + 1 - m * deficit]
                    rows[j][m * deficit :] = rows[j][m * deficit :] + added
    share = Fraction(sum(rows[-1].tolist()), math.comb(draw.n_samples, draw.n_drawn))
    return math.log(share.numerator) - math.log(share.denominator)


KINDS = {
    "continuous": lambda values: values,
    "relu": lambda values: np.maximum(values, 0.5),
    "relu6": lambda values: np.clip(values, 0, 1.2),
    "zero in the middle": lambda values: np.where(np.abs(values) < 1, 0, values),
    "levels": lambda values: np.round(2 * values),
    "few ties": lambda values: np.round(values, 1),
    "two values": lambda values: np.minimum(np.floor(values), 0),
}


@pytest.mark.parametrize("effect", [0.3, 2.0, 8.0])
@pytest.mark.parametrize("kind", KINDS)
def test_equals_counting_with_integers(kind, effect):
    rng = np.random.default_rng(1)
    for n_samples, n_positive in ((12, 3), (60, 9), (60, 40), (150, 6)):
        values = KINDS[kind](rng.normal(size=n_samples))
        chosen = np.argsort(rng.gumbel(size=n_samples) + effect * values)[-n_positive:]
        mask = np.isin(np.arange(n_samples), chosen)
        draw = Draw.of(Separation.of(values, mask), upper=True)
        draw = draw if draw.above_mean else draw.opposite()
        if draw.most > draw.least()[0]:
            assert exact_log_tail(draw) == pytest.approx(counted_log_tail(draw), abs=1e-11)


def gaussian_binomial_log_tail(draw):
    """Without ties, by multiplying and dividing polynomials with Python's integers."""
    u = draw.most // 2 - draw.n_drawn * (draw.n_drawn - 1) // 2
    ways = [1] + [0] * u
    for i in range(1, draw.n_drawn + 1):
        shift = draw.n_samples - draw.n_drawn + i
        for place in range(u, shift - 1, -1):
            ways[place] -= ways[place - shift]
        for place in range(i, u + 1):
            ways[place] += ways[place - i]
    return math.log(sum(ways)) - math.log(math.comb(draw.n_samples, draw.n_drawn))


@pytest.mark.parametrize("effect", [0.2, 3.0, 20.0, 80.0])
def test_keeps_its_accuracy_from_the_middle_to_the_far_tail(effect):
    """945 samples, 100 positives, log p from −3 to −300."""
    rng = np.random.default_rng(2)
    values = np.arange(945.0)
    chosen = np.argsort(rng.gumbel(size=945) + effect * values / 945)[-100:]
    draw = Draw.of(Separation.of(values, np.isin(values, chosen)), upper=True)
    expected = gaussian_binomial_log_tail(draw)
    assert exact_log_tail(draw, budget=10**9) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("n_positive", [170, 178, 181, 200])
def test_most_of_an_untied_run_drawn(n_positive):
    """181 samples above 6,000 zeros: nearly all of them drawn, where rows of choices shrink."""
    values = np.maximum(np.arange(6_181.0) - 5_999, 0)
    mask = np.zeros(6_181, bool)
    mask[-n_positive - 3 : -3] = True
    draw = Draw.of(Separation.of(values, mask), upper=True)
    assert exact_log_tail(draw) == pytest.approx(counted_by_number_of_zeros(draw), abs=1e-9)


def counted_by_number_of_zeros(draw):
    """Draw 0, 1, 2, … zeros, and the others from an untied run by counting with integers."""
    n_run, zeros_deficit = draw.n_samples - int(draw.sizes[-1]), int(draw.deficits[-1])
    ways = 0
    for zeros in range(draw.n_drawn + 1):
        m = draw.n_drawn - zeros
        u = (draw.most - zeros * zeros_deficit) // 2 - m * (m - 1) // 2
        if m <= n_run and u >= 0:
            ways += math.comb(6_000, zeros) * run_choices(m, n_run, u)
    return math.log(ways) - math.log(math.comb(draw.n_samples, draw.n_drawn))


def run_choices(m, n_run, u):
    """Count the choices of m out of a run whose places are together at most u too low."""
    u = min(u, m * (n_run - m))
    ways = [1] + [0] * u
    for i in range(1, min(m, n_run - m) + 1):
        shift = n_run - min(m, n_run - m) + i
        for place in range(u, shift - 1, -1):
            ways[place] -= ways[place - shift]
        for place in range(i, u + 1):
            ways[place] += ways[place - i]
    return sum(ways)


def test_gives_up_where_the_budget_does_not_suffice():
    values = np.arange(945.0)
    draw = Draw.of(Separation.of(values, values % 4 == 3), upper=True)
    assert exact_log_tail(draw, budget=10_000) is None

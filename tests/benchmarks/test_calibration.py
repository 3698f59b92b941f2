import numpy as np
import pytest
import scipy.stats
from sklearn.metrics import roc_auc_score

from benchmarks.calibration import __main__ as command_line
from benchmarks.calibration import demo, groups, methods, noise, power_tables, signal
from benchmarks.calibration import planted as planted_cells
from benchmarks.calibration.__main__ import main
from benchmarks.calibration.activations import KINDS, ZEROS, grouped_noise, planted
from benchmarks.calibration.activations import noise as draw_noise
from benchmarks.calibration.bands import binomial_band, share_at_most, shared_table_band
from benchmarks.calibration.emoji_labels import read_labels
from benchmarks.calibration.signal import CellPower
from benchmarks.results import Report
from invert_captum.significance import shared_null_p

PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def concepts():
    return read_labels().concepts


@pytest.fixture
def cell(concepts):
    return planted_cells.cells(concepts, 50)[0]


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("auc", [0.65, 0.85])
def test_planted_neurons_have_the_auc(rng, relu, auc):
    mask = np.arange(600) < 200
    activations = planted(mask, auc, 200, rng, relu=relu)
    measured = [roc_auc_score(mask, values) for values in activations.T]
    assert np.mean(measured) == pytest.approx(auc, abs=4 * np.std(measured) / len(measured) ** 0.5)
    assert (activations[~mask] == 0).mean() == pytest.approx(0.5 * relu, abs=0.02)


@pytest.mark.parametrize("kind", KINDS)
def test_noise_is_of_its_kind(kind):
    activations = draw_noise(kind, 1_000, 50, seed=3)
    assert activations.shape == (1_000, 50)
    n_different = len(np.unique(activations[:, 0]))
    if kind in ZEROS:
        assert (activations == 0).mean() == pytest.approx(ZEROS[kind], abs=0.01)
    elif kind == "16 levels":
        assert n_different == 16
        assert np.bincount(activations.ravel().astype(int)).min() > 0.9 * activations.size / 16
    else:
        assert n_different == 1_000
    assert np.array_equal(activations, draw_noise(kind, 1_000, 50, seed=3))
    assert not np.array_equal(activations, draw_noise(kind, 1_000, 50, seed=4))


def test_grouped_noise_is_constant_within_groups_only():
    codes = np.array([0, 1, 1, 2, 0, 2])
    values = grouped_noise("continuous", codes, 3, seed=0)
    assert np.array_equal(values[[0, 1, 3]], values[[4, 2, 5]])
    assert all(len(set(column)) == 3 for column in values.T)


def test_artificial_groups_are_runs_of_neighbours():
    emoji = read_labels().emoji
    codes = groups.artificial_groups(emoji, seed=0)
    sizes = np.sort(np.bincount(codes))
    assert sizes[1] >= 2
    assert sizes[-1] == 8
    n_categories = [
        len({emoji[i].category for i in np.flatnonzero(codes == g)}) for g in set(codes)
    ]
    assert np.mean(np.array(n_categories) == 1) > 0.95


def test_a_binomial_band_holds_99_of_100_shares():
    band, law = binomial_band(0.05, 2_000), scipy.stats.binom(2_000, 0.05)
    low, high = round(band.low * 2_000), round(band.high * 2_000)
    assert 0.99 <= law.cdf(high) - law.cdf(low - 1) < 0.994
    assert [band.place(share) for share in (0.03, 0.05, 0.07)] == ["below", "inside", "above"]


def test_the_band_of_a_shared_table_is_that_of_simulated_tables(rng):
    band, plain = shared_table_band(0.05, 500, 199), binomial_band(0.05, 500)
    shares = [
        share_at_most(shared_null_p(rng.random(500), rng.random(199)), 0.05) for _ in range(2_000)
    ]
    inside = np.mean([band.place(share) == "inside" for share in shares])
    assert inside == pytest.approx(0.99, abs=0.01)
    assert np.mean([plain.place(share) == "inside" for share in shares]) < 0.95
    error = (0.0475 / 199 + 0.0475 / 500) ** 0.5
    assert (band.high - band.low) / 2 == pytest.approx(2.576 * error, rel=0.05)


def test_a_table_too_short_for_the_level_has_no_band():
    with pytest.raises(ValueError, match=r"n_permutations is 998; expected at least 999"):
        shared_table_band(0.001, 10, 998)
    assert shared_table_band(0.001, 10, 999).high > 0


@pytest.mark.parametrize(
    ("promise", "places", "ties", "kept"),
    [
        ("exact", ["inside", "inside"], False, "yes"),
        ("exact", ["below", "inside"], False, "NO"),
        ("exact", ["below", "inside"], True, "yes"),
        ("exact", ["inside", "above"], True, "NO"),
        ("not above", ["below", "inside"], False, "yes"),
        ("not above", ["above", "inside"], False, "NO"),
        ("none", ["above", "above"], False, "no promise"),
    ],
)
def test_verdicts(promise, places, ties, kept):
    assert noise.verdict(promise, places, ties=ties) == kept


def test_the_normal_approximation_is_scipys(concepts):
    activations = draw_noise("ReLU, 50 % zeros", concepts.n_samples, 4, seed=0)
    result = methods.label(activations, concepts, methods.HOLD_OUT)
    found = methods.normal_p_values(result, activations, concepts)
    for neuron in range(4):
        inside = result[neuron][0].formula.evaluate(concepts) & result.heldout
        outside = result.heldout & ~inside
        values = activations[:, neuron]
        expected = scipy.stats.mannwhitneyu(
            values[inside], values[outside], alternative="greater", method="asymptotic"
        )
        assert found[neuron] == pytest.approx(expected.pvalue, rel=1e-9)
        assert methods.heldout_positives(result, concepts)[neuron] == inside.sum()


@pytest.mark.parametrize("target", planted_cells.FORMULAS)
def test_planted_formulas_are_of_their_size_and_need_all_literals(concepts, target):
    literals = {name: concepts[name] for name in concepts}
    for one in planted_cells.cells(concepts, target):
        assert 0.55 * target <= one.mask.sum() <= 1.45 * target
        same = [
            name
            for name, mask in literals.items()
            if np.array_equal(mask, one.mask) or np.array_equal(~mask, one.mask)
        ]
        assert same == ([str(one.formula)] if one.kind == planted_cells.SINGLE else [])
        assert one.names <= set(concepts.names)


def test_a_neuron_that_is_its_formula_is_recovered(concepts, cell):
    activations = np.column_stack([cell.mask, concepts["face"]]).astype(float)
    result = methods.label(activations, concepts, methods.HOLD_OUT, max_length=1)
    right, wrong = signal.recovery(result, [cell], concepts)
    assert right.tolist() == [1, 1, 1]
    other = concepts["face"]
    overlap = (other & cell.mask).sum() / (other | cell.mask).sum()
    assert wrong.tolist() == [0, overlap, 0]


def test_an_oracle_tests_the_samples_that_it_is_given(concepts, cell, rng):
    samples = rng.random(concepts.n_samples) < 0.5
    values = rng.standard_normal(concepts.n_samples)
    values[~samples] += 5 * cell.mask[~samples]
    (found,) = signal.oracle_p(values[:, np.newaxis], cell.mask, samples)
    inside, outside = values[samples & cell.mask], values[samples & ~cell.mask]
    expected = scipy.stats.mannwhitneyu(inside, outside, alternative="greater").pvalue
    assert found == pytest.approx(expected, rel=0.05)


def test_differences_are_paired_and_their_error_is_that_of_the_seeds(rng, cell):
    rejected = {name: rng.random((6, 50)) < 0.5 for name in ("one", "other")}
    measured = CellPower(cell, "binormal", rejected, {})
    gain, error = measured.difference("one", "other")
    assert gain == pytest.approx(measured.power("one") - measured.power("other"))
    by_seed = rejected["one"].mean(axis=1) - rejected["other"].mean(axis=1)
    assert error == pytest.approx(2 * scipy.stats.sem(by_seed))
    assert measured.difference("one", "one") == (0, 0)


def test_bars_are_missed_where_power_is_missing(concepts):
    one = planted_cells.cells(concepts, 200)[1]
    assert one.auc == 0.75
    found = np.ones((4, 5), bool)
    names = (power_tables.HOLD_OUT, power_tables.TWO_FOLDS, power_tables.CALIBRATED)

    def reached(rejected):
        table = power_tables.bar_table([CellPower(one, "binormal", rejected, {})])
        return [row[-1] for row in table.rows]

    assert reached(dict.fromkeys(names, found)) == ["yes", "yes"]
    assert reached(dict.fromkeys(names, found) | {names[1]: ~found}) == ["yes", "NO"]
    assert reached(dict.fromkeys(names, ~found)) == ["NO", "yes"]


def test_noise_is_named_in_sample_and_signal_by_all(concepts):
    pure = draw_noise("continuous", concepts.n_samples, 10, seed=0)
    in_sample = (methods.IN_SAMPLE, "holm")
    assert demo.named(pure, concepts, *in_sample)[1] >= 9
    plain = 3.0 * concepts["face"][:, np.newaxis] + pure
    for method, correction in demo.demo_methods(demo.QUICK):
        family, by_rate = demo.named(plain, concepts, method, correction)
        # With 99 permutations of its own Holm's correction can reject nothing.
        assert family == (0 if method.name == "permutation, own null" else 10)
        assert by_rate == (10 if correction == "holm" else None)


def test_quick_runs_print_save_and_draw(tmp_path, capsys):
    for name, n_tables in (("noise", 4), ("groups", 1), ("signal", 4), ("demo", 1)):
        main([name, "--quick", "--output", str(tmp_path)])
        report = Report.load(tmp_path / f"results/calibration_{name}.json")
        assert report.text() in capsys.readouterr().out
        assert report.command == f"python -m benchmarks.calibration {name} --quick"
        assert len(report.tables) == n_tables
        for image in report.images:
            assert (tmp_path / image).read_bytes().startswith(PNG)
    assert len(list((tmp_path / "images").iterdir())) == 2


def test_a_quick_run_without_a_folder_saves_nothing(monkeypatch):
    given = []
    monkeypatch.setattr(command_line, "run_study", lambda *words, **_: given.append(words[1]))
    main(["demo", "--quick"])
    main(["demo"])
    assert given == [None, command_line.HOME]
    assert (command_line.HOME / "results").is_dir()

import dataclasses
import json
import math

import numpy as np
import pandas as pd
import pytest

import invert_captum as ic
from invert_captum.result.packed_mask import pack_mask, unpack_mask

COLUMNS = """layer neuron rank formula length auc heldout_auc auc_low auc_high fraction n_positive
log10_p p_value p_adjusted significant interval statistic n_permutations p_extrapolated tail_fit
stability fold_formulas""".split()  # noqa: SIM905 - as the design has it


@pytest.fixture
def result(activations, concepts):
    return ic.label_neurons(activations, concepts, top_k=2)


@pytest.fixture
def with_bad_neuron(activations, concepts):
    bad = np.column_stack([activations, np.full(600, np.nan)])
    with pytest.warns(ic.InvertCaptumWarning, match="1 of 7"):
        return ic.label_neurons({"layer <b>": bad}, concepts)


def test_the_table_has_one_row_per_neuron_and_rank(result):
    frame = result.to_frame()
    assert list(frame.columns) == COLUMNS
    assert frame["neuron"].tolist() == [neuron for neuron in range(6) for _ in range(2)]
    assert frame["rank"].tolist() == [0, 1] * 6
    best, second = (frame[frame["rank"] == rank]["auc"].to_numpy() for rank in (0, 1))
    assert (best >= second).all()
    assert (frame["auc_low"] <= frame["heldout_auc"]).all()
    assert (frame["auc_high"] >= frame["heldout_auc"]).all()


def test_the_table_and_the_objects_say_the_same(result):
    for row, explanation in zip(
        result.to_frame().itertuples(index=False), result.explanations, strict=True
    ):
        for name in COLUMNS:
            value, cell = getattr(explanation, name), getattr(row, name)
            if value is None or (isinstance(value, float) and math.isnan(value)):
                assert pd.isna(cell)
            else:
                assert str(value) == str(cell)


def test_indexing_gives_the_explanations_best_first(result):
    assert len(result) == 6
    assert list(result) == result.keys() == list(range(6))
    assert [explanation.rank for explanation in result[3]] == [0, 1]
    with pytest.raises(KeyError, match="9 is not among the 6 labelled neurons"):
        result[9]
    result[3].clear()
    assert len(result[3]) == 2


def test_explanations_cannot_be_changed(result):
    with pytest.raises(dataclasses.FrozenInstanceError):
        result[0][0].auc = 1.0


def test_find_gives_the_neurons_that_encode_a_concept(activations, concepts):
    result = ic.label_neurons(activations, concepts, max_length=2)
    found = result.find("box")
    assert found[0].neuron == 1
    for explanation in result.explanations:
        positive = [str(one) for one in explanation.formula.literals()]
        assert (explanation in found) == ("box" in positive)
    heldout = [explanation.heldout_auc for explanation in found]
    assert heldout == sorted(heldout, reverse=True)


@pytest.mark.parametrize("sign", ["positive", "negative", "absolute_value"])
@pytest.mark.parametrize("significance", ["holdout", None])
def test_evidence_is_in_the_direction_of_the_claim(activations, concepts, sign, significance):
    result = ic.label_neurons(activations, concepts, sign=sign, significance=significance)
    for explanation in result.explanations:
        claimed = explanation.auc - 0.5
        score = explanation.heldout_auc if significance else explanation.auc
        expected = {"positive": score - 0.5, "negative": 0.5 - score}.get(
            sign, (score - 0.5) * np.sign(claimed)
        )
        assert result.evidence(explanation) == pytest.approx(expected, abs=1e-15)


def test_refuted_and_untested_labels_are_not_the_best(result):
    refuted = dataclasses.replace(result[0][0], heldout_auc=0.01)
    untested = dataclasses.replace(result[1][0], auc=1.0, heldout_auc=math.nan)
    confirmed = dataclasses.replace(result[2][0], heldout_auc=0.7)
    three = ic.LabelingResult((refuted, untested, confirmed), result.settings)
    assert repr(three).splitlines()[1].startswith("  neuron 2")
    assert repr(three).splitlines()[3].startswith("  neuron 1")
    rows = three._repr_html_().split("<tr")[2:]
    assert ["<td>2</td>" in rows[0], "<td>0</td>" in rows[1], "<td>1</td>" in rows[2]] == [True] * 3


def test_results_are_equal_if_what_they_save_is(activations, concepts, result):
    assert result == ic.label_neurons(activations, concepts, top_k=2)
    assert result != ic.label_neurons(activations, concepts, top_k=2, seed=1)
    assert result != dataclasses.replace(result, keyed_by_layer=True)
    assert result != 3


def test_find_names_what_is_near_an_unknown_concept(result):
    with pytest.raises(ValueError, match=r"concept is 'dgo', which was not searched.*'dog'"):
        result.find("dgo")


@pytest.mark.parametrize("significance", ["holdout", "in_sample", None])
def test_save_and_load_change_nothing(activations, concepts, significance, tmp_path):
    result = ic.label_neurons(activations, concepts, top_k=3, significance=significance)
    path = tmp_path / "result.anything"
    result.save(path)
    loaded = ic.LabelingResult.load(path)
    pd.testing.assert_frame_equal(loaded.to_frame(), result.to_frame(), check_exact=True)
    assert loaded.settings == result.settings
    assert [one.formula for one in loaded.explanations] == [
        one.formula for one in result.explanations
    ]
    loaded.save(tmp_path / "again")
    assert path.read_bytes() == (tmp_path / "again").read_bytes()
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".")] == []


def test_set_aside_neurons_survive_a_file(with_bad_neuron, tmp_path):
    with_bad_neuron.save(tmp_path / "result.json")
    loaded = ic.LabelingResult.load(tmp_path / "result.json")
    assert loaded[6][0].formula is None
    assert math.isnan(loaded[6][0].auc)
    assert loaded["layer <b>", 6] == loaded[6]
    text = (tmp_path / "result.json").read_text()
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def change(path, edit):
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda content: content.update(format="other"), "its format is not"),
        (lambda content: content.update(version=1), "its version is 1; this release reads"),
        (lambda content: content.pop("table"), "its 'table' is missing"),
        (lambda content: content["table"].pop("auc"), "the table has no column 'auc'"),
        (lambda content: content["table"]["auc"].pop(), "columns differ in length"),
        (lambda content: content["table"]["auc"].__setitem__(0, "1"), "column 'auc' holds '1'"),
        (lambda content: content["table"]["auc"].__setitem__(0, True), "column 'auc' holds True"),
        (lambda content: content["table"]["neuron"].__setitem__(0, -1), "'neuron' holds -1"),
        (lambda content: content["table"]["layer"].__setitem__(0, 1), "'layer' holds 1"),
        (lambda content: content["table"]["significant"].__setitem__(0, 1), "'significant' holds"),
        (lambda content: content["table"]["formula"].__setitem__(0, "a &"), "text is no formula"),
        (lambda content: content["table"]["auc"].__setitem__(0, 7.5), "column 'auc' holds 7.5"),
        (lambda content: content["table"]["p_value"].__setitem__(0, -3.0), "'p_value' holds -3.0"),
        (lambda content: content["table"]["log10_p"].__setitem__(0, 1.0), "'log10_p' holds 1.0"),
        (lambda content: content["table"]["auc"].__setitem__(0, float("inf")), "holds Infinity"),
        (lambda content: content["table"]["length"].__setitem__(0, 99), "the length 99"),
        (lambda content: content["table"]["rank"].__setitem__(0, 5), "rank 5 of neuron 0 out of"),
        (lambda content: content["table"]["n_positive"].__setitem__(0, 601), "601 positives"),
        (lambda content: content["table"]["formula"].__setitem__(0, "cow"), "the length"),
        (lambda content: content["settings"].update(concepts=["dog"]), "which settings lack"),
        (lambda content: content["settings"].pop("alpha"), "settings: alpha is None"),
        (lambda content: content["settings"].update(alpha="<script>"), "settings: alpha is '<scr"),
        (lambda content: content["settings"].update(sign="up"), "settings: sign is 'up'"),
        (lambda content: content["settings"].update(correction=[1]), "correction is [1]"),
        (lambda content: content.pop("keyed_by_layer"), "its 'keyed_by_layer' is missing"),
        (lambda content: content.update(keyed_by_layer=True), "its layers have no names"),
        (lambda content: content["table"]["auc"].__setitem__(0, None), "formula without an AUC"),
        (lambda content: [one.clear() for one in content["table"].values()], "the table is empty"),
        (
            lambda content: content["settings"]["concepts"].append("dog"),
            "concepts has a name twice",
        ),
        (lambda content: content["settings"].update(n_samples="9"), "settings: n_samples is '9'"),
        (lambda content: content["settings"].update(concepts=[1]), "concepts is not a list"),
        (lambda content: content["settings"].update(heldout="AAAA"), "which do not fit 600"),
        (lambda content: content["settings"].update(heldout="?"), "heldout is no base64"),
        (lambda content: content["settings"].update(heldout=3), "is not a readable"),
    ],
)
def test_a_damaged_file_is_refused(result, tmp_path, edit, message):
    path = tmp_path / "result.json"
    result.save(path)
    change(path, edit)
    with pytest.raises(
        ValueError, match=r"result\.json is not a readable labelling result"
    ) as error:
        ic.LabelingResult.load(path)
    assert message in str(error.value)


def test_numbers_that_overflow_are_refused(result, tmp_path):
    path = tmp_path / "result.json"
    result.save(path)
    first = json.loads(path.read_text())["table"]["log10_p"][0]
    path.write_text(path.read_text().replace(str(first), "-1e999", 1))
    with pytest.raises(ValueError, match="'log10_p' holds -inf"):
        ic.LabelingResult.load(path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_a_file_of_something_else_is_refused(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ValueError, match="file is not a readable labelling result"):
        ic.LabelingResult.load(tmp_path / "file")


def test_a_failed_save_leaves_the_old_file(result, tmp_path):
    path = tmp_path / "result.json"
    path.write_text("old")
    broken = dataclasses.replace(result, settings={**result.settings, "seed": object()})
    with pytest.raises(TypeError, match="not JSON serializable"):
        broken.save(path)
    assert path.read_text() == "old"
    with pytest.raises(FileNotFoundError):
        result.save(tmp_path / "missing" / "result.json")


@pytest.mark.parametrize("n_samples", [1, 7, 8, 9, 600])
def test_masks_round_trip(n_samples, rng):
    mask = rng.random(n_samples) < 0.5
    assert np.array_equal(unpack_mask(pack_mask(mask), n_samples), mask)


@pytest.mark.parametrize("sign", ["positive", "negative", "absolute_value"])
@pytest.mark.parametrize("significance", ["holdout", "in_sample", None])
def test_validate_accepts_what_was_labelled(activations, concepts, sign, significance):
    result = ic.label_neurons(activations, concepts, sign=sign, significance=significance, top_k=3)
    result.validate(activations, concepts)
    result.validate({"name": activations}, concepts)


def test_validate_refuses_other_data(result, activations, concepts):
    changed = activations.copy()
    row = np.flatnonzero(~result.heldout)[0]
    changed[row, 2] += 100 * (1 if changed[row, 2] < 0 else -1)
    with pytest.raises(ValueError, match=r"neuron 2, rank 0: auc of .* is .* in the result, but"):
        result.validate(changed, concepts)
    changed = activations.copy()
    changed[result.heldout, 3] *= -1
    with pytest.raises(ValueError, match="neuron 3, rank 0: heldout_auc of"):
        result.validate(changed, concepts)
    with pytest.raises(ValueError, match="activations has 5 neurons; the result has 5"):
        result.validate(activations[:, :5], concepts)
    with pytest.raises(ValueError, match="activations has 599 samples; the result is of 600"):
        result.validate(activations[1:], concepts)
    with pytest.raises(ValueError, match="concepts has 599 samples"):
        result.validate(activations, concepts.take(range(599)))
    with pytest.raises(ValueError, match="concepts has no 'rare', which the result was"):
        result.validate(activations, concepts.select([name for name in concepts if name != "rare"]))


def test_validate_names_a_missing_layer(activations, concepts):
    layers = {"a": activations[:, :2], "b": activations[:, 2:]}
    result = ic.label_neurons(layers, concepts)
    result.validate(layers, concepts)
    with pytest.raises(ValueError, match="activations has no layer 'b'"):
        result.validate({"a": activations[:, :2]}, concepts)


def test_validate_passes_over_set_aside_neurons(with_bad_neuron, activations, concepts):
    with_bad_neuron.validate(np.column_stack([activations, np.full(600, np.nan)]), concepts)


def test_repr_is_short_and_says_what_was_found(result, with_bad_neuron):
    lines = repr(result).splitlines()
    assert lines[0].startswith("LabelingResult: 6 neurons, ")
    assert "significant (holdout, holm, alpha=0.05)" in lines[0]
    assert len(lines) == 7
    assert "layer <b>[0]" in repr(with_bad_neuron)


def test_html_has_a_column_of_layers_only_where_there_are_layers(result, with_bad_neuron):
    assert "<th>layer</th>" in with_bad_neuron._repr_html_()
    assert "layer" not in result._repr_html_()
    assert "None" not in result._repr_html_()


def test_html_escapes_names(with_bad_neuron):
    html = with_bad_neuron._repr_html_()
    assert "layer &lt;b&gt;" in html
    assert "layer <b>" not in html
    assert "significant" in html
    odd = dataclasses.replace(
        with_bad_neuron, settings={**with_bad_neuron.settings, "correction": "<i>"}
    )
    assert "&lt;i&gt;" in odd._repr_html_()


def test_settings_tell_all_that_is_needed_to_repeat(result, concepts, activations):
    settings = result.settings
    for name in ("max_length", "beam_width", "seed", "sign", "correction", "min_positives"):
        assert name in settings
    assert settings["fingerprints"]["concepts"] == concepts.fingerprint
    assert set(settings["versions"]) >= {"invert-captum", "numpy", "scipy", "statsmodels"}
    again = ic.label_neurons(activations, concepts, top_k=2)
    assert again.settings == settings
    other = ic.label_neurons(activations + 1, concepts, top_k=2)
    assert other.settings["fingerprints"] != settings["fingerprints"]

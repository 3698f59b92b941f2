"""What is saved is read again, without pickle; anything else is refused with its path."""

import json

import numpy as np
import pytest

from invert_captum.alignment.evaluation.alignment_scores import AlignmentScores
from invert_captum.alignment.evaluation.evaluation_settings import EvaluationSettings

ARRAYS = ("spearman", "dice", "iou", "labels", "predicted", "rows")


@pytest.fixture
def scores(make_scores):
    settings = EvaluationSettings("Occlusion", "sum", 7.5, 0.9, np.int64(99), 3)
    return make_scores(
        [0.1, np.nan, 1 / 3], labels=[3, 1, 2], rows=[0, 4, 5], n_left_out=3,
        fingerprints=np.uint64([1, 2**64 - 1, 3]), settings=settings, human_ceiling=0.65753,
    )  # fmt: skip


@pytest.mark.parametrize("with_fingerprints", [True, False])
def test_what_is_saved_is_read(scores, make_scores, tmp_path, with_fingerprints):
    scores = scores if with_fingerprints else make_scores([0.1, 0.2])
    path = tmp_path / "scores.of.a.run"
    scores.save(path)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    read = AlignmentScores.load(str(path))
    for name in (*ARRAYS, "fingerprints")[: 7 if with_fingerprints else 6]:
        np.testing.assert_array_equal(getattr(read, name), getattr(scores, name))
        assert getattr(read, name).dtype == getattr(scores, name).dtype
    assert (read.fingerprints is not None) == with_fingerprints
    assert read.settings == scores.settings
    assert (read.human_ceiling, read.n_left_out) == (scores.human_ceiling, scores.n_left_out)
    assert read.summary().equals(scores.summary())


def test_a_failed_save_leaves_the_file(scores, tmp_path, monkeypatch):
    path = tmp_path / "scores.npz"
    scores.save(path)
    before = path.read_bytes()

    def fail(file, **_):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez_compressed", fail)
    with pytest.raises(OSError, match="disk full"):
        scores.save(path)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def text_of(arrays, **changes):
    text = json.loads(arrays["metadata"].tobytes()) | changes
    return np.frombuffer(json.dumps(text).encode(), dtype=np.uint8)


SETTINGS = {"attribution": "a", "channel_reduction": "sum", "percentile": 10}
SETTINGS |= {"confidence_level": 0.9, "n_resamples": 9, "seed": 0}
DAMAGES = {
    "missing": lambda one: one.pop("dice"),
    "type": lambda one: one.update(rows=one["rows"].astype(float)),
    "pickle": lambda one: one.update(dice=np.array([None] * 3)),
    "length": lambda one: one.update(dice=np.zeros(2)),
    "format": lambda one: one.update(metadata=text_of(one, format="other")),
    "version": lambda one: one.update(metadata=text_of(one, version=99)),
    "ceiling": lambda one: one.update(metadata=text_of(one, human_ceiling=7)),
    "count": lambda one: one.update(metadata=text_of(one, n_left_out=-1)),
    "settings": lambda one: one.update(metadata=text_of(one, settings={"seed": 0})),
    "reduction": lambda one: one.update(
        metadata=text_of(one, settings=SETTINGS | {"channel_reduction": "max"})
    ),
    "name": lambda one: one.update(metadata=text_of(one, settings=SETTINGS | {"attribution": 1})),
}
MESSAGES = {
    "missing": "it has no 'dice'",
    "type": "its rows is float64",
    "pickle": "allow_pickle=False",
    "length": r"dice has shape \(2,\)",
    "format": "does not name the format",
    "version": "it has version 99",
    "ceiling": "human_ceiling is 7",
    "count": "n_left_out is -1",
    "settings": "its settings are of 'seed'",
    "reduction": "channel_reduction is 'max'",
    "name": r"its attribution is 1 \(int\)",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_files_are_refused(scores, tmp_path, damage):
    path = tmp_path / "scores.npz"
    scores.save(path)
    with np.load(path) as archive:
        arrays = dict(archive)
    DAMAGES[damage](arrays)
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=MESSAGES[damage]) as error:
        AlignmentScores.load(path)
    assert str(path) in str(error.value)


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "scores.npz"
    path.write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"not a file that AlignmentScores.save has written"):
        AlignmentScores.load(path)
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(ValueError, match="it holds a single array"):
        AlignmentScores.load(tmp_path / "one.npy")
    with pytest.raises(FileNotFoundError):
        AlignmentScores.load(tmp_path / "none.npz")

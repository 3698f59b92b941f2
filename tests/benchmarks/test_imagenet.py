import importlib.metadata

import numpy as np
import pytest

from benchmarks.imagenet import class_concepts, imagenet_concepts, merge_equal
from benchmarks.wordnet import imagenet_offsets, read_nouns, with_hypernyms


@pytest.fixture(scope="module")
def nouns():
    return read_nouns()


@pytest.fixture(scope="module")
def by_class():
    return imagenet_concepts(by_sample=False, per_class=2)


@pytest.fixture(scope="module")
def by_sample():
    return imagenet_concepts(by_sample=True, per_class=2)


def test_wordnet_is_that_of_imagenet(nouns):
    offsets = imagenet_offsets()
    assert len(nouns) == 82_115  # WordNet 3.0, wnstats(7WN)
    assert len(set(offsets)) == 1_000
    assert [nouns[offset].lemma for offset in (offsets[0], offsets[1], offsets[-1])] == [
        "tench",
        "goldfish",
        "toilet_tissue",
    ]


def test_every_class_descends_from_entity(nouns):
    for offset in imagenet_offsets():
        above = with_hypernyms(offset, nouns)
        roots = [one for one in above if not nouns[one].hypernyms]
        assert [nouns[root].lemma for root in roots] == ["entity"]
        assert all(set(nouns[one].hypernyms) <= above for one in above)


def test_the_chain_above_a_class(nouns):
    tench = imagenet_offsets()[0]
    lemmas = {nouns[offset].lemma for offset in with_hypernyms(tench, nouns)}
    assert {"tench", "cyprinid", "fish", "vertebrate", "animal", "organism", "entity"} <= lemmas
    assert "dog" not in lemmas


def test_concepts_by_class():
    membership, names = class_concepts()
    assert membership.shape == (1_000, len(names)) == (1_000, 1_471)
    np.testing.assert_array_equal(membership[:, :1_000], np.eye(1_000, dtype=bool))
    sizes = membership[:, 1_000:].sum(axis=0)
    assert sizes.min() == 2
    assert sizes.max() < 1_000
    assert membership.sum(axis=1).mean() == pytest.approx(11.159)
    assert len(merge_equal(membership, names)[1]) == len({c.tobytes() for c in membership.T})


def test_dogs_are_dogs(by_class):
    # The 118 breeds of ImageNet are its classes 151 to 268.
    np.testing.assert_array_equal(np.flatnonzero(by_class["dog"]), np.arange(2 * 151, 2 * 269))


def test_samples_of_a_class_have_the_same_labels(by_class):
    rows = by_class.labels.toarray()
    assert by_class.n_samples == 2_000
    np.testing.assert_array_equal(rows[::2], rows[1::2])
    assert len(np.unique(rows, axis=0)) == 1_000


def test_labels_by_sample_differ_by_three_attributes(by_sample):
    rows = by_sample.labels.toarray()
    assert rows.shape == (2_000, 1_395 + 78)
    assert (rows[:, -78:].sum(axis=1) == 3).all()
    np.testing.assert_array_equal(rows[::2, :-78], rows[1::2, :-78])
    assert len(np.unique(rows, axis=0)) > 1_990
    assert rows.sum(axis=1).mean() == pytest.approx(13.045)


def test_shuffling_changes_only_the_order(by_class):
    shuffled = imagenet_concepts(by_sample=False, per_class=2, shuffled=True)
    rows, others = by_class.labels.toarray(), shuffled.labels.toarray()
    assert (rows != others).any()
    np.testing.assert_array_equal(np.unique(rows, axis=0), np.unique(others, axis=0))


def test_missing_wordnet_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("WNSEARCHDIR", str(tmp_path))
    with pytest.raises(RuntimeError, match="apt-get install wordnet-base"):
        read_nouns()


def test_missing_timm_says_what_to_install(monkeypatch):
    def no_distribution(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.distribution", no_distribution)
    with pytest.raises(RuntimeError, match="pip install timm"):
        imagenet_offsets()

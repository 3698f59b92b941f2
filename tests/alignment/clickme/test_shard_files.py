import pytest

from invert_captum.alignment.clickme.shard_files import shard_files


def fill(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"x")
    return folder


def names(folder, split=None):
    return [path.name for path in shard_files(folder, split)]


def test_published_names_are_sorted_by_number_and_taken_by_split(tmp_path):
    train = [f"train-{i}.tfrecords" for i in range(12)]
    val = [f"val-{i}.tfrecords" for i in range(2)]
    fill(tmp_path, *reversed(train), *val, "README.md", ".train-99.tfrecords")
    assert names(tmp_path, "train") == train
    assert names(tmp_path, "val") == val
    assert names(tmp_path) == train + val


def test_published_folders_are_entered(tmp_path):
    fill(tmp_path / "train", "train-0.tfrecords", "train-1.tfrecords")
    fill(tmp_path / "val", "val-0.tfrecords")
    assert names(tmp_path, "train") == ["train-0.tfrecords", "train-1.tfrecords"]
    with pytest.raises(ValueError, match="it holds 'train', 'val'"):
        shard_files(tmp_path, None)


def test_downloads_of_the_reference_are_found(tmp_path):
    fill(tmp_path, *(f"clickme_val_{i}" for i in range(11)), "clickme_notes")
    assert names(tmp_path, "val") == [f"clickme_val_{i}" for i in range(11)]


@pytest.mark.parametrize(
    ("there", "missing"),
    [
        (["train-0.tfrecord", "train-2.tfrecord"], "'train-1.tfrecord':"),
        (["train-1.tfrecord", "train-2.tfrecord", "train-4.tfrecord"], "'train-3.tfrecord':"),
        (["train-08.tfrecords", "train-10.tfrecords"], "'train-01.tfrecords', .* and 3 more:"),
        (["val-17.tfrecords"], "'val-1.tfrecords', .* and 11 more:"),
        (["clickme_train_0", "clickme_train_2"], "'clickme_train_1':"),
        (["a-000-of-003.tfrecord", "a-001-of-003.tfrecord"], "'a-002-of-003.tfrecord':"),
        (["own-20240101.tfrecord", "own-20260101.tfrecord"], "'own-1.tfrecord', .* more:"),
    ],
)
def test_missing_shard_is_named(tmp_path, there, missing):
    with pytest.raises(FileNotFoundError, match=f"lacks .*{missing}"):
        shard_files(fill(tmp_path, *there), None)


@pytest.mark.parametrize(
    "there",
    [
        ["train-0.tfrecords"],
        ["train-1.tfrecords", "train-2.tfrecords"],
        ["a-0-of-2.tfrecord", "a-1-of-2.tfrecord"],
        ["a-1-of-2.tfrecord", "a-2-of-2.tfrecord"],
        ["pixels-224.tfrecord"],
        ["clickme.tfrecord", "more.tfrecord"],
    ],
)
def test_whole_sequences_and_lone_files_are_taken(tmp_path, there):
    assert names(fill(tmp_path, *there)) == there


def test_gap_in_another_split_does_not_matter(tmp_path):
    fill(tmp_path, "train-0.tfrecords", "train-2.tfrecords", "val-0.tfrecords")
    assert names(tmp_path, "val") == ["val-0.tfrecords"]


def test_two_files_of_one_number_are_refused(tmp_path):
    fill(tmp_path, "train-0.tfrecord", "train-00.tfrecords")
    with pytest.raises(ValueError, match="expected one shard 0"):
        shard_files(tmp_path, None)


def test_folders_without_records_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"it is empty; expected names like 'train-0\.tfrecords'"):
        shard_files(tmp_path, None)
    fill(tmp_path, "train-0.tfrecords", "valid.tfrecords")
    with pytest.raises(ValueError, match="no TFRecord files of split 'val'"):
        shard_files(tmp_path, "val")

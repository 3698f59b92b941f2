import copy
import json
import pickle
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed
from torch.utils.data import DataLoader

from invert_captum._log import InvertCaptumWarning
from invert_captum.alignment.clickme.clickme_dataset import ClickMeDataset
from invert_captum.alignment.clickme.decoding import decode_record, parse_heatmap, parse_image
from invert_captum.alignment.clickme.tf_records import DamagedRecords, framed, read_records

REFERENCE = Path(__file__).parents[2] / "data" / "harmonization"
FACTS = json.loads((REFERENCE / "fixtures.json").read_text())["tfrecord"]
LABELS = FACTS["labels"]
WHOLE = REFERENCE / "clickme.tfrecord"
EDGE_GOOD = [7, 3, 9]


@pytest.fixture
def shards(tmp_path):
    """Files of 1, 3 and 2 records."""
    payloads = list(read_records(WHOLE))
    for number, part in enumerate((payloads[:1], payloads[1:4], payloads[4:])):
        content = b"".join(framed(payload) for payload in part)
        (tmp_path / f"train-{number}.tfrecords").write_bytes(content)
    return tmp_path


def labels(dataset):
    return [item.label for item in dataset]


def test_items_are_the_reference_chain_over_every_record():
    items = list(ClickMeDataset(WHOLE))
    for item, payload in zip(items, read_records(WHOLE), strict=True):
        record = decode_record(payload)
        assert torch.equal(item.image, parse_image(record.image))
        assert torch.equal(item.heatmap, parse_heatmap(record.heatmap))
        assert item.image.dtype == item.heatmap.dtype == torch.float32
        assert (item.label, item.token.item()) == (record.label, 1.0)
    assert [item.label for item in items] == LABELS


def test_paths_are_read_in_order(shards, tmp_path_factory):
    assert labels(ClickMeDataset(shards, "train")) == LABELS
    files = [shards / "train-2.tfrecords", str(shards / "train-0.tfrecords")]
    assert labels(ClickMeDataset(files)) == LABELS[4:] + LABELS[:1]
    assert ClickMeDataset([WHOLE, shards]).count_records() == 12


def test_size_and_transform():
    dataset = ClickMeDataset(WHOLE, size=96, transform=lambda image: image / 255)
    item = next(iter(dataset))
    assert item.image.shape == (3, 96, 96)
    assert item.heatmap.shape == (96, 96)
    assert item.image.max() <= 1 < item.heatmap.max()


@pytest.mark.parametrize("world_size", [1, 2, 4, 7])
def test_ranks_share_every_record_once_and_evenly(shards, world_size):
    parts = [
        labels(ClickMeDataset(shards, rank=rank, world_size=world_size))
        for rank in range(world_size)
    ]
    assert parts == [LABELS[rank::world_size] for rank in range(world_size)]


def test_stepping_over_a_record_does_not_decode_it(monkeypatch):
    decoded = []

    def watched(payload, n_classes):
        decoded.append(len(payload))
        return decode_record(payload, n_classes=n_classes)

    monkeypatch.setattr("invert_captum.alignment.clickme.record_file.decode_record", watched)
    labels(ClickMeDataset(WHOLE, rank=1, world_size=3))
    assert decoded == FACTS["record_payload_bytes"][1::3]


@pytest.fixture
def second_of_four(monkeypatch):
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: 1)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 4)


def test_running_processes_are_asked_for(shards, second_of_four):
    assert labels(ClickMeDataset(shards, size=8)) == LABELS[1::4]


def pickled(dataset):
    return pickle.loads(pickle.dumps(dataset))  # noqa: S301


@pytest.mark.parametrize("copied", [copy.deepcopy, pickled])
def test_copies_keep_nothing_of_the_process_that_made_them(
    shards, second_of_four, monkeypatch, copied
):
    """A copy that is sent to another rank, or is read after the run, has that one's part."""
    copy_of_all = copied(ClickMeDataset(shards, size=8))
    copy_of_part = copied(ClickMeDataset(shards, size=8, rank=2, world_size=3))
    monkeypatch.undo()
    assert labels(copy_of_all) == LABELS
    assert labels(copy_of_part) == LABELS[2::3]


def test_shuffled_order_depends_on_seed_and_epoch_alone(shards):
    def orders(seed):
        dataset = ClickMeDataset(shards, size=8, shuffle=4, seed=seed)
        for epoch in range(4):
            dataset.set_epoch(epoch)
            yield tuple(labels(dataset))

    first = list(orders(0))
    assert first == list(orders(0))
    assert len(set(first) | set(orders(1))) > 4
    assert all(sorted(order) == sorted(LABELS) for order in first)


def test_order_of_files_and_places_in_the_buffer_are_drawn_apart(tmp_path):
    """Drawn from one stream, two files of a row each would be swapped twice or never."""
    paths = [tmp_path / "first.npz", tmp_path / "second.npz"]
    for label, path in enumerate(paths):
        arrays = {"images": np.zeros((1, 1, 1, 3), np.uint8), "heatmaps": np.zeros((1, 1, 1))}
        np.savez(path, **arrays, labels=np.array([label]))
    orders = {
        tuple(labels(ClickMeDataset(paths, size=1, shuffle=2, seed=seed))) for seed in range(20)
    }
    assert orders == {(0, 1), (1, 0)}


def test_batches_of_tokens_are_float32():
    """Which every device has, as float64 has not."""
    batch = next(iter(DataLoader(ClickMeDataset(WHOLE, size=8), 2)))
    assert batch.token.dtype == batch.heatmap.dtype == torch.float32
    assert batch.token.tolist() == [1, 1]


def test_large_buffer_draws_every_place_alike(tmp_path):
    np.savez(
        tmp_path / "own.npz",
        images=np.zeros((4, 1, 1, 3), np.uint8),
        heatmaps=np.zeros((4, 1, 1)),
        labels=np.arange(4),
    )
    dataset = ClickMeDataset(tmp_path / "own.npz", size=1, shuffle=4)
    counts = np.zeros((4, 4))
    for epoch in range(400):
        dataset.set_epoch(epoch)
        counts[range(4), labels(dataset)] += 1
    # 100 expected in each cell, with a standard deviation below 9.
    assert np.abs(counts - 100).max() < 40


@pytest.mark.parametrize("shuffle", [None, 100])
@pytest.mark.parametrize(
    ("name", "n_good"),
    [("clickme_truncated.tfrecord", 3), ("clickme_corrupt_payload.tfrecord", 2)],
)
def test_damaged_files_are_refused_after_their_good_records(name, n_good, shuffle):
    found = []
    with pytest.raises(DamagedRecords, match=rf"{name}: record {n_good} \(from 0\)"):  # noqa: PT012
        for item in ClickMeDataset(REFERENCE / name, size=8, shuffle=shuffle):
            found.append(item.label)  # noqa: PERF401 - kept when the loop raises
    assert sorted(found) == sorted(LABELS[:n_good])


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_damage_can_be_left_out_with_one_warning(tmp_path, world_size):
    """The rest of the damaged file is lost to all readers, and the next file to none."""
    shutil.copy(REFERENCE / "clickme_corrupt_payload.tfrecord", tmp_path / "val-0.tfrecords")
    shutil.copy(WHOLE, tmp_path / "val-1.tfrecords")
    with pytest.warns(InvertCaptumWarning, match="are left out") as caught:
        found = Counter(
            label
            for rank in range(world_size)
            for label in labels(
                ClickMeDataset(
                    tmp_path, "val", size=8, rank=rank, world_size=world_size, on_damage="warn"
                )
            )
        )
    assert found == Counter(LABELS) + Counter(LABELS[:2])
    (warning,) = caught
    assert "val-0.tfrecords: record 2 (from 0): the checksum of its payload" in str(warning.message)
    assert "the rest of the file are left out" in str(warning.message)


@pytest.mark.parametrize("world_size", [1, 3])
def test_undecodable_records_alone_are_left_out(world_size):
    with pytest.warns(InvertCaptumWarning, match="it is left out") as caught:
        found = [
            label
            for rank in range(world_size)
            for label in labels(
                ClickMeDataset(
                    REFERENCE / "clickme_edge.tfrecord",
                    size=8,
                    rank=rank,
                    world_size=world_size,
                    on_damage="warn",
                )
            )
        ]
    assert Counter(found) == Counter(EDGE_GOOD)
    assert len(caught) == 19 - len(EDGE_GOOD)


def test_undecodable_record_is_refused_by_number():
    read = iter(ClickMeDataset(REFERENCE / "clickme_edge.tfrecord"))
    assert next(read).label == 7
    with pytest.raises(DamagedRecords, match=r"edge\.tfrecord: record 1 \(from 0\): .*'label'"):
        next(read)


def test_errors_of_a_transform_are_not_taken_for_damage():
    def refuse(image):
        raise ValueError("no")

    with pytest.raises(ValueError, match=r"^no$"):
        list(ClickMeDataset(WHOLE, transform=refuse, on_damage="warn"))


def test_unreadable_paths_are_refused(tmp_path):
    empty = tmp_path / "empty.tfrecord"
    empty.touch()
    for on_damage in ("raise", "warn"):
        with pytest.raises(DamagedRecords, match=r"empty\.tfrecord.*the file is empty"):
            ClickMeDataset(empty, on_damage=on_damage)
    with pytest.raises(FileNotFoundError, match="'absent' does not exist"):
        ClickMeDataset([WHOLE, "absent"])
    with pytest.raises(ValueError, match="paths is empty"):
        ClickMeDataset([])
    with pytest.raises(ValueError, match="leads twice to"):
        ClickMeDataset([WHOLE, REFERENCE / ".." / "harmonization" / "clickme.tfrecord"])
    with pytest.raises(ValueError, match="is a file; expected a folder, or no split"):
        ClickMeDataset(WHOLE, "train")
    with pytest.raises(TypeError, match="paths is 3"):
        ClickMeDataset(3)
    with pytest.raises(TypeError, match="paths has the entry 3"):
        ClickMeDataset([3])


def test_missing_shard_is_named(shards):
    (shards / "train-1.tfrecords").unlink()
    with pytest.raises(FileNotFoundError, match=r"lacks 'train-1\.tfrecords'"):
        ClickMeDataset(shards, "train")


@pytest.mark.parametrize(
    ("arguments", "error", "problem"),
    [
        ({"split": "training"}, ValueError, "split is 'training'; expected one of None, 'train'"),
        ({"on_damage": "skip"}, ValueError, "on_damage is 'skip'"),
        ({"transform": 3}, TypeError, "transform is of type int"),
        ({"size": 0}, ValueError, "size is 0"),
        ({"n_classes": 0}, ValueError, "n_classes is 0"),
        ({"rank": 0}, ValueError, "world_size is None; expected both or neither"),
        ({"world_size": 2}, ValueError, "rank is None"),
        ({"rank": 2, "world_size": 2}, ValueError, "rank is 2; expected it below world_size"),
        ({"rank": -1, "world_size": 2}, ValueError, "rank is -1"),
        ({"shuffle": 0}, ValueError, "shuffle is 0"),
        ({"shuffle": True}, TypeError, "shuffle is True"),
        ({"seed": -1}, ValueError, "seed is -1"),
    ],
)
def test_wrong_arguments_are_refused(arguments, error, problem):
    with pytest.raises(error, match=problem):
        ClickMeDataset(WHOLE, **arguments)


def test_epochs_are_counted_from_zero():
    with pytest.raises(ValueError, match="epoch is -1"):
        ClickMeDataset(WHOLE).set_epoch(-1)


def test_no_length_is_promised():
    assert not hasattr(ClickMeDataset, "__len__")

import copy
import json
import traceback
from collections import Counter
from pathlib import Path

import pytest
import torch.distributed
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from invert_captum.alignment.clickme.clickme_dataset import ClickMeDataset
from invert_captum.alignment.clickme.sources import Share
from invert_captum.alignment.clickme.tf_records import DamagedRecords, framed, read_records

REFERENCE = Path(__file__).parents[2] / "data" / "harmonization"
LABELS = json.loads((REFERENCE / "fixtures.json").read_text())["tfrecord"]["labels"]


@pytest.fixture
def shards(tmp_path):
    """Files of 1, 3 and 2 records."""
    payloads = list(read_records(REFERENCE / "clickme.tfrecord"))
    for number, part in enumerate((payloads[:1], payloads[1:4], payloads[4:])):
        content = b"".join(framed(payload) for payload in part)
        (tmp_path / f"train-{number}.tfrecords").write_bytes(content)
    return tmp_path


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(0, 200))
def test_every_record_falls_to_one_reader_and_workers_get_as_many(workers, n_records):
    """Whatever the number of workers, which may differ between ranks."""
    readers = Counter()
    for rank, n_workers in enumerate(workers):
        shares = [Share(rank, len(workers), i, n_workers) for i in range(n_workers)]
        held = [[i for i in range(n_records) if share.holds(i)] for share in shares]
        assert max(map(len, held)) - min(map(len, held)) <= 1
        readers.update(i for part in held for i in part)
    assert readers == Counter(range(n_records))


@pytest.mark.parametrize("n_workers", [1, 2])
@pytest.mark.parametrize("shuffle", [None, 2])
def test_workers_and_ranks_share_every_record_once(shards, n_workers, shuffle):
    found = Counter()
    for rank in range(2):
        dataset = ClickMeDataset(shards, rank=rank, world_size=2, shuffle=shuffle, size=8)
        for _, batch, _, _ in DataLoader(dataset, batch_size=2, num_workers=n_workers):
            found.update(batch.tolist())
    assert found == Counter(LABELS)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_that_stay_see_the_epoch_and_the_rank(shards, method, monkeypatch):
    """A spawned worker does not know of the parent's torch.distributed."""
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: 1)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    # A copy has to share its epoch with the workers as the first one does.
    dataset = copy.deepcopy(ClickMeDataset(shards, size=8, shuffle=6))
    loader = DataLoader(
        dataset,
        batch_size=None,
        num_workers=1,
        multiprocessing_context=method,
        persistent_workers=True,
    )
    orders = set()
    for epoch in range(5):
        dataset.set_epoch(epoch)
        order = [item.label for item in loader]
        assert order == [item.label for item in dataset]
        orders.add(tuple(order))
    assert len(orders) > 1


def test_damage_found_by_a_worker_names_file_and_record():
    dataset = ClickMeDataset(REFERENCE / "clickme_truncated.tfrecord", size=8)
    with pytest.raises(DamagedRecords, match=r"clickme_truncated\.tfrecord: record 3") as caught:
        list(DataLoader(dataset, batch_size=1, num_workers=1))
    # Left to the garbage collector, the worker is waited for 5 seconds.
    traceback.clear_frames(caught.tb)

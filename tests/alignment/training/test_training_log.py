import csv
import math

import numpy as np
import pytest
import torch
from tiny_training import batch, network

from invert_captum.alignment.training.harmonize import harmonize
from invert_captum.alignment.training.training_log import COLUMNS, TrainingLog


def test_the_file_reads_as_the_table_to_the_last_bit(tmp_path):
    model = network()
    path = tmp_path / "log.csv"
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1 / 3)
    log = harmonize(
        model,
        [batch(), batch(3)],
        optimizer,
        n_epochs=2,
        log=path,
        validate=lambda _: {"accuracy": 2 / 3, "nothing": math.nan},
    )
    with path.open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == list(log.columns) == [*COLUMNS, "accuracy", "nothing"]
    read = [[float(field or "nan") for field in row] for row in rows]
    np.testing.assert_array_equal(read, log.to_numpy(dtype=float))


def test_every_row_is_on_the_disk_before_the_next_batch(tmp_path):
    path = tmp_path / "log.csv"
    found = []

    def batches():
        for seed in range(3):
            found.append(len(path.read_text().splitlines()))
            yield batch(seed=seed)

    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    harmonize(model, batches(), optimizer, n_epochs=1, log=path)
    assert found == [1, 2, 3]


def test_an_earlier_log_is_not_overwritten(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("mine")
    model = network()
    before = model[0].weight.detach().clone()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(FileExistsError, match=r"log\.csv' exists"):
        harmonize(model, [batch()], optimizer, n_epochs=1, log=path)
    assert path.read_text() == "mine"
    assert torch.equal(model[0].weight, before)


def test_a_log_in_no_folder_is_refused_before_the_first_step(tmp_path):
    model = network()
    before = model[0].weight.detach().clone()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(FileNotFoundError, match="folder does not exist"):
        harmonize(model, [batch()], optimizer, n_epochs=1, log=tmp_path / "no" / "log.csv")
    assert torch.equal(model[0].weight, before)


def test_rows_come_back_from_a_tensor(tmp_path):
    log = TrainingLog(tmp_path / "a.csv", ["epoch", "step", "total"])
    log.start()
    log.append({"epoch": 1, "step": 1, "total": 0.1})
    log.append({"epoch": 1, "step": 1, "accuracy": math.inf})
    again = TrainingLog(tmp_path / "b.csv", log.columns, log.rows())
    again.start()
    assert (tmp_path / "b.csv").read_bytes() == (tmp_path / "a.csv").read_bytes()
    assert (tmp_path / "a.csv").read_text() == "epoch,step,total,accuracy\n1,1,0.1,\n1,1,,inf\n"

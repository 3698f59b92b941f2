from __future__ import annotations

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from invert_captum.report.explorer.model_inputs import ModelInputs

ROWS = torch.arange(12.0).reshape(6, 2)


@pytest.mark.parametrize(
    "source", [ROWS, TensorDataset(ROWS), TensorDataset(ROWS, torch.zeros(6)), (ROWS,)]
)
def test_rows_are_taken_in_the_order_asked_for(source):
    (taken,) = ModelInputs.of(source, None, 6).take([4, 0, 4])
    assert torch.equal(taken, ROWS[[4, 0, 4]])
    taken += 1
    assert torch.equal(ROWS, torch.arange(12.0).reshape(6, 2))


def test_several_inputs_and_further_arguments_are_cut_along():
    lengths = torch.arange(6)
    inputs = ModelInputs.of((ROWS, -ROWS), (lengths, "sum", torch.ones(3)), 6)
    assert [one.tolist() for one in inputs.take([5])] == [[[10, 11]], [[-10, -11]]]
    along, word, whole = inputs.take_further([5, 1])
    assert along.tolist() == [5, 1]
    assert word == "sum"
    assert len(whole) == 3


def test_what_cannot_be_looked_up_is_refused():
    with pytest.raises(TypeError, match="inputs is a DataLoader"):
        ModelInputs.of(DataLoader(TensorDataset(ROWS)), None, 6)
    with pytest.raises(TypeError, match="inputs is list"):
        ModelInputs.of(["a text"] * 6, None, 6)
    with pytest.raises(ValueError, match="inputs has 6 samples; the result is of 7"):
        ModelInputs.of(ROWS, None, 7)


def test_items_that_are_no_tensors_are_refused():
    class Words(torch.utils.data.Dataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            return {"ids": torch.zeros(2)}

    with pytest.raises(TypeError, match="inputs gives a mapping for sample 2; expected a tensor"):
        ModelInputs.of(Words(), None, 3).take([2])

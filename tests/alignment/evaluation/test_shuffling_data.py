"""Data that shuffles is warned of wherever that is said; a method of that name says nothing."""

import warnings

import numpy as np
import pytest
import torch
from torch.utils.data import ChainDataset, DataLoader, IterableDataset, Subset, TensorDataset

from invert_captum import InvertCaptumWarning
from invert_captum.alignment.clickme.clickme_dataset import ClickMeDataset
from invert_captum.alignment.clickme.writing import write_clickme
from invert_captum.alignment.evaluation.shuffling_data import warn_of_shuffling


class Stream(IterableDataset):
    def __init__(self, shuffle):
        self.shuffle = shuffle

    def __iter__(self):
        return iter(range(3))


class WithMethod(TensorDataset):
    def shuffle(self):
        return self


def test_a_data_set_that_shuffles_by_itself_is_warned_of():
    for data in (
        DataLoader(Stream(100)),
        DataLoader(Stream(True)),
        DataLoader(ChainDataset([Stream(None), Stream(1)])),
        DataLoader(Subset(Stream(100), [0])),
        Stream(100),
    ):
        with pytest.warns(InvertCaptumWarning, match=r"data shuffles \(its Stream has shuffle\)"):
            warn_of_shuffling(data)


def test_records_of_clickme_that_are_shuffled_are_warned_of(tmp_path):
    path = tmp_path / "own.tfrecords"
    write_clickme(path, [(np.zeros((256, 256, 3), dtype=np.uint8), np.eye(256), 1)])
    with pytest.warns(InvertCaptumWarning, match="its ClickMeDataset has shuffle"):
        warn_of_shuffling(DataLoader(ClickMeDataset(path, shuffle=100)))
    warn_of_shuffling(DataLoader(ClickMeDataset(path)))


def test_other_data_is_not():
    whole = Stream(None)
    whole.dataset = whole
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for data in (
            DataLoader(Stream(None)),
            DataLoader(Stream(0)),
            DataLoader(ChainDataset([Stream(False)])),
            DataLoader(WithMethod(torch.zeros(2))),
            whole,
            [torch.zeros(2)],
            3,
        ):
            warn_of_shuffling(data)

from __future__ import annotations

import pytest
import torch
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)

from invert_captum.activations.batches import (
    Batch,
    count_batches,
    count_samples,
    input_batches,
    keeps_order,
)

DATA = TensorDataset(torch.arange(10.0).unsqueeze(1), torch.arange(10))


class Stream(IterableDataset):
    def __iter__(self):
        return iter(torch.arange(7.0).unsqueeze(1))


class Reversing(BatchSampler):
    def __iter__(self):
        return iter(list(super().__iter__())[::-1])


class Backwards(SequentialSampler):
    def __iter__(self):
        return iter(range(10)[::-1])


class Given(torch.utils.data.Dataset):
    """Batches as given, for a loader with ``batch_size=None``."""

    def __init__(self, *batches):
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.batches[index]


def given(*batches, **options):
    return DataLoader(Given(*batches), batch_size=None, **options)


def rows(batches):
    return torch.cat([batch.positional[0] for batch in batches]).flatten().tolist()


@pytest.mark.parametrize("batch_size", [1, 3, 10, 11])
def test_whole_tensors_are_cut_with_all_that_is_aligned(batch_size):
    first, second = torch.randn(10, 2), torch.randn(10)
    fixed, aligned = torch.randn(4), torch.randn(10, 3)
    batches = list(input_batches((first, second), batch_size, (fixed, aligned, "flag")))
    assert len(batches) == count_batches((first, second), batch_size)
    assert all(batch.n_samples <= batch_size for batch in batches)
    columns = list(zip(*(batch.positional for batch in batches), strict=True))
    assert torch.equal(torch.cat(columns[0]), first)
    assert torch.equal(torch.cat(columns[1]), second)
    assert all(value is fixed for value in columns[2])
    assert torch.equal(torch.cat(columns[3]), aligned)
    assert set(columns[4]) == {"flag"}


def test_batches_of_loaders_may_have_several_forms():
    x = torch.randn(3, 2)
    forms = [x, (x,), [x, torch.zeros(3)], {"x": x, "flag": True}, ({"x": x}, torch.zeros(3))]
    for form in forms:
        (batch,) = input_batches(given(form), 64)
        value = batch.positional[0] if batch.positional else batch.keywords["x"]
        assert torch.equal(value, x)
        assert len(batch.positional) + len(batch.keywords) in (1, 2)
        assert batch.n_samples == 3


@pytest.mark.parametrize(
    "ids", [["a", "b", "c"], ("a", "b", "c"), [1, 2, 3], torch.tensor([1, 2, 3])]
)
def test_sample_ids_stand_in_a_mapping(ids):
    x = torch.randn(3, 2)
    expected = ["1", "2", "3"] if ids[0] == 1 else ["a", "b", "c"]
    for form in (
        {"x": x, "sample_ids": ids},
        (x, 0, {"sample_ids": ids}),
        [x, {"sample_ids": ids}],
    ):
        (batch,) = input_batches(given(form), 64)
        assert batch.sample_ids == expected
        assert "sample_ids" not in batch.keywords


ORDERED = {
    "plain": DataLoader(DATA, batch_size=3),
    "drop_last": DataLoader(DATA, batch_size=3, drop_last=True),
    "sampler": DataLoader(DATA, sampler=SequentialSampler(DATA), batch_size=4),
    "batch_sampler": DataLoader(
        DATA, batch_sampler=BatchSampler(SequentialSampler(DATA), 4, drop_last=True)
    ),
    "stream": DataLoader(Stream(), batch_size=3),
    "unbatched": given(torch.arange(3.0), torch.arange(3.0, 5)),
}
SHUFFLED = {
    "shuffle": DataLoader(DATA, batch_size=3, shuffle=True),
    "random": DataLoader(DATA, sampler=RandomSampler(DATA)),
    "weighted": DataLoader(DATA, sampler=WeightedRandomSampler([1.0] * 10, 10)),
    "subset": DataLoader(DATA, sampler=SubsetRandomSampler(range(5))),
    "list": DataLoader(DATA, sampler=[3, 1, 2]),
    "batch_sampler": DataLoader(DATA, batch_sampler=[[3, 1], [2, 0]]),
    "random_batches": DataLoader(DATA, batch_sampler=BatchSampler(RandomSampler(DATA), 4, False)),
    "reversing": DataLoader(DATA, batch_sampler=Reversing(SequentialSampler(DATA), 4, False)),
    "backwards": DataLoader(DATA, sampler=Backwards(DATA), batch_size=3),
    "unbatched": given(torch.arange(3.0), torch.arange(3.0, 5), shuffle=True),
}


@pytest.mark.parametrize("loader", ORDERED.values(), ids=ORDERED)
def test_ordered_loaders_are_read_in_order(loader):
    assert keeps_order(loader)
    values = rows(input_batches(loader, 64))
    assert values == sorted(values)
    assert count_samples(loader) in (None, len(values))


def test_sample_counts_that_are_known_beforehand():
    assert [count_samples(loader) for loader in ORDERED.values()] == [10, 9, 10, 8, None, None]
    assert count_samples(SHUFFLED["shuffle"]) is None


@pytest.mark.parametrize("loader", SHUFFLED.values(), ids=SHUFFLED)
def test_other_orders_are_refused_without_sample_ids(loader):
    assert not keeps_order(loader)
    with pytest.raises(ValueError, match=r"does not read its dataset in order.*shuffle=False"):
        next(input_batches(loader, 64))


def test_other_orders_are_taken_with_sample_ids():
    data = [(torch.tensor([float(i)]), {"sample_ids": f"n{i}"}) for i in range(10)]
    loader = DataLoader(data, batch_size=3, shuffle=True)
    batches = list(input_batches(loader, 64))
    ids = [one for batch in batches for one in batch.sample_ids]
    assert ids == [f"n{int(value)}" for value in rows(batches)]
    assert sorted(ids) == sorted(f"n{i}" for i in range(10))


def test_workers_out_of_order_are_refused():
    try:
        loader = DataLoader(DATA, num_workers=2, in_order=False)
    except TypeError:
        pytest.skip("this torch has no in_order")
    assert not keeps_order(loader)


X = torch.zeros(2, 1)


@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        ([X], TypeError, "inputs is list; expected a tensor, a tuple of tensors, or a torch.utils"),
        (X.numpy(), TypeError, "inputs is ndarray"),
        ((X, [1]), TypeError, "a tuple with list"),
        ((), ValueError, "empty tuple"),
        ((X, X[:1]), ValueError, r"\[2, 1\] rows"),
        (torch.tensor(1.0), ValueError, "without axes"),
        (X[:0], ValueError, "no samples"),
        (given("text"), TypeError, "type str with first item str"),
        (given([]), TypeError, "type list"),
        (given((X, {"sample_ids": [1]})), ValueError, "2 samples with 1 sample_ids"),
        (given((X, {"sample_ids": [1, 1]})), ValueError, "'1' twice"),
        (given((X, {"sample_ids": [1, 2]}), (X, {"sample_ids": [3, 1]})), ValueError, "'1' twice"),
        (given((X, {"sample_ids": [1.5, 2.0]})), TypeError, "holds 1.5; expected strings or int"),
        (given((X, {"sample_ids": [True, False]})), TypeError, "holds True"),
        (given((X, {"sample_ids": [1, 2]}), X), ValueError, "some batches only .not in batch 1"),
        (given(X, (X, {"sample_ids": [1, 2]})), ValueError, "some batches only .not in batch 0"),
        (given({"flag": True, "sample_ids": ["a"]}), TypeError, "without any tensor"),
    ],
)
def test_what_is_refused(inputs, error, message):
    with pytest.raises(error, match=message):
        list(input_batches(inputs, 64))


def test_keyword_batches_take_no_further_arguments_by_position():
    with pytest.raises(ValueError, match="additional_forward_args came with batches of keyword"):
        list(input_batches(given({"x": X}), 64, 1))


def test_tensors_move_inside_containers():
    batch = Batch((X, [X, "a"]), {"nested": {"deep": (X,)}}, ["a", "b"])
    moved = batch.to(torch.device("meta"))
    assert moved.positional[0].is_meta
    assert moved.positional[1][0].is_meta
    assert moved.keywords["nested"]["deep"][0].is_meta
    assert moved.sample_ids == ["a", "b"]

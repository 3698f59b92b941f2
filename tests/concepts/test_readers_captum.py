from __future__ import annotations

import numpy as np
import pytest
import torch
from captum.concept import Concept
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader, TensorDataset

from invert_captum.concepts import ConceptSet, from_captum


def pictures(*numbers: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.stack([torch.full((2, 3), number, dtype=dtype) for number in numbers])


@given(
    st.lists(st.lists(st.integers(0, 6), min_size=1, max_size=8), min_size=1, max_size=4),
    st.integers(1, 3),
    st.booleans(),
)
@settings(deadline=None, max_examples=40)
def test_every_input_carries_the_concepts_it_was_listed_under(
    members: list[list[int]], batch_size: int, shuffle: bool
) -> None:
    concepts = [
        Concept(i, f"c{i}", DataLoader(pictures(*numbers), batch_size=batch_size, shuffle=shuffle))
        for i, numbers in enumerate(members)
    ]
    inputs, read = from_captum(concepts)
    assert sorted(inputs[:, 0, 0].tolist()) == sorted(set().union(*members))
    for i, numbers in enumerate(members):
        assert set(inputs[read[f"c{i}"], 0, 0].tolist()) == set(numbers)


def test_inputs_come_in_the_order_in_which_they_were_listed() -> None:
    striped = Concept(0, "striped", [pictures(5, 3), pictures(5, 4)])
    zebra = Concept(1, "zebra", iter([pictures(4, 9)]))
    inputs, concepts = from_captum([striped, zebra])
    torch.testing.assert_close(inputs, pictures(5, 3, 4, 9), rtol=0, atol=0)
    expected = np.array([[True, False], [True, False], [True, True], [False, True]])
    assert concepts == ConceptSet(expected, ["striped", "zebra"])


def test_batches_may_be_tuples_or_lists_that_begin_with_the_inputs() -> None:
    dataset = TensorDataset(pictures(1, 2), torch.tensor([7, 8]))
    loader = DataLoader(dataset, batch_size=1)
    for batches in (loader, [(pictures(1, 2), "ignored")], [[pictures(1)], pictures(2)]):
        inputs, concepts = ConceptSet.from_captum([Concept(0, "a", batches)])
        assert torch.equal(inputs, pictures(1, 2))
        assert concepts["a"].all()


@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.bfloat16, torch.float16, torch.int64, torch.uint8, torch.bool]
)
def test_equal_inputs_are_found_for_every_dtype(dtype: torch.dtype) -> None:
    first, second = pictures(0, 1, dtype=dtype), pictures(1, dtype=dtype)
    inputs, concepts = from_captum([Concept(0, "a", [first]), Concept(1, "b", [second])])
    assert inputs.dtype == dtype
    assert concepts.labels.toarray().tolist() == [[True, False], [True, True]]


def test_memory_layout_does_not_hide_equal_inputs() -> None:
    batch = torch.arange(12.0).reshape(2, 2, 3)
    turned = batch.permute(2, 1, 0).contiguous().permute(2, 1, 0)
    assert not turned.is_contiguous()
    inputs, _ = from_captum([Concept(0, "a", [batch]), Concept(1, "b", [turned])])
    assert len(inputs) == 2


def test_single_numbers_and_empty_batches_are_inputs_too() -> None:
    numbers = torch.tensor([1.0, 2.0], requires_grad=True)
    inputs, concepts = from_captum([Concept(0, "a", [torch.empty(0), numbers])])
    assert inputs.tolist() == [1.0, 2.0]
    assert not inputs.requires_grad
    assert concepts.n_samples == 2


def test_inputs_do_not_share_memory_with_the_batches() -> None:
    batch = pictures(1, 2)
    inputs, _ = from_captum([Concept(0, "a", [batch])])
    batch.zero_()
    assert torch.equal(inputs, pictures(1, 2))


def test_progress_can_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    from_captum([Concept(0, "a", [pictures(1)])], show_progress=True)
    assert "Concepts" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("concepts", "error", "message"),
    [
        ([], ValueError, "concepts is empty; expected at least one"),
        ([3], TypeError, r"concepts\[0\] is a int; expected a captum\.concept\.Concept"),
        (Concept(0, "a", [pictures(1)]), TypeError, r"concepts is Concept\(0, 'a'\) \(Concept\)"),
        (
            [Concept(0, "a", [pictures(1)]), Concept(1, "a", [pictures(2)])],
            ValueError,
            "names has duplicates: 'a'",
        ),
        ([Concept(0, "", [pictures(1)])], ValueError, r"names\[0\] is ''"),
        ([Concept(0, "a", None)], ValueError, "data_iter is None for 'a'; expected an iterable"),
        ([Concept(0, "a", [])], ValueError, "the data_iter of concept 'a' yields no inputs"),
        ([Concept(0, "a", [{"x": 1}])], TypeError, "a batch of concept 'a' is a dict; expected a"),
        ([Concept(0, "a", [[]])], TypeError, "a batch of concept 'a' is a list; expected a"),
        ([Concept(0, "a", [torch.tensor(1)])], ValueError, "'a' is a single number; expected sh"),
        (
            [Concept(0, "a", [pictures(1)]), Concept(1, "b", [torch.zeros(1, 2, 2)])],
            ValueError,
            r"inputs of concept 'b' have shape \(2, 2\), .*; earlier inputs have shape \(2, 3\)",
        ),
        (
            [Concept(0, "a", [pictures(1), pictures(1, dtype=torch.int64)])],
            ValueError,
            r"inputs of concept 'a' have .*torch.int64 on cpu; earlier .*torch.float32 on cpu",
        ),
    ],
)
def test_other_concepts_are_refused(concepts: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        from_captum(concepts)

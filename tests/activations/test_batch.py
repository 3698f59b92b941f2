from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from invert_captum.activations.batch import Batch, batch_digest

X = torch.arange(12.0).reshape(3, 4)
Z = torch.tensor([1 + 2j])


@dataclass
class Boxes:
    tensor: torch.Tensor
    name: str


SAME = {
    "layout": (X, X.T.contiguous().T),
    "gradient": (X, X.clone().requires_grad_()),
    "view": (X[1:], X[1:].clone()),
    "bfloat16": (X.bfloat16(), X.bfloat16().clone()),
    "conjugate": (Z.conj(), Z.conj().resolve_conj()),
    "sparse": (X.to_sparse(), X),
    "scalar": (torch.tensor(1), torch.tensor(1)),
    "array": (X.numpy(), X.numpy().copy()),
    "data class": (Boxes(X, "a"), Boxes(X.clone(), "a")),
    "empty": (X[:0], X[:0].clone()),
}
OTHER = {
    "value": (X, X + 1),
    "sign of zero": (torch.zeros(1), -torch.zeros(1)),
    "shape": (X, X.reshape(4, 3)),
    "dtype": (torch.zeros(2), torch.zeros(2, dtype=torch.int32)),
    "number": (1, 2),
    "kind of number": (1, 1.0),
    "text": ("a", "b"),
    "none": (None, 0),
    "nested": ([X, [X]], [[X], X]),
    "names": ({"a": X}, {"b": X}),
    "data class": (Boxes(X, "a"), Boxes(X + 1, "a")),
    "dtypes": (torch.float16, torch.float32),
    "split": ((X, X), torch.cat([X, X])),
    "scalar of numpy": (np.float32(1), np.float32(2)),
}


def digest(value):
    return batch_digest(Batch((X, value)))


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME)
def test_equal_inputs_have_equal_digests(one, other):
    assert digest(one) == digest(other)


@pytest.mark.parametrize(("one", "other"), OTHER.values(), ids=OTHER)
def test_other_inputs_have_other_digests(one, other):
    assert digest(one) != digest(other)


def test_names_count_and_their_order_does_not():
    assert batch_digest(Batch((), {"x": X, "y": 1})) == batch_digest(Batch((), {"y": 1, "x": X}))
    assert batch_digest(Batch((X,))) != batch_digest(Batch((), {"x": X}))


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (object(), "object"),
        ([{"a": torch.nn.ReLU()}], "ReLU"),
        (Boxes, "type"),
        (np.array([None, 1]), "array of dtype object"),
        ({object(): 1}, "object"),
    ],
)
def test_what_cannot_be_told_from_others_is_refused(value, kind):
    with pytest.raises(TypeError, match=f"additional_forward_args holds {kind}, whose content"):
        digest(value)

from __future__ import annotations

from collections import namedtuple

import torch

from invert_captum.attr.fresh_arguments import fresh

Pair = namedtuple("Pair", "left right")


def test_tensors_anywhere_are_copied_and_detached():
    weight = torch.ones(2, requires_grad=True)
    given = (weight, [torch.ones(2)], {"mask": torch.ones(2), "names": ["dog"]}, 3, None)
    own = fresh(given)
    for tensor in (own[0], own[1][0], own[2]["mask"]):
        assert not tensor.requires_grad
        tensor.zero_()
    assert [given[0].sum(), given[1][0].sum(), given[2]["mask"].sum()] == [2, 2, 2]
    assert own[2]["names"] == ["dog"]
    assert own[3:] == (3, None)
    assert weight.requires_grad


def test_what_is_not_known_stays_itself():
    pair = Pair(torch.ones(1), 2)
    assert fresh(pair) is pair

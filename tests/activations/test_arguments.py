from __future__ import annotations

import pytest

from invert_captum.activations.arguments import split_arguments


def first(data, *, depth=1, verbose=False): ...


def second(data, *, width=1, verbose=False): ...


def greedy(data, **options): ...


def test_each_function_gets_its_own_and_both_get_the_common_ones():
    arguments = {"depth": 2, "width": 3, "verbose": True}
    assert split_arguments(arguments, first, second, reserved=("data",)) == [
        {"depth": 2, "verbose": True},
        {"width": 3, "verbose": True},
    ]


def test_unknown_and_reserved_names_are_refused_with_the_nearest_ones():
    with pytest.raises(TypeError, match="unexpected argument 'dept'; nearest names: 'depth'"):
        split_arguments({"dept": 2}, first, second)
    with pytest.raises(TypeError, match="unexpected argument 'data'"):
        split_arguments({"data": 2}, first, second, reserved=("data",))


def test_a_function_with_keywords_takes_the_rest():
    assert split_arguments({"depth": 2, "else": 3}, first, greedy) == [{"depth": 2}, {"else": 3}]

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp

from invert_captum.concepts import ConceptSet, from_dataframe


@given(hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=6)))
@settings(deadline=None, max_examples=30)
def test_every_way_to_say_true_and_false_gives_the_same_set(labels: np.ndarray) -> None:
    names = [f"c{i}" for i in range(labels.shape[1])]
    expected = ConceptSet(labels, names)
    frame = pd.DataFrame(labels, columns=names)
    for dtype in ("bool", "int8", "uint64", "float32", "boolean", "Int64", "object", "category"):
        assert from_dataframe(frame.astype(dtype)) == expected, dtype
    for dtype in ("Sparse[bool]", "Sparse[int]"):
        assert from_dataframe(frame.astype(dtype)) == expected, dtype
    assert ConceptSet.from_dataframe(frame) == expected


def test_object_columns_may_mix_booleans_and_numbers() -> None:
    frame = pd.DataFrame({"a": pd.Series([True, 0, np.True_, 1.0, np.int8(0)], dtype=object)})
    assert from_dataframe(frame)["a"].tolist() == [True, False, True, True, False]


def test_the_index_gives_sample_ids_unless_it_only_counts() -> None:
    frame = pd.DataFrame({"a": [1, 0, 1]})
    assert from_dataframe(frame).sample_ids is None
    assert from_dataframe(frame.iloc[1:]).sample_ids == ("1", "2")
    assert from_dataframe(frame.iloc[[2, 0]]).sample_ids == ("2", "0")
    assert from_dataframe(frame.set_axis(["x", "y", "z"])).sample_ids == ("x", "y", "z")


def test_a_column_gives_sample_ids() -> None:
    frame = pd.DataFrame({"a": [1, 0], "file": ["007", "8"], "b": [0, 1]}, index=["x", "y"])
    concepts = from_dataframe(frame, sample_id_column="file")
    assert concepts.names == ("a", "b")
    assert concepts.sample_ids == ("007", "8")


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([1, -1, 0], r"column 'a' has 1 values .*: -1 in row 1 \(rows count from 0\)"),
        ([1.0, np.nan, 0.5], r"has 2 values that are neither true nor false: nan in row 1, 0.5 in"),
        (["yes", "no", "1"], r"has 3 values .*: 'yes' in row 0, 'no' in row 1, '1' in row 2"),
        (pd.array([True, None, False], dtype="boolean"), r"1 values .*: <NA> in row 1"),
        (pd.array([1, None, 0], dtype="Int64"), r"1 values .*: <NA> in row 1"),
        ([True, None, False], r"1 values .*: None in row 1"),
        (pd.to_datetime(["2020", "2021", "2022"]), r"3 values .*in row 0"),
        ([2, 3, 4], r"3 values .*: 2 in row 0, 3 in row 1, 4 in row 2"),
    ],
)
def test_values_that_are_neither_are_refused(column: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_dataframe(pd.DataFrame({"good": [0, 1, 0], "a": column}))


@pytest.mark.parametrize(
    ("frame", "arguments", "error", "message"),
    [
        ({"a": [1]}, {}, TypeError, "frame is a dict; expected a pandas DataFrame"),
        (pd.DataFrame([[1, 0]]), {}, TypeError, "frame has the column label 0; expected strings"),
        (
            pd.DataFrame([[1, 0]], columns=["a", "a"]),
            {},
            ValueError,
            "frame has several columns named 'a'",
        ),
        (
            pd.DataFrame({"file": [1], "a": [1]}),
            {"sample_id_column": "fil"},
            ValueError,
            "sample_id_column is 'fil', which frame does not have; nearest columns: 'file'",
        ),
        (
            pd.DataFrame({"file": [1]}),
            {"sample_id_column": "file"},
            ValueError,
            "frame has no column for a concept",
        ),
        (
            pd.DataFrame({"file": ["x", "x"], "a": [0, 1]}),
            {"sample_id_column": "file"},
            ValueError,
            "sample_ids has duplicates: 'x'",
        ),
        (
            pd.DataFrame({"file": ["x", None], "a": [0, 1]}),
            {"sample_id_column": "file"},
            TypeError,
            r"sample_ids\[1\] is (nan|None)",
        ),
        (
            pd.DataFrame({"a": [1]}, index=pd.MultiIndex.from_tuples([("x", "y")])),
            {},
            TypeError,
            r"sample_ids\[0\] is \('x', 'y'\) \(tuple\)",
        ),
    ],
)
def test_other_frames_are_refused(
    frame: object, arguments: dict[str, str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        from_dataframe(frame, **arguments)

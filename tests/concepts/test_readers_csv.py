from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from invert_captum.concepts import ConceptSet, from_csv, from_dataframe

if TYPE_CHECKING:
    from pathlib import Path


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "animals.csv"
    path.write_bytes(text.encode(encoding))
    return path


texts = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1).filter(str.strip)


@given(data=st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_that_pandas_wrote_is_read(data: st.DataObject, tmp_path: Path) -> None:
    labels = data.draw(
        hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=5))
    )
    n, k = labels.shape
    names = data.draw(st.lists(texts, min_size=k + 1, max_size=k + 1, unique=True))
    ids = data.draw(st.lists(texts, min_size=n, max_size=n, unique=True))
    dtype = data.draw(st.sampled_from(["bool", "int", "float"]))
    frame = pd.DataFrame(
        labels.astype(dtype), columns=names[1:], index=pd.Index(ids, name=names[0])
    )
    frame.to_csv(tmp_path / "animals.csv")
    concepts = from_csv(tmp_path / "animals.csv")
    assert concepts == ConceptSet(labels, names[1:], sample_ids=ids)
    assert concepts == from_dataframe(frame)


def test_true_and_false_may_be_mixed_in_any_case(tmp_path: Path) -> None:
    path = written(tmp_path, "id,a\n1,TRUE\n2,false\n3,1\n4, 0\n5,True \n6,0.0\n")
    expected = [True, False, True, False, True, False]
    assert from_csv(path)["a"].tolist() == expected
    assert ConceptSet.from_csv(str(path))["a"].tolist() == expected


def test_ids_are_read_as_they_stand(tmp_path: Path) -> None:
    path = written(tmp_path, "id,a\n007,1\nNA,0\n1e3,0\n 8,1\n")
    assert from_csv(path).sample_ids == ("007", "NA", "1e3", " 8")


def test_the_id_column_can_be_named(tmp_path: Path) -> None:
    path = written(tmp_path, "a,id,b\n1,007,0\n0,008,1\n")
    concepts = from_csv(path, sample_id_column="id")
    assert concepts.names == ("a", "b")
    assert concepts.sample_ids == ("007", "008")
    np.testing.assert_array_equal(concepts.labels.toarray(), [[True, False], [False, True]])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_byte_order_marks_line_ends_and_blank_lines(
    tmp_path: Path, encoding: str, newline: str
) -> None:
    text = "\nid,犬\n\n1,1\n   \n2,0\n\n".replace("\n", newline)
    concepts = from_csv(written(tmp_path, text, encoding))
    assert concepts == ConceptSet(np.array([[True], [False]]), ["犬"], sample_ids=[1, 2])


def test_a_header_may_have_an_empty_name_for_the_ids(tmp_path: Path) -> None:
    assert from_csv(written(tmp_path, ",a\nx,1\n")).sample_ids == ("x",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty; expected a line of column names"),
        ("\n\n", "the file is empty"),
        ("id,a\n", "the file has no rows below the column names"),
        ("id\n1\n", "the first line is 'id'; expected the sample ids and at least one concept"),
        ("id\ta\n1\t0\n", r"the first line is 'id\\ta'; expected .* separated by commas"),
        ("id,a,a\n1,0,0\n", "several columns are named 'a'; expected one each"),
        ("a,a\n1,0\n", "several columns are named 'a'"),
        ("id,a,\n1,0,0\n", r"names\[1\] is ''; expected a name that is not empty"),
        ('id,"a\nb"\n1,0\n', r"names\[0\] is 'a\\nb'; expected no control"),
        ("id,a\n1,0\n2,\n", "line 3, column 'a' is empty; expected 0 or 1, or true or false"),
        ("id,a,b\n1,0,1\n2,0\n", "line 3, column 'b' is empty"),
        ("id,a\n1,0\n2,NA\n3,NA\n", r"line 3, column 'a' holds 'NA'; .*\(2 such cells"),
        ("id,a\n1,0\n\n2,-1\n", "line 4, column 'a' holds '-1'"),
        ('\nid,a\n"x\ny",0\n2,2\n', "line 5, column 'a' holds '2'"),
        ("id,a\n1,0.5\n", "line 2, column 'a' holds '0.5'"),
        ("id,a\n1,0,1\n2,0,1\n", "line 2 has 3 cells; expected one for each of 2 columns"),
        ("id,a\n1,0\n2,0,1\n", "Expected 2 fields in line 3, saw 3"),
        ("id,a\n1,0\n1,1\n", "column 'id', read as the sample ids .*: sample_ids has duplicates"),
        ("id,a\n1,0\n,1\n", r"column 'id', read as .*: sample_ids\[1\] is ''"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=rf"(?s)animals\.csv'.*{message}"):
        from_csv(written(tmp_path, text))


def test_an_unknown_id_column_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "file,a\n1,0\n")
    message = r"sample_id_column is 'fil', which the file does not have; nearest columns: 'file'"
    with pytest.raises(ValueError, match=message):
        from_csv(path, sample_id_column="fil")


def test_another_encoding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"animals\.csv' is not a UTF-8 text"):
        from_csv(written(tmp_path, "id,Hündin\n1,0\n", "latin-1"))


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        from_csv(tmp_path / "nothing.csv")

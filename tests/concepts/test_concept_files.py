from __future__ import annotations

import io
import json
import stat
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

from invert_captum.concepts import ConceptSet

LABELS = np.array([[True, False, True], [True, True, False], [False, False, False]])
CONCEPTS = ConceptSet(LABELS, ["dog", "puppy", "box"], ["a", "b", "c"], sample_ids=[1, 2, 3])

names = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1).filter(str.strip)


@st.composite
def concept_sets(draw: st.DrawFn) -> ConceptSet:
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=7))
    n, k = shape
    texts = st.lists(st.text(), min_size=k, max_size=k)
    ids = st.lists(st.text(min_size=1) | st.integers(), min_size=n, max_size=n, unique_by=str)
    return ConceptSet(
        draw(hnp.arrays(bool, shape)),
        draw(st.lists(names, min_size=k, max_size=k, unique=True)),
        draw(st.none() | texts),
        draw(st.none() | ids),
    )


@given(concepts=concept_sets())
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_saved_set_comes_back(concepts: ConceptSet, tmp_path: Path) -> None:
    path = tmp_path / "set"
    concepts.save(path)
    loaded = ConceptSet.load(str(path))
    assert loaded == concepts
    assert loaded.fingerprint == concepts.fingerprint
    first = path.read_bytes()
    loaded.save(path)
    assert path.read_bytes() == first


def test_the_bytes_do_not_depend_on_time_or_index_dtype(tmp_path: Path) -> None:
    narrow = sparse.csr_array(LABELS)
    wide = sparse.csr_array(
        (narrow.data, narrow.indices.astype(np.int64), narrow.indptr.astype(np.int64)),
        shape=narrow.shape,
    )
    ConceptSet(narrow, ["a", "b", "c"]).save(tmp_path / "narrow")
    ConceptSet(wide, ["a", "b", "c"]).save(tmp_path / "wide")
    assert (tmp_path / "narrow").read_bytes() == (tmp_path / "wide").read_bytes()
    with zipfile.ZipFile(tmp_path / "narrow") as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_the_path_is_used_as_given_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    CONCEPTS.save(tmp_path / "animals.concepts")
    CONCEPTS.save(str(tmp_path / "animals.concepts"))
    assert [path.name for path in tmp_path.iterdir()] == ["animals.concepts"]
    plain = tmp_path / "plain"
    plain.touch()
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert len(modes) == 1


def test_a_failed_save_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "animals.npz"
    CONCEPTS.save(path)

    def fail(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez_compressed", fail)
    with pytest.raises(OSError, match="disk full"):
        CONCEPTS.select([]).save(path)
    monkeypatch.undo()
    assert ConceptSet.load(path) == CONCEPTS
    assert [path.name for path in tmp_path.iterdir()] == ["animals.npz"]


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ConceptSet.load(tmp_path / "nothing.npz")
    with pytest.raises(FileNotFoundError):
        CONCEPTS.save(tmp_path / "no_folder" / "animals.npz")


def refused(path: Path, message: str = "") -> None:
    expected = rf"animals\.npz' is not a file that ConceptSet\.save has written: .*{message}"
    with pytest.raises(ValueError, match=expected):
        ConceptSet.load(path)


@pytest.mark.parametrize("content", [b"", b"dog,cat\n1,0\n", b"PK\x03\x04", b"\x80\x04K\x01."])
def test_a_foreign_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "animals.npz"
    path.write_bytes(content)
    refused(path)


def test_a_single_array_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "animals.npz"
    with path.open("wb") as file:
        np.save(file, LABELS)
    refused(path, "single array")


def test_another_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "animals.npz"
    np.savez(path, labels=LABELS)
    refused(path, "indptr")


def test_a_pickle_inside_is_not_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return (pytest.fail, ("the pickle was run",))

    path = tmp_path / "animals.npz"
    np.savez(path, indptr=np.array([Trap()], dtype=object))
    refused(path, "allow_pickle=False")


@pytest.fixture(scope="module")
def saved() -> bytes:
    return _bytes_of(CONCEPTS)


def _bytes_of(concepts: ConceptSet) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        concepts.save(Path(folder, "set"))
        return Path(folder, "set").read_bytes()


@given(data=st.data())
@settings(
    deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_damage_is_refused_or_harmless(data: st.DataObject, saved: bytes, tmp_path: Path) -> None:
    damaged = bytearray(saved)
    for position in data.draw(st.lists(st.integers(0, len(saved) - 1), min_size=1, max_size=4)):
        damaged[position] ^= data.draw(st.integers(1, 255))
    damaged = damaged[: data.draw(st.integers(0, len(saved)) | st.just(len(saved)))]
    path = tmp_path / "animals.npz"
    path.write_bytes(bytes(damaged))
    try:
        loaded = ConceptSet.load(path)
    except ValueError as error:
        assert "animals.npz" in str(error)  # noqa: PT017
    else:
        # Only bytes that carry no content, such as a file date, may change unnoticed.
        assert loaded == CONCEPTS


def parts() -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(_bytes_of(CONCEPTS))) as archive:
        return dict(archive)


def with_text(**changes: object) -> dict[str, np.ndarray]:
    text = json.loads(parts()["metadata"].tobytes())
    return {"metadata": np.frombuffer(json.dumps(text | changes).encode(), dtype=np.uint8)}


BIG = np.iinfo(np.int64).max


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (with_text(format="something else"), "does not name the format"),
        (with_text(version=2), "it has version 2 of the format"),
        (with_text(names=["a", "b"]), "names has 2 entries, labels has 3 columns"),
        (with_text(names=["a", "b", "a"]), "names has duplicates"),
        (with_text(names=["a", "b", "c\n"]), "control characters"),
        (with_text(names=None), "names is None"),
        (with_text(names="abc"), "names is 'abc'"),
        (with_text(descriptions=[1, 2, 3]), r"descriptions\[0\] is 1"),
        (with_text(sample_ids=["a", "b"]), "sample_ids has 2 entries, labels has 3 rows"),
        (with_text(sample_ids=["a", "b", "a"]), "sample_ids has duplicates"),
        ({"metadata": np.frombuffer(b"[1, 2]", dtype=np.uint8)}, "does not name the format"),
        ({"metadata": np.frombuffer(b"\xff\xfe", dtype=np.uint8)}, "utf-8"),
        ({"metadata": np.frombuffer(b"[" * 100_000, dtype=np.uint8)}, "recursion"),
        ({"metadata": np.array([1.0])}, "its metadata is float64"),
        ({"shape": np.array([3, 3, 3])}, r"its shape is \[3, 3, 3\]"),
        ({"shape": np.array([-1, 3])}, r"its shape is \[-1, 3\]"),
        ({"shape": np.array([3.0, 3.0])}, "its shape is float64"),
        ({"shape": np.array([BIG, 3])}, "its indptr does not divide"),
        ({"shape": np.array([3, 2])}, "its indices point outside its 2 concepts"),
        ({"shape": np.array([4, 3])}, "its indptr does not divide"),
        ({"indptr": np.array([0, 2, 4])}, "its indptr does not divide"),
        ({"indptr": np.array([0, 2, 4, 3])}, "its indptr does not divide"),
        ({"indptr": np.array([1, 2, 4, 4])}, "its indptr does not divide"),
        ({"indptr": np.array([0, 4, 2, 4])}, "its indptr does not divide"),
        ({"indptr": np.array([0, BIG, -2, 4])}, "its indptr does not divide"),
        ({"indptr": np.array([0, 100, -100, 4], dtype=np.int8)}, "its indptr does not divide"),
        ({"indptr": np.array([[0, 2, 4, 4]])}, r"its indptr is int64 of shape \(1, 4\)"),
        ({"indices": np.array([0, 3, 0, 1])}, "its indices point outside its 3 concepts"),
        ({"indices": np.array([-1, 2, 0, 1])}, "its indices point outside its 3 concepts"),
        ({"indices": np.array([2, 0, 0, 1])}, "its indices do not ascend"),
        ({"indices": np.array([0, 2, 1, 1])}, "its indices do not ascend"),
        ({"indices": np.array([0.0, 2, 0, 1])}, "its indices is float64"),
    ],
)
def test_inconsistent_parts_are_refused(
    tmp_path: Path, changes: dict[str, np.ndarray], message: str
) -> None:
    path = tmp_path / "animals.npz"
    np.savez(path, **(parts() | changes))
    refused(path, message)


def test_unchanged_parts_are_read(tmp_path: Path) -> None:
    path = tmp_path / "animals.npz"
    np.savez(path, **parts())
    assert ConceptSet.load(path) == CONCEPTS

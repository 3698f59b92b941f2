from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

from invert_captum.concepts import ConceptSet, UnknownConceptError

pytestmark = pytest.mark.filterwarnings("ignore:Sparse:UserWarning")

LABELS = np.array([[True, False, True], [True, True, False], [False, False, False]])
NAMES = ["dog", "puppy", "pencil box"]


def matrices(max_side: int = 8) -> st.SearchStrategy[np.ndarray]:
    shape = hnp.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=max_side)
    return hnp.arrays(bool, shape)


def numbered(labels: np.ndarray, prefix: str = "c", **arguments: object) -> ConceptSet:
    return ConceptSet(labels, [f"{prefix}{i}" for i in range(labels.shape[1])], **arguments)


def layouts(labels: np.ndarray) -> dict[str, object]:
    tensor = torch.from_numpy(labels.copy())
    forms: dict[str, object] = {
        "numpy": labels,
        "fortran": np.asfortranarray(labels),
        "strided": np.repeat(labels, 2, axis=1)[:, ::2],
        "torch": tensor,
        "torch_coo": tensor.to_sparse(),
        "torch_csr": tensor.to_sparse_csr(),
        "torch_csc": tensor.to_sparse_csc(),
    }
    for name in ("csr", "csc", "coo", "lil", "dok", "dia", "bsr"):
        forms[f"{name}_array"] = getattr(sparse, f"{name}_array")(labels)
        forms[f"{name}_matrix"] = getattr(sparse, f"{name}_matrix")(labels)
    return forms


@given(matrices().filter(lambda labels: labels.size > 0))
@settings(deadline=None, max_examples=40)
def test_every_layout_gives_the_same_set(labels: np.ndarray) -> None:
    expected = numbered(labels)
    for layout, form in layouts(labels).items():
        concepts = numbered(form)
        assert concepts == expected, layout
        assert concepts.fingerprint == expected.fingerprint, layout
        np.testing.assert_array_equal(concepts.labels.toarray(), labels)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_tensors_on_a_gpu_give_the_same_set() -> None:
    for tensor in (torch.from_numpy(LABELS), torch.from_numpy(LABELS).to_sparse()):
        assert ConceptSet(tensor.cuda(), NAMES) == ConceptSet(LABELS, NAMES)


@given(matrices())
def test_labels_are_canonical(labels: np.ndarray) -> None:
    stored = numbered(labels).labels
    assert isinstance(stored, sparse.csr_array)
    assert stored.dtype == np.bool_
    assert stored.nnz == labels.sum()
    assert all(np.all(np.diff(stored.indices[a:b]) > 0) for a, b in _row_bounds(stored))


def _row_bounds(matrix: sparse.csr_array) -> list[tuple[int, int]]:
    return list(zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True))


@pytest.mark.parametrize("values", [[True, True, True, False], [False, True, True, False]])
def test_repeated_and_explicit_entries_are_joined(values: list[bool]) -> None:
    rows, columns = np.array([0, 0, 1, 1]), np.array([1, 1, 0, 1])
    expected = ConceptSet(np.array([[False, True], [True, False]]), ["a", "b"])
    coo = sparse.coo_array((np.array(values), (rows, columns)), shape=(2, 2))
    csr = sparse.csr_array((np.array(values), columns, np.array([0, 2, 4])), shape=(2, 2))
    tensor = torch.sparse_coo_tensor(
        torch.from_numpy(np.stack([rows, columns])), torch.tensor(values), (2, 2)
    )
    for labels in (coo, csr, tensor):
        assert ConceptSet(labels, ["a", "b"]) == expected


def test_unsorted_and_wide_indices_give_the_same_fingerprint() -> None:
    narrow = sparse.csr_array(LABELS)
    wide = sparse.csr_array(
        (
            narrow.data[[1, 0, 3, 2]],
            narrow.indices[[1, 0, 3, 2]].astype(np.int64),
            narrow.indptr.astype(np.int64),
        ),
        shape=narrow.shape,
    )
    first, second = ConceptSet(narrow, NAMES), ConceptSet(wide, NAMES)
    assert first == second
    assert first.fingerprint == second.fingerprint
    assert first.labels.indices.dtype == second.labels.indices.dtype


def test_fingerprint_is_a_known_constant_and_tells_sets_apart() -> None:
    concepts = ConceptSet(LABELS, NAMES)
    assert len(concepts.fingerprint) == 64
    others = [
        ConceptSet(LABELS[:, [1, 0, 2]], NAMES),
        ConceptSet(LABELS, ["dog", "puppy", "box"]),
        ConceptSet(LABELS[:2], NAMES),
        ConceptSet(np.pad(LABELS, [(0, 0), (0, 1)]), [*NAMES, "cat"]),
    ]
    assert len({concepts.fingerprint, *(other.fingerprint for other in others)}) == 5


def test_the_callers_array_is_copied() -> None:
    for layout, form in layouts(LABELS.copy()).items():
        concepts = ConceptSet(form, NAMES)
        if layout in {"numpy", "torch", "lil_array", "dok_array"}:
            form[2, 0] = True
        elif layout in {"csr_array", "csr_matrix", "coo_array"}:
            form.data[:] = False
        assert concepts == ConceptSet(LABELS, NAMES), layout


def test_the_callers_sparse_array_is_left_as_it_was() -> None:
    labels = sparse.csr_array(
        (np.array([True, False, True]), np.array([2, 0, 2]), np.array([0, 3])), shape=(1, 3)
    )
    ConceptSet(labels, NAMES)
    assert labels.indices.tolist() == [2, 0, 2]
    assert labels.data.tolist() == [True, False, True]


def test_a_set_cannot_be_changed_through_its_labels() -> None:
    concepts = ConceptSet(LABELS, NAMES)
    fingerprint = ConceptSet(LABELS, NAMES).fingerprint
    for buffer in ("data", "indices", "indptr"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(concepts.labels, buffer)[0] = 0
    with pytest.raises(ValueError, match="read-only"):
        concepts.counts[0] = 7
    concepts.labels.resize((1, 3))
    assert concepts.n_samples == 3
    assert concepts.fingerprint == fingerprint
    with pytest.raises(AttributeError):
        concepts.names = ("a", "b", "c")


def test_a_set_reads_like_a_mapping() -> None:
    concepts = ConceptSet(LABELS, NAMES, descriptions=["a", "", "c\nd"], sample_ids=[7, "x", 9])
    assert (len(concepts), concepts.n_concepts, concepts.n_samples) == (3, 3, 3)
    assert list(concepts) == NAMES
    assert concepts.names == tuple(NAMES)
    assert concepts.descriptions == ("a", "", "c\nd")
    assert concepts.sample_ids == ("7", "x", "9")
    assert concepts.counts.tolist() == [2, 1, 1]
    assert concepts.counts.dtype == np.int64
    assert "dog" in concepts
    assert "cat" not in concepts
    assert 3 not in concepts
    assert repr(concepts) == "ConceptSet(3 samples, 3 concepts, 4 labels)"
    for column, name in enumerate(NAMES):
        assert concepts[name].dtype == np.bool_
        np.testing.assert_array_equal(concepts[name], LABELS[:, column])


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    concepts = ConceptSet(LABELS, NAMES)
    for error in (KeyError, ValueError, UnknownConceptError):
        with pytest.raises(error, match=r"^no concept is named 'pupy'; nearest names: 'puppy'$"):
            concepts["pupy"]
        with pytest.raises(error, match="no concept is named 'pupy'"):
            concepts.select(["dog", "pupy"])
    with pytest.raises(TypeError, match=r"name is 0 \(int\); expected a concept name"):
        concepts[0]


def test_the_error_for_an_unknown_name_can_be_sent_between_processes() -> None:
    error = UnknownConceptError("no concept is named 'x'")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301


def test_equality_looks_at_every_part() -> None:
    concepts = ConceptSet(LABELS, NAMES, sample_ids=[1, 2, 3])
    assert concepts == ConceptSet(LABELS, tuple(NAMES), sample_ids=["1", "2", "3"])
    assert concepts != ConceptSet(LABELS, NAMES)
    assert concepts != ConceptSet(~LABELS, NAMES, sample_ids=[1, 2, 3])
    assert concepts != ConceptSet(LABELS, NAMES, NAMES, sample_ids=[1, 2, 3])
    assert concepts != "concepts"
    with pytest.raises(TypeError, match="unhashable"):
        hash(concepts)


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["numpy", "torch", "torch_coo", "csr_array", "coo_matrix"])
def test_zeros_and_ones_are_refused_with_the_cast(layout: str) -> None:
    labels = layouts(LABELS)[layout]
    numeric = labels.to(torch.int64) if layout.startswith("torch") else labels.astype(np.int64)
    cast = r"labels\.bool\(\)" if layout.startswith("torch") else r"labels\.astype\(bool\)"
    message = rf"labels has dtype (torch\.)?int64 and only the values 0 and 1; .*pass {cast}"
    with pytest.raises(TypeError, match=message):
        ConceptSet(numeric, NAMES)


@pytest.mark.parametrize(
    "labels",
    [
        np.array([[-1, 0], [1, 0]]),
        sparse.csr_array(np.array([[-1, 0], [1, 0]])),
        torch.tensor([[-1, 0], [1, 0]]),
        torch.tensor([[-1, 0], [1, 0]]).to_sparse(),
    ],
    ids=["numpy", "scipy", "torch", "torch_coo"],
)
def test_three_valued_labels_are_refused_with_their_values(labels: object) -> None:
    with pytest.raises(TypeError, match=r"int64 and the values -1, 0, 1; expected dtype bool"):
        ConceptSet(labels, ["a", "b"])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.array([[0.0, np.nan]]), "float64 and the values 0.0, nan;"),
        (np.array([[0.5, 2.0]], dtype=np.float32), "float32 and the values 0.5, 2.0;"),
        (np.array([["yes", "no"]]), "values yes, no;"),
        (np.array([[True, None]]), "object and the values True, None;"),
        (np.array([[True, False]], dtype=object), r"object and only the values 0 and 1"),
        (np.arange(10).reshape(5, 2), "values 0, 1, 2, 3, 4, ...;"),
        (torch.tensor([[0.5, 1.0]], dtype=torch.bfloat16), "bfloat16 and the values 0.5, 1.0;"),
        (torch.tensor([[1j, 0]]), "complex64 and the values"),
        (sparse.csr_array(np.array([[2j, 0]])), "complex128 and the values"),
        ([[True, False]], "labels is a list; expected a boolean matrix"),
        (None, "labels is a NoneType; expected a boolean matrix"),
    ],
)
def test_other_labels_are_refused(labels: object, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        ConceptSet(labels, ["a", "b"])


def test_a_data_frame_is_pointed_at_its_reader() -> None:
    pandas = pytest.importorskip("pandas")
    with pytest.raises(TypeError, match=r"labels is a DataFrame; .*ConceptSet\.from_dataframe"):
        ConceptSet(pandas.DataFrame({"a": [True]}), ["a"])


def test_masked_labels_are_refused() -> None:
    labels = np.ma.array([[True, False]], mask=[[False, True]])
    with pytest.raises(ValueError, match="labels has masked entries"):
        ConceptSet(labels, ["a", "b"])
    assert ConceptSet(np.ma.array([[True, False]]), ["a", "b"]).counts.tolist() == [1, 0]


@pytest.mark.parametrize(
    "labels", [np.ones(3, bool), np.ones((1, 2, 3), bool), torch.ones(3, dtype=torch.bool)]
)
def test_labels_must_have_two_dimensions(labels: object) -> None:
    with pytest.raises(ValueError, match=r"labels has shape \(.*\); expected two dimensions"):
        ConceptSet(labels, NAMES)


def test_a_one_dimensional_sparse_array_is_refused() -> None:
    with pytest.raises(ValueError, match=r"labels has shape \(3,\); expected two dimensions"):
        ConceptSet(sparse.coo_array(np.ones(3, bool)), NAMES)


def test_sparse_labels_that_point_outside_are_refused() -> None:
    labels = sparse.csr_array(LABELS)
    labels.indices[0] = 5
    with pytest.raises(ValueError, match=r"must be < 3"):
        ConceptSet(labels, NAMES)


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [
        (["a", "b"], ValueError, "names has 2 entries, labels has 3 columns"),
        (["a", "b", "a"], ValueError, "names has duplicates: 'a'; expected unique"),
        (["a", "", "c"], ValueError, r"names\[1\] is ''; expected a name that is not empty"),
        (["a", " \u00a0", "c"], ValueError, r"names\[1\] is .*not empty"),
        (["a", "b\nc", "c"], ValueError, r"names\[1\] is 'b\\nc'; expected no control"),
        (["a", "b\u2028", "c"], ValueError, r"names\[1\] is .*expected no control"),
        (["a", "b", "\x00"], ValueError, r"names\[2\] is .*expected no control"),
        (["a", "b", "\ud800"], ValueError, r"names\[2\] is .*expected no control"),
        (["a", 1, "c"], TypeError, r"names\[1\] is 1 \(int\); expected a string"),
        (["a", None, "c"], TypeError, r"names\[1\] is None \(NoneType\); expected a string"),
        ("abc", TypeError, r"names is 'abc' \(str\); expected a sequence"),
        ({"a", "b", "c"}, TypeError, r"names is .*\(set\); expected a sequence"),
        ({"a": 1, "b": 2, "c": 3}, TypeError, r"names is .*\(dict\); expected a sequence"),
        (None, TypeError, r"names is None \(NoneType\); expected a sequence"),
        (np.array("abc"), TypeError, r"names is .*\(ndarray\); expected a sequence"),
    ],
)
def test_unusable_names_are_refused(names: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        ConceptSet(LABELS, names)


def test_names_may_be_any_text() -> None:
    names = ['say "hi" & ~bye', "犬 🐶", " padded  "]
    assert ConceptSet(LABELS, np.array(names)).names == tuple(names)


def test_many_duplicates_are_counted() -> None:
    names = [f"n{i}" for i in range(8)] * 2
    with pytest.raises(ValueError, match=r"'n0', 'n1', 'n2', 'n3', 'n4' and 3 more"):
        ConceptSet(np.ones((1, 16), bool), names)


@pytest.mark.parametrize(
    ("descriptions", "error", "message"),
    [
        (["a"], ValueError, "descriptions has 1 entries, labels has 3 columns"),
        (["a", None, "b"], TypeError, r"descriptions\[1\] is None \(NoneType\); expected a string"),
        ("abc", TypeError, r"descriptions is 'abc' \(str\); expected a sequence"),
    ],
)
def test_unusable_descriptions_are_refused(
    descriptions: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        ConceptSet(LABELS, NAMES, descriptions=descriptions)


@pytest.mark.parametrize(
    ("sample_ids", "error", "message"),
    [
        ([1, 2], ValueError, "sample_ids has 2 entries, labels has 3 rows"),
        ([1, 2, "1"], ValueError, "sample_ids has duplicates: '1'"),
        (["a", "", "b"], ValueError, r"sample_ids\[1\] is ''; expected an id that is not empty"),
        ([1, 2.0, 3], TypeError, r"sample_ids\[1\] is 2.0 \(float\); expected a string or an int"),
        ([1, True, 3], TypeError, r"sample_ids\[1\] is True \(bool\); expected"),
        (np.array([[1], [2], [3]]), TypeError, r"sample_ids\[0\] is \[1\] \(list\); expected"),
        ("abc", TypeError, r"sample_ids is 'abc' \(str\); expected a sequence"),
    ],
)
def test_unusable_sample_ids_are_refused(
    sample_ids: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        ConceptSet(LABELS, NAMES, sample_ids=sample_ids)


@pytest.mark.parametrize(
    "sample_ids",
    [
        [3, 1, 2],
        np.array([3, 1, 2], dtype=np.uint8),
        torch.tensor([3, 1, 2]),
        (np.int64(i) for i in (3, 1, 2)),
        np.array(["3", "1", "2"]),
    ],
    ids=["list", "numpy", "torch", "generator", "strings"],
)
def test_sample_ids_are_kept_as_strings(sample_ids: object) -> None:
    assert ConceptSet(LABELS, NAMES, sample_ids=sample_ids).sample_ids == ("3", "1", "2")


# --- parts ----------------------------------------------------------------------------------------


@given(matrices(), st.data())
def test_select_takes_columns_in_the_order_given(labels: np.ndarray, data: st.DataObject) -> None:
    concepts = numbered(labels)
    columns = data.draw(st.permutations(range(labels.shape[1])))
    columns = columns[: data.draw(st.integers(0, len(columns)))]
    selected = concepts.select([concepts.names[column] for column in columns])
    assert selected.names == tuple(f"c{column}" for column in columns)
    np.testing.assert_array_equal(selected.labels.toarray(), labels[:, columns])


def test_select_keeps_descriptions_and_sample_ids() -> None:
    concepts = ConceptSet(LABELS, NAMES, ["1", "2", "3"], sample_ids=["x", "y", "z"])
    selected = concepts.select(("pencil box", "dog"))
    assert selected.descriptions == ("3", "1")
    assert selected.sample_ids == ("x", "y", "z")


def test_select_refuses_a_single_string_and_repeats() -> None:
    concepts = ConceptSet(LABELS, NAMES)
    with pytest.raises(TypeError, match=r"names is 'dog' \(str\); expected a sequence"):
        concepts.select("dog")
    with pytest.raises(ValueError, match="names has duplicates: 'dog'"):
        concepts.select(["dog", "dog"])


@given(matrices(), st.integers(0, 9), st.fractions(0, 1, max_denominator=100))
def test_filter_is_inclusive(labels: np.ndarray, fewest: int, most: object) -> None:
    kept = numbered(labels).filter(min_positives=fewest, max_fraction=float(most))
    counts = labels.sum(axis=0)
    expected = [
        f"c{i}" for i, count in enumerate(counts) if fewest <= count <= most * labels.shape[0]
    ]
    assert list(kept) == expected


def test_filter_forgives_the_rounding_of_the_product() -> None:
    assert 0.29 * 100 < 29
    labels = (np.arange(100) < 29)[:, None]
    assert len(ConceptSet(labels, ["a"]).filter(max_fraction=0.29)) == 1


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"min_positives": -1}, ValueError, "min_positives is -1"),
        ({"min_positives": 1.5}, TypeError, "min_positives is 1.5"),
        ({"max_fraction": 1.5}, ValueError, "max_fraction is 1.5"),
        ({"max_fraction": "half"}, TypeError, "max_fraction is 'half'"),
    ],
)
def test_filter_refuses_impossible_limits(
    arguments: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        ConceptSet(LABELS, NAMES).filter(**arguments)


@given(matrices().filter(lambda labels: len(labels) > 0), st.data())
def test_take_is_row_indexing(labels: np.ndarray, data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.integers(0, len(labels) - 1)))
    for form in (rows, np.array(rows, dtype=np.int64), torch.tensor(rows, dtype=torch.int64)):
        taken = numbered(labels).take(form)
        np.testing.assert_array_equal(taken.labels.toarray(), labels[np.array(rows, dtype=int)])
    mask = data.draw(hnp.arrays(bool, len(labels)))
    ids = np.arange(len(labels))
    for form in (mask, mask.tolist(), torch.from_numpy(mask)):
        masked = numbered(labels, sample_ids=ids).take(form)
        np.testing.assert_array_equal(masked.labels.toarray(), labels[mask])
        assert masked.sample_ids == tuple(map(str, ids[mask]))


@pytest.mark.parametrize(
    ("sample_indices", "error", "message"),
    [
        ([0, 3], ValueError, r"sample_indices has 3, out of range; expected row numbers from 0"),
        ([-1], ValueError, "sample_indices has -1, out of range"),
        ([[0, 1]], ValueError, r"sample_indices has shape \(1, 2\); expected one dimension"),
        (1, ValueError, r"sample_indices has shape \(\); expected one dimension"),
        ([0.0], TypeError, "sample_indices has dtype float64; expected integers or booleans"),
        (["a"], TypeError, "sample_indices has dtype <U1"),
        ([True], ValueError, "sample_indices is a mask of length 1; .* each of the 3 samples"),
        ([0, 1, 0], ValueError, "sample_indices repeats 0; expected each row at most once"),
    ],
)
def test_take_refuses_what_is_no_row(
    sample_indices: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        ConceptSet(LABELS, NAMES, sample_ids=[1, 2, 3]).take(sample_indices)


@given(matrices(), st.data())
def test_join_undoes_a_permutation(labels: np.ndarray, data: st.DataObject) -> None:
    ids = [f"s{i}" for i in range(len(labels))]
    concepts = numbered(labels, sample_ids=ids)
    order = data.draw(st.permutations(range(len(labels))))
    assert concepts.take(order).join(ids) == concepts
    assert concepts.join([ids[row] for row in order]) == concepts.take(order)


def test_join_leaves_out_samples_not_asked_for() -> None:
    joined = ConceptSet(LABELS, NAMES, sample_ids=[7, 8, 9]).join(torch.tensor([9, 7]))
    assert joined.sample_ids == ("9", "7")
    np.testing.assert_array_equal(joined.labels.toarray(), LABELS[[2, 0]])


def test_join_refuses_ids_it_cannot_place() -> None:
    concepts = ConceptSet(LABELS, NAMES, sample_ids=["a.png", "b.png", "c.png"])
    message = r"2 of 3 sample ids are not in the concept set: 'x', 'y'; its own .* 'a.png', 'b.png'"
    with pytest.raises(ValueError, match=message):
        concepts.join(["x", "a.png", "y"])
    with pytest.raises(ValueError, match=r"sample_ids has duplicates: 'a\.png'"):
        concepts.join(["a.png", "a.png"])
    with pytest.raises(TypeError, match="sample_ids is None"):
        concepts.join(None)
    with pytest.raises(ValueError, match="has no sample_ids; expected ids to join on"):
        ConceptSet(LABELS, NAMES).join(["a.png"])


@given(matrices(), st.data())
def test_merge_stacks_columns_and_matches_rows(labels: np.ndarray, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, labels.shape[1]))
    ids = [f"s{i}" for i in range(len(labels))]
    whole = numbered(labels, sample_ids=ids)
    first, second = whole.select(whole.names[:cut]), whole.select(whole.names[cut:])
    order = data.draw(st.permutations(range(len(labels))))
    assert first.merge(second.take(order)) == whole
    without_ids = ConceptSet(second.labels, second.names)
    assert first.merge(without_ids) == whole
    assert ConceptSet(first.labels, first.names).merge(second) == whole


def test_merge_fills_missing_descriptions() -> None:
    told = ConceptSet(LABELS[:, :1], ["dog"], ["barks"])
    untold = ConceptSet(LABELS[:, 1:], NAMES[1:])
    assert told.merge(untold).descriptions == ("barks", "", "")
    assert untold.merge(told).descriptions == ("", "", "barks")
    assert told.select([]).merge(untold).descriptions == ("", "")


def test_merge_refuses_other_samples_and_shared_names() -> None:
    concepts = ConceptSet(LABELS, NAMES, sample_ids=[1, 2, 3])
    other = LABELS[:, :1]
    with pytest.raises(ValueError, match="other has 2 samples, this set has 3"):
        concepts.merge(ConceptSet(other[:2], ["cat"]))
    with pytest.raises(ValueError, match="both sets have 'dog'; expected different concepts"):
        concepts.merge(ConceptSet(other, ["dog"]))
    with pytest.raises(ValueError, match="1 of 3 sample ids are not in the concept set: '3'"):
        concepts.merge(ConceptSet(other, ["cat"], sample_ids=[1, 2, 4]))
    with pytest.raises(TypeError, match="other is a list; expected a ConceptSet"):
        concepts.merge([other])


def test_importing_concepts_loads_no_heavy_library() -> None:
    code = (
        "import sys, invert_captum.concepts as c, numpy as np\n"
        "c.ConceptSet(np.eye(2, dtype=bool), ['a', 'b']).take([0])\n"
        "print([m for m in ('torch', 'pandas', 'captum', 'PIL', 'matplotlib') if m in sys.modules])"
    )
    root = Path(__file__).parents[2]
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    assert shown.stdout.strip() == "[]"

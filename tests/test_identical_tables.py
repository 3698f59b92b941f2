"""One table, to the byte, whatever the activations are held in and whatever searches them."""

import json

import numpy as np
import pytest
import scipy.sparse
import torch

import invert_captum as ic
from invert_captum.labeling import searches
from invert_captum.neuron_columns import columns
from invert_captum.neuron_columns.matrices import DeviceMatrix
from invert_captum.search import ActivationRows, Found, SearchedBlock
from invert_captum.search.reference import ReferenceLabels, beam_search, rank_neurons

CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA is not available")
N_SAMPLES, N_NEURONS, N_CLASSES = 900, 20, 30


@pytest.fixture(scope="module")
def problem():
    """Classes with groups of classes and scattered attributes; half of the neurons after a ReLU."""
    rng = np.random.default_rng(5)
    classes = rng.integers(0, N_CLASSES, N_SAMPLES)
    groups = rng.random((N_CLASSES, 12)) < rng.uniform(0.05, 0.8, 12)
    attributes = rng.random((N_SAMPLES, 6)) < 0.1
    labels = np.concatenate([np.eye(N_CLASSES, dtype=bool)[classes], groups[classes]], axis=1)
    labels = np.concatenate([labels, attributes], axis=1)
    values = rng.standard_normal((N_SAMPLES, N_NEURONS)).astype(np.float32)
    values += 1.5 * labels[:, rng.integers(0, labels.shape[1], N_NEURONS)]
    values[:, ::2] = np.maximum(values[:, ::2] - 0.5, 0)
    values[:, 3] = np.round(values[:, 3])
    names = [f"concept {index}" if index % 3 else f"c-{index}" for index in range(labels.shape[1])]
    return values, ic.ConceptSet(labels, names)


def table(result, tmp_path):
    """The bytes of the saved table."""
    path = tmp_path / "result.json"
    result.save(path)
    return json.dumps(json.loads(path.read_text())["table"])


def label(activations, concepts, **arguments):
    defaults = {"top_k": 3, "beam_width": 4, "min_positives": 10}
    return ic.label_neurons(activations, concepts, **{**defaults, **arguments})


SETTINGS = [
    {},
    {"significance": "in_sample", "sign": "negative"},
    {"sign": "absolute_value", "max_length": 4},
    {"significance": None, "max_length": 1},
]


@pytest.mark.parametrize("arguments", SETTINGS)
@pytest.mark.parametrize(
    "convert",
    [
        pytest.param(lambda values: torch.from_numpy(values), id="tensor"),
        pytest.param(np.asfortranarray, id="by column"),
        pytest.param(lambda values: values.astype(np.float64), id="float64"),
        pytest.param(lambda values: values.astype(np.float64) * np.pi, id="all of float64"),
        pytest.param(scipy.sparse.csr_array, id="csr"),
        pytest.param(scipy.sparse.csc_matrix, id="csc"),
        pytest.param(scipy.sparse.coo_array, id="coo"),
        pytest.param(scipy.sparse.dok_array, id="dok"),
        pytest.param(lambda values: torch.from_numpy(values).to_sparse(), id="torch coo"),
        pytest.param(lambda values: torch.from_numpy(values).to_sparse_csr(), id="torch csr"),
        pytest.param(lambda values: torch.from_numpy(values).to_sparse_csc(), id="torch csc"),
        pytest.param(lambda values: torch.from_numpy(values).to_sparse_bsr(10), id="torch bsr"),
        pytest.param(lambda values: torch.from_numpy(values).cuda(), id="cuda", marks=CUDA),
        pytest.param(
            lambda values: torch.from_numpy(values).double().cuda(), id="cuda float64", marks=CUDA
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:Sparse")
def test_activations_in_any_form(problem, tmp_path, convert, arguments):
    values, concepts = problem
    expected = table(label(values, concepts, **arguments), tmp_path)
    assert table(label(convert(values), concepts, **arguments), tmp_path) == expected


@pytest.mark.parametrize("arguments", SETTINGS)
def test_activations_in_a_store(problem, tmp_path, arguments):
    values, concepts = problem
    labeler = ic.NeuronConceptLabeler(torch.nn.Sequential(torch.nn.Identity()), "0")
    store = labeler.extract(torch.from_numpy(values), store=tmp_path / "store")
    expected = label(values, concepts, **arguments)
    for activations in (store, ic.ActivationStore.open(tmp_path / "store")):
        kept = label(activations, concepts, **arguments)
        assert table(kept, tmp_path) == table(expected, tmp_path)
        assert kept == expected
    kept.validate(store, concepts)
    aucs = ic.concept_auc(values, concepts)
    assert np.array_equal(ic.concept_auc(store, concepts), aucs)


def searched_by_reference(concepts, heldout):
    """A stand-in for `search_block` that searches with the reference implementation."""

    def search_block(rows, _labels, settings, *, top_k):
        values = rows.to_dense(concepts.n_samples)
        parts = (
            (~heldout, heldout)
            if heldout is not None
            else (np.ones(len(concepts.labels.indptr) - 1, bool),)
        )
        ranks = [rank_neurons(values[:, part]) for part in parts]
        searched = concepts.take(parts[0])
        labels = ReferenceLabels.from_labels(searched.labels, concepts.names)
        found = []
        for neuron, beam in enumerate(beam_search(ranks[0], labels, settings)):
            found.append([])
            for one in beam[:top_k]:
                masks = [one.formula.evaluate(concepts)[part] for part in parts]
                sums = [int(r.doubled[neuron][m].sum()) for r, m in zip(ranks, masks, strict=True)]
                sizes = [int(mask.sum()) for mask in masks]
                found[-1].append(Found(one.formula, one.score, (*sizes, 0)[:2], (*sums, 0)[:2]))
        tie_sums = [tuple((*(r.tie_sums[i] for r in ranks), 0)[:2]) for i in range(len(values))]
        usable = ~ranks[0].constant()
        return SearchedBlock(usable, np.zeros(len(values), np.uint64), tie_sums, found)

    return search_block


@pytest.mark.parametrize("arguments", SETTINGS)
def test_kernels_and_the_reference_in_numpy(problem, tmp_path, monkeypatch, arguments):
    values, concepts = problem
    compiled = label(values, concepts, **arguments)
    stand_in = searched_by_reference(concepts, compiled.heldout)
    monkeypatch.setattr(searches, "search_block", stand_in)
    assert table(label(values, concepts, **arguments), tmp_path) == table(compiled, tmp_path)


def test_sparse_activations_are_never_made_dense(problem, monkeypatch):
    values, concepts = problem
    sparse = scipy.sparse.csr_array(values)

    def refuse(*_args, **_kwargs):
        raise AssertionError("made dense")

    for kind, methods in (
        (scipy.sparse.csr_array, ("toarray", "todense")),
        (scipy.sparse.csc_array, ("toarray", "todense")),
        (ActivationRows, ("dense", "to_dense", "of_columns")),
    ):
        for method in methods:
            monkeypatch.setattr(kind, method, refuse)
    assert len(label(sparse, concepts)) == N_NEURONS


def test_a_wide_and_mostly_zero_layer_fits(rng):
    """100,000 latents on 3,000 samples would be 1.2 GB; 0.01 % of them are stored."""
    n_samples, n_neurons = 3_000, 100_000
    active = rng.integers(0, n_samples, (n_neurons, 1))
    activations = scipy.sparse.csc_array(
        (np.ones(n_neurons, np.float32), active.ravel(), np.arange(n_neurons + 1)),
        shape=(n_samples, n_neurons),
    )
    labels = rng.random((n_samples, 5)) < 0.1
    concepts = ic.ConceptSet(labels, list("abcde"))
    chosen = list(range(0, n_neurons, 100))
    result = label(activations, concepts, neurons=chosen, significance=None)
    assert list(result.keys()) == chosen
    assert ic.concept_auc(activations[:, [7]], concepts).shape == (1, 5)


def test_auc_of_concepts_in_any_form(problem):
    values, concepts = problem
    expected = ic.concept_auc(values, concepts)
    assert np.array_equal(ic.concept_auc(scipy.sparse.csr_array(values), concepts), expected)
    assert np.array_equal(ic.concept_auc(torch.from_numpy(values), concepts), expected)


@CUDA
def test_auc_of_concepts_on_a_gpu(problem):
    values, concepts = problem
    on_gpu = ic.concept_auc(torch.from_numpy(values).cuda(), concepts)
    assert np.array_equal(on_gpu, ic.concept_auc(values, concepts))


@pytest.mark.parametrize("arguments", SETTINGS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_path_of_a_gpu_taken_on_the_cpu(problem, tmp_path, monkeypatch, arguments, dtype):
    """All that a GPU does, torch does on the CPU, too, with the same results."""
    values, concepts = problem
    expected = table(label(values, concepts, **arguments), tmp_path)
    aucs = ic.concept_auc(values, concepts)
    monkeypatch.setattr(columns, "dense_from_torch", lambda tensor, _: DeviceMatrix(tensor))
    monkeypatch.setattr(DeviceMatrix, "can_be_searched_there", True)
    monkeypatch.setattr(searches, "search_block", None)
    tensor = torch.from_numpy(values).to(dtype)
    assert table(label(tensor, concepts, **arguments), tmp_path) == expected
    assert np.array_equal(ic.concept_auc(tensor, concepts), aucs)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.filterwarnings("ignore:Sparse")
def test_sparse_activations_of_half_precision(problem, tmp_path, dtype):
    values, concepts = problem
    dense = torch.from_numpy(values).to(dtype)
    expected = table(label(dense, concepts), tmp_path)
    for sparse in (dense.to_sparse(), dense.to_sparse_csr(), dense.to_sparse_csc()):
        assert table(label(sparse, concepts), tmp_path) == expected
    if dtype == torch.float16:
        by_scipy = scipy.sparse.csr_array(dense.float().numpy())
        by_scipy.data = by_scipy.data.astype(np.float16)
        with pytest.raises(TypeError, match=r"scipy\.sparse matrix of float16"):
            label(by_scipy, concepts)


class WithIds(torch.utils.data.Dataset):
    def __init__(self, values):
        self.values = torch.from_numpy(values)

    def __len__(self):
        return len(self.values)

    def __getitem__(self, index):
        return self.values[index], {"sample_ids": f"s{index}"}


def test_a_store_of_shuffled_samples_is_joined_on_their_ids(problem, tmp_path):
    values, concepts = problem
    ids = [f"s{row}" for row in range(N_SAMPLES)]
    named = ic.ConceptSet(concepts.labels, concepts.names, sample_ids=ids)
    torch.manual_seed(0)
    loader = torch.utils.data.DataLoader(WithIds(values), batch_size=50, shuffle=True)
    labeler = ic.NeuronConceptLabeler(torch.nn.Sequential(torch.nn.Identity()), "0")
    store = labeler.extract(loader, store=tmp_path / "store")
    assert store.sample_ids != ids
    aucs = ic.concept_auc(store, named)
    assert np.array_equal(aucs, ic.concept_auc(values, concepts))
    kept = label(store, named, significance=None)
    kept.validate(store, named)
    assert table(kept, tmp_path) == table(label(values, named, significance=None), tmp_path)

    groups = [f"group {row // 3}" for row in range(N_SAMPLES)]
    rows = [int(one[1:]) for one in store.sample_ids]
    same = label(values[rows], concepts.take(rows), groups=[groups[row] for row in rows])
    assert table(label(store, named, groups=groups), tmp_path) == table(same, tmp_path)
    with pytest.raises(ValueError, match="a store of samples that came shuffled"):
        label(store, concepts)

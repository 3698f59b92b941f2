"""The same table, whatever number of threads, size of units, or kind of executor."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.sparse
import torch

import invert_captum as ic
from invert_captum.labeling import check_arguments
from invert_captum.labeling.units import cut, cut_into_units, unit_sizes
from invert_captum.neuron_columns import NeuronColumns, columns_by_layer
from invert_captum.search import SearchLabels, SearchSettings
from invert_captum.search.block_search import digest_rows, search_block
from invert_captum.search.scores import AucScore


@pytest.fixture
def many(rng, activations):
    """Fifty neurons: those of `activations` with some zeros and noise, and one that is constant."""
    more = np.maximum(np.tile(activations, 9)[:, :50] + rng.normal(size=(600, 50)), -1)
    more[:, 17] = 3.0
    return more.astype(np.float32)


def table(result, path):
    """The bytes of the saved table, and the fingerprints of what was labelled."""
    result.save(path)
    saved = json.loads(path.read_text())
    return json.dumps(saved["table"]).encode(), saved["settings"]["fingerprints"]


@pytest.mark.filterwarnings("ignore:1 of 50 neurons")
def test_threads_and_units_do_not_change_the_table(many, concepts, tmp_path):
    before = torch.get_num_threads()
    tables = []
    for n_threads in (1, 2):
        torch.set_num_threads(n_threads)
        tables += [
            table(ic.label_neurons(many, concepts, top_k=2, **how), tmp_path / "table.json")
            for how in [{}, *({"block_size": size} for size in (1, 3, 16, 64))]
        ]
    torch.set_num_threads(before)
    with ThreadPoolExecutor(3) as executor:
        for size in (None, 7):
            result = ic.label_neurons(
                many, concepts, top_k=2, block_size=size, executor=executor, show_progress=True
            )
            tables.append(table(result, tmp_path / "table.json"))
    assert all(one == tables[0] for one in tables)


def test_units_are_all_neurons_in_order(many):
    layers = columns_by_layer({"a": many, "b": many[:, :5]})
    chosen = {"a": list(range(50)), "b": [4, 0, 2]}
    units = cut_into_units(layers, chosen, 7)
    assert [unit.number for unit in units] == list(range(len(units)))
    assert [(u.layer, n) for u in units for n in u.neurons] == [
        (layer, neuron) for layer, neurons in chosen.items() for neuron in neurons
    ]
    assert max(len(unit.neurons) for unit in units) == 7
    assert cut(chosen, unit_sizes(layers, 7)) == units
    assert cut(chosen, {"a": 50, "b": 1})[0].neurons == tuple(range(50))


@pytest.mark.parametrize(
    "convert",
    [
        lambda a: a,
        lambda a: a.astype(np.float64) / 3,
        lambda a: a.astype(np.float16),
        lambda a: torch.from_numpy(a).bfloat16(),
        lambda a: (a * 100).astype(np.int64),
        lambda a: scipy.sparse.csr_array(np.maximum(a, 0)),
    ],
)
def test_digests_are_those_of_the_search(many, concepts, convert):
    labels = SearchLabels.from_labels(concepts.labels, concepts.names)
    rows = NeuronColumns(convert(many)).rows(range(20))
    searched = search_block(
        rows, labels, SearchSettings(1, 1, 1, 599, AucScore("positive")), top_k=1
    )
    digests = digest_rows(rows)
    assert digests.dtype == np.uint64
    assert np.array_equal(digests, searched.digests)
    assert len(set(digests.tolist())) == 20


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"block_size": 0}, ValueError, "block_size is 0; expected an integer of at least 1"),
        ({"checkpoint": 3}, TypeError, r"checkpoint is 3 \(int\); expected the path of a folder"),
        ({"executor": "dask"}, TypeError, r"executor is 'dask' \(str\); expected a concurrent"),
    ],
)
def test_arguments_are_refused_before_any_work(activations, concepts, arguments, error, message):
    with pytest.raises(error, match=message):
        ic.label_neurons(activations, concepts, **arguments)
    with pytest.raises(error, match=message):
        check_arguments(concepts, **arguments)


def test_interpret_passes_them_on(activations, concepts, tmp_path):
    layer = torch.nn.Identity()
    labeler = ic.NeuronConceptLabeler(torch.nn.Sequential(layer), layer)
    inputs = torch.from_numpy(activations)
    expected = labeler.interpret(inputs, concepts)
    with ThreadPoolExecutor(2) as executor:
        result = labeler.interpret(
            inputs, concepts, executor=executor, checkpoint=tmp_path / "units", block_size=2
        )
    assert result == expected
    assert len(list((tmp_path / "units").glob("unit-*.json"))) == 3


def test_a_checkpoint_is_a_local_folder(activations, concepts):
    with pytest.raises(ValueError, match="expected a local folder, no URL"):
        ic.label_neurons(activations, concepts, checkpoint="s3://bucket/cp")

from __future__ import annotations

import json
import struct
import warnings

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import invert_captum as ic
from invert_captum.report.folder import ReportFiles, read_report, write_report


@pytest.fixture
def files(tmp_path, activations, concepts):
    rows = {"conv": torch.tensor(activations, dtype=torch.float32)}
    result = ic.label_neurons(rows, concepts, max_length=2)
    files = ReportFiles.inside(tmp_path / "new" / "folder")
    picture = np.zeros((4, 4, 3), dtype=np.uint8)
    write_report(files, result, rows, concepts, lambda _: picture)
    return files


def test_what_was_written_is_read_again(files, activations, concepts):
    run = read_report(files)
    assert run.result == ic.LabelingResult.load(files.result)
    assert run.concepts == concepts
    assert list(run.activations) == ["conv"]
    torch.testing.assert_close(
        run.activations["conv"], torch.tensor(activations, dtype=torch.float32)
    )
    run.result.validate(run.activations, run.concepts)


@pytest.mark.parametrize("name", ["result", "activations", "concepts"])
def test_missing_files_are_named(files, name):
    path = getattr(files, name)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=path.name):
        read_report(files)


def test_damaged_activations_are_refused(files):
    files.activations.write_bytes(files.activations.read_bytes()[:-7])
    with pytest.raises(ValueError, match=r"activations\.safetensors' is no safetensors file"):
        read_report(files)


def test_files_of_different_labellings_are_refused(files, concepts):
    concepts.take(range(10)).save(files.concepts)
    with pytest.raises(ValueError, match=r"expected the files of one labelling"):
        read_report(files)


def test_the_same_concepts_on_other_rows_are_refused(files, concepts, rng):
    concepts.take(rng.permutation(concepts.n_samples)).save(files.concepts)
    with pytest.raises(ValueError, match="concepts have other samples than those"):
        read_report(files)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (torch.tensor(1.0), r"activations of 'conv' have shape \(\), not \(n, d\)"),
        (torch.ones(600), r"activations of 'conv' have shape \(600,\), not"),
        (torch.ones(600, 2), "activations has 2 neurons; the result has"),
        (torch.ones(599, 6), "activations has 599 samples; the result is of 600"),
    ],
)
def test_activations_of_another_shape_are_refused(files, rows, message):
    save_file({"conv": rows}, files.activations)
    with pytest.raises(ValueError, match=message):
        read_report(files)


def test_activations_that_are_no_real_numbers_are_refused(files):
    # By hand, because not every version of safetensors writes them, or reads them.
    entry = {"dtype": "C64", "shape": [600, 6], "data_offsets": [0, 600 * 6 * 8]}
    header = json.dumps({"conv": entry}).encode()
    files.activations.write_bytes(struct.pack("<Q", len(header)) + header + bytes(600 * 6 * 8))
    with pytest.raises(ValueError, match=r"files of one labelling|no safetensors file"):
        read_report(files)


def test_activations_of_another_layer_are_refused(files):
    save_file({"fc": torch.ones(600, 6)}, files.activations)
    with pytest.raises(ValueError, match=r"activations are of \['fc'\], result of \['conv'\]"):
        read_report(files)


def test_the_page_of_an_earlier_labelling_does_not_stay(files):
    files.page.write_text("earlier")
    run = read_report(files)
    write_report(
        files, run.result, run.activations, run.concepts, lambda _: np.zeros((4, 4, 3), np.uint8)
    )
    assert not files.page.exists()


def test_only_files_that_exist_are_told(files):
    assert str(files.labels) in str(files)
    assert str(files.page) not in str(files)


def test_signs_that_the_font_lacks_are_told_in_one_warning(tmp_path, rng):
    labels = rng.random((200, 2)) < 0.4
    rows = {"conv": torch.tensor(rng.normal(size=(200, 2)) + 3 * labels, dtype=torch.float32)}
    concepts = ic.ConceptSet(labels, ["旗", "flag 鳥"])
    result = ic.label_neurons(rows, concepts, max_length=1)
    picture = np.zeros((4, 4, 3), dtype=np.uint8)
    with pytest.warns(ic.InvertCaptumWarning, match="has no sign for '旗', '鳥'; they are") as told:
        write_report(ReportFiles.inside(tmp_path), result, rows, concepts, lambda _: picture)
    assert len(told) == 1


def test_other_warnings_of_the_figure_are_passed_on(tmp_path, activations, concepts):
    def noisy(_):
        warnings.warn("a dusty lens", RuntimeWarning, stacklevel=1)
        return np.zeros((4, 4, 3), dtype=np.uint8)

    rows = {"conv": torch.tensor(activations, dtype=torch.float32)}
    result = ic.label_neurons(rows, concepts, max_length=1)
    with pytest.warns(RuntimeWarning, match="a dusty lens"):
        write_report(ReportFiles.inside(tmp_path), result, rows, concepts, noisy)

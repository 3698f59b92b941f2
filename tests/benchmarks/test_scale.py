import mmap

import pytest

from benchmarks import scale, scale_point
from benchmarks.results import Report
from benchmarks.scale_point import Point


def test_a_quick_run_prints_draws_and_saves(tmp_path, capsys):
    image, path = tmp_path / "scale.png", tmp_path / "scale.json"
    words = ["--quick", "--repeats", "1", "--only", "n"]
    scale.main([*words, "--image", str(image), "--output", str(path)])
    report = Report.load(path)
    assert report.text() in capsys.readouterr().out
    assert report.command.startswith("python -m benchmarks.scale --quick --repeats 1 --only n")
    assert image.read_bytes().startswith(b"\x89PNG")
    exponents, points = report.tables
    assert [row[0] for row in exponents.rows] == ["n"]
    assert [row[1] for row in points.rows] == ["1,000", "2,000"]
    assert all(row[2] > 0 for row in points.rows)


def test_labels_have_the_density(rng):
    labels = Point(4_000, 1, 50, 3, 3, density=0.05).labels(rng)
    assert labels.shape == (4_000, 50)
    assert labels.nnz == pytest.approx(0.05 * 4_000 * 50, rel=1e-2)
    shares = labels.toarray().mean(axis=0)
    assert shares.min() == pytest.approx(0.025, rel=0.01)
    assert shares.max() == pytest.approx(0.075, rel=0.01)


def test_exponents_are_those_of_powers():
    values = [1, 2, 4, 8]
    assert scale.exponent(values, [1e6 * v**1.5 for v in values]) == pytest.approx(1.5)
    assert scale.exponent(values, [1e6] * 4) == pytest.approx(0)


def test_resident_memory_and_its_mark_are_seen():
    before, size = scale_point.memory("VmRSS"), 32 * 2**20
    # Pages of its own: an array may lie in what an earlier test has left in the heap.
    with mmap.mmap(-1, size) as pages:
        pages.write(b"1" * size)
        now = scale_point.memory("VmRSS")
    assert now > before + size // 2
    # The kernel counts pages in batches: its two figures may be some pages apart.
    assert scale_point.memory("VmHWM") > now - size // 4
    with pytest.raises(RuntimeError, match="no VmNone"):
        scale_point.memory("VmNone")

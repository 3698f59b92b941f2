import re
from pathlib import Path

import pytest

import benchmarks
from benchmarks.machine import describe_machine
from benchmarks.results import FOLDER, PAGE, Report, Table, main, render, show

REPORT = Report(
    "How fast",
    "python -m benchmarks.fast",
    {"processor": "P", "cores": "2"},
    ["All of it."],
    [Table(["what", "ms"], [["sort", 12.345], ["everything", 1234.5]])],
    ["images/fast.png"],
)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("a", "a"),
        (1_473, "1,473"),
        (0.25, "0.250"),
        (12.345, "12.3"),
        (99.96, "100"),
        (61_234.0, "61,200"),
        (-0.5, "-0.500"),
        (0.0, "0.00"),
    ],
)
def test_cells(cell, text):
    assert show(cell) == text


def test_a_report_survives_its_file(tmp_path):
    REPORT.save(tmp_path / "new" / "fast.json")
    assert Report.load(tmp_path / "new" / "fast.json") == REPORT


def test_columns_are_aligned():
    assert REPORT.tables[0].text().splitlines() == [
        "what           ms",
        "sort         12.3",
        "everything  1,230",
    ]


def test_the_page_has_every_report(tmp_path):
    REPORT.save(tmp_path / "fast.json")
    page = render(tmp_path)
    for part in (
        "## How fast",
        "`python -m benchmarks.fast`",
        "processor P, cores 2",
        "All of it.",
    ):
        assert part in page
    assert "| what | ms |\n| --- | ---: |\n| sort | 12.3 |\n| everything | 1,230 |" in page
    assert "![How fast](images/fast.png)" in page


def test_main_writes_the_page(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.results.PAGE", tmp_path / "RESULTS.md")
    main()
    assert (tmp_path / "RESULTS.md").read_text(encoding="utf-8") == render()


def test_the_page_is_what_the_files_say():
    assert PAGE.exists() == any(FOLDER.glob("*.json"))
    if PAGE.exists():
        page = PAGE.read_text(encoding="utf-8")
        assert page == render()
        for image in re.findall(r"!\[.*?\]\((.*?)\)", page):
            assert (PAGE.parent / image).is_file()


def test_the_machine_is_described():
    machine = describe_machine()
    assert all(machine.values())
    assert int(machine["cores"]) >= 1
    assert machine["invert-captum"]


def test_files_stay_small():
    for path in Path(benchmarks.__file__).parent.glob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 300, path

"""Numbers by address, in made-up reports."""

from __future__ import annotations

import pytest

from benchmarks.measured import load, measured
from benchmarks.results import Report, Table

FRUIT = Table(
    ["fruit", "colour", "pieces", "weight, g", "price"],
    [
        ["apple", "red", 12, 151.25, "1.20"],
        ["apple", "green", 1234, 0.012345, "n/a"],
        ["pear", "green", 7, 2.0, "3,000.5"],
    ],
)
PLACES = Table(["place", "pieces"], [["cellar", 9], ["apple", 5]])


@pytest.fixture
def folder(tmp_path):
    notes = ["It took 12.5 s on 3 days.", "It took 3 s once more; 40 were left (of 50)."]
    Report("Fruit", "python -m fruit", {"cores": "2"}, notes, [FRUIT, PLACES], []).save(
        tmp_path / "fruit.json"
    )
    return tmp_path


@pytest.mark.parametrize(
    ("address", "number"),
    [
        ("fruit; apple; red; pieces", "12"),
        ("fruit;red;pieces", "12"),  # the cells that only this row has, without spaces
        ("fruit; green; apple; pieces", "1,234"),  # in any order
        ("fruit; pear; colour", "green"),
        ("fruit; cellar; pieces", "9"),  # of the second table
        ("fruit; 151; fruit", "apple"),  # cells as they are shown
        # Three digits, as everywhere.
        ("fruit; red; weight, g", "151"),
        ("fruit; apple; green; weight, g", "0.0123"),
        ("fruit; pear; weight, g", "2.00"),
    ],
)
def test_an_address_leads_to_a_cell_as_it_is_shown(folder, address, number):
    assert measured(address, folder) == number


@pytest.mark.parametrize(
    ("address", "number"),
    [
        ("fruit; red; weight, g; :.1f", "151.2"),
        ("fruit; red; weight, g; :,.4f", "151.2500"),
        ("fruit; apple; green; pieces; :.0f", "1234"),
        ("fruit; apple; green; weight, g; :.1%", "1.2%"),
        ("fruit; pear; price; :.2f", "3000.50"),  # a number that the report holds as text
    ],
)
def test_a_format_is_used_on_the_number_itself(folder, address, number):
    assert measured(address, folder) == number


@pytest.mark.parametrize(
    ("address", "number"),
    [
        (r"fruit; note; took (\S+) s on 3", "12.5"),
        (r"fruit; note; (\d+) were left", "40"),
        (r"fruit; note; \(of (\d+)\)", "50"),
    ],
)
def test_a_note_is_found_by_its_group(folder, address, number):
    assert measured(address, folder) == number


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("vegetables; leek; pieces", "no results 'vegetables': there are fruit"),
        ("fruit", "has no column"),
        ("fruit; pieces", "has no column"),
        ("fruit; pieces; :.1f", "has no column"),  # a format is no column
        ("fruit; plum; pieces", "leads to 0 cells"),
        ("fruit; red; size", "leads to 0 cells"),
        ("fruit; red; pear; pieces", "leads to 0 cells"),  # both, but in two rows
        ("fruit; green; pieces", r"leads to 2 cells: \[1234, 7\]"),
        ("fruit; apple; pieces", r"leads to 3 cells: \[12, 1234, 5\]"),  # in two tables
        ("fruit; apple; green; price; :.1f", "could not convert string to float: 'n/a'"),
        ("fruit; red; weight, g; :d", "Unknown format code 'd'"),
        (r"fruit; note; took (\S+) s", "leads to 2 places in the notes"),
        (r"fruit; note; took (\S+) s on 3; :.0f", "has more than a pattern"),
        (r"fruit; note; took (\S+) s on 3; days", "has more than a pattern"),
        (r"fruit; note; (\d+) were eaten", "leads to 0 places in the notes"),
        (r"fruit; note; (\d+) were (left)", "leads to 1 places in the notes, not to one"),
    ],
)
def test_an_address_that_leads_to_no_number_or_several_is_refused(folder, address, message):
    with pytest.raises(ValueError, match=message):
        measured(address, folder)


def test_two_columns_of_one_name_are_none(tmp_path):
    table = Table(["kind", "n", "n"], [["a", 1, 2]])
    Report("Twice", "x", {}, [], [table], []).save(tmp_path / "twice.json")
    with pytest.raises(ValueError, match="leads to 0 cells"):
        measured("twice; a; n", tmp_path)


def test_a_report_is_loaded_as_it_was_saved(folder):
    report = load("fruit", folder)
    assert report.title == "Fruit"
    assert report.tables == [FRUIT, PLACES]

r"""Numbers of the benchmarks by address, for documents that quote them.

An address names a file of ``benchmarks/results``, cells that only the wanted row of one of its
tables has, and a column, with semicolons between them; a format may follow::

    engine; by class; label_neurons, holdout (default); ms per neuron
    engine; by class; label_neurons, holdout (default); ms per neuron; :.1f
    engine; note; first calls took (\S+) s

A note is found by a regular expression, of which the group is the number. ``docs/`` quotes with
the role ``measured``, the README by a link to the results whose title is the address.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from benchmarks.results import FOLDER, Cell, Report, show

if TYPE_CHECKING:
    from pathlib import Path

NOTE = "note"


def load(name: str, folder: Path = FOLDER) -> Report:
    """Return the report of this name.

    Raises:
        ValueError: If there is none; the message names those that there are.
    """
    path = folder / f"{name}.json"
    if not path.is_file():
        names = ", ".join(sorted(file.stem for file in folder.glob("*.json")))
        raise ValueError(f"there are no results {name!r}: there are {names}")
    return Report.load(path)


def measured(address: str, folder: Path = FOLDER) -> str:
    """Return the number, or word, at an address as text.

    Raises:
        ValueError: If the address leads to no cell or to several.
    """
    name, *parts = [part.strip() for part in address.split(";")]
    form = parts.pop()[1:] if parts and parts[-1].startswith(":") else None
    if len(parts) < 2:
        raise ValueError(f"{address!r} has no column: give file; cells of the row; column")
    report = load(name, folder)
    if parts[0] == NOTE:
        if form is not None or len(parts) > 2:
            raise ValueError(f"{address!r} has more than a pattern: a note is quoted as it stands")
        return _in_notes(report, parts[1], address)
    *wanted, column = parts
    cells = _cells(report, wanted, column)
    if len(cells) != 1:
        raise ValueError(f"{address!r} leads to {len(cells)} cells: {cells[:5]}")
    return show(cells[0]) if form is None else format(_number(cells[0]), form)


def _cells(report: Report, wanted: list[str], column: str) -> list[Cell]:
    return [
        row[table.columns.index(column)]
        for table in report.tables
        if table.columns.count(column) == 1
        for row in table.rows
        if set(wanted) <= {show(cell) for cell in row}
    ]


def _number(cell: Cell) -> float:
    return float(cell.replace(",", "")) if isinstance(cell, str) else cell


def _in_notes(report: Report, pattern: str, address: str) -> str:
    found = [match for note in report.notes for match in re.findall(pattern, note)]
    if len(found) != 1 or not isinstance(found[0], str):
        raise ValueError(f"{address!r} leads to {len(found)} places in the notes, not to one")
    return found[0]

"""Concepts from a CSV file with one 0/1 column a concept."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import numpy as np

from invert_captum._validation import listed, nearest_names
from invert_captum.concepts.labels import labels_from_columns
from invert_captum.concepts.names import duplicates, unique_ids

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from numpy.typing import NDArray

    from invert_captum.concepts.concept_set import ConceptSet

_TRUE = frozenset({"1", "1.0", "true"})
_FALSE = frozenset({"0", "0.0", "false"})


def from_csv(path: str | os.PathLike[str], *, sample_id_column: str | None = None) -> ConceptSet:
    r"""Read concepts from a CSV file with one row a sample and one column a concept.

    Args:
        path: A comma-separated file in UTF-8. Its first line names the columns; every column other
            than that of the sample ids holds 0 and 1, or true and false in any case.
        sample_id_column: The column with the sample ids, which are read as they stand: ``007``
            stays ``"007"``. None takes the first column.

    Returns:
        *ConceptSet*: the concepts, in the order of the columns.

    Raises:
        OSError: If the file cannot be opened.
        ValueError: If a cell is missing or neither true nor false (the message names line and
            column), columns or sample ids come twice, or the file is not such a table.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "animals.csv")
        ...     _ = path.write_text("picture,dog,cat\n007,1,0\n008,0,1\n")
        ...     concepts = from_csv(path)
        >>> concepts.names, concepts.sample_ids
        (('dog', 'cat'), ('007', '008'))
    """
    from invert_captum.concepts.concept_set import ConceptSet

    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        try:
            header = _header(file)
            id_column = _id_column(header, sample_id_column)
            frame = _table(file, header, id_column)
            names = [name for name in header if name != id_column]
            columns = [_positives(file, frame[name]) for name in names]
            sample_ids = _sample_ids(frame[id_column])
            labels = labels_from_columns(columns, len(frame))
            return ConceptSet(labels, names, sample_ids=sample_ids)
        except UnicodeDecodeError as error:
            raise ValueError(f"{os.fspath(path)!r} is not a UTF-8 text: {error}") from error
        except (ValueError, csv.Error) as error:
            raise ValueError(f"{os.fspath(path)!r}: {error}") from error


def _records(file: TextIO) -> Iterator[tuple[int, list[str]]]:
    """Yield every record of ``file`` that is not blank, with the line on which it begins."""
    file.seek(0)
    reader = csv.reader(file)
    line = 1
    for record in reader:
        if len(record) > 1 or "".join(record).strip():
            yield line, record
        line = reader.line_num + 1


def _header(file: TextIO) -> list[str]:
    records = _records(file)
    _, header = next(records, (0, []))
    if not header:
        raise ValueError("the file is empty; expected a line of column names")
    if len(header) < 2:
        raise ValueError(
            f"the first line is {header[0]!r}; expected the sample ids and at least one concept, "
            "separated by commas"
        )
    if repeated := duplicates(header):
        raise ValueError(f"several columns are named {listed(repeated)}; expected one each")
    line, first = next(records, (0, []))
    if not first:
        raise ValueError("the file has no rows below the column names")
    # pandas would take the surplus cell of a first row for an unnamed index and shift the rest.
    if len(first) > len(header):
        raise ValueError(
            f"line {line} has {len(first)} cells; expected one for each of {len(header)} columns"
        )
    return header


def _id_column(header: list[str], sample_id_column: str | None) -> str:
    if sample_id_column is None:
        return header[0]
    if sample_id_column not in header:
        raise ValueError(
            f"sample_id_column is {sample_id_column!r}, which the file does not have; "
            f"nearest columns: {nearest_names(str(sample_id_column), header)}"
        )
    return sample_id_column


def _table(file: TextIO, header: list[str], id_column: str) -> pd.DataFrame:
    import pandas as pd

    file.seek(0)
    # As categories every distinct text of a column is kept, and looked at, once.
    return pd.read_csv(
        file,
        header=0,
        names=header,
        dtype={name: "str" if name == id_column else "category" for name in header},
        na_filter=False,
        low_memory=False,
    )


def _positives(file: TextIO, column: pd.Series) -> NDArray[np.intp]:
    """Return the rows in which ``column`` is true, or raise if a cell is neither true nor false."""
    texts = [str(category).strip().lower() for category in column.cat.categories]
    codes = column.cat.codes.to_numpy()
    # A last entry for code -1, by which pandas marks what is no category.
    true = np.array([*(text in _TRUE for text in texts), False])[codes]
    false = np.array([*(text in _FALSE for text in texts), False])[codes]
    neither = np.flatnonzero(~(true | false))
    if neither.size:
        row = int(neither[0])
        line = next(line for number, (line, _) in enumerate(_records(file)) if number == row + 1)
        text = str(column.iloc[row])
        found = f"holds {text!r}" if text.strip() else "is empty"
        commas = " and commas, not semicolons, between columns" if ";" in str(column.name) else ""
        raise ValueError(
            f"line {line}, column {column.name!r} {found}; expected 0 or 1, or true or false"
            f"{commas} ({len(neither):,} such cells in this column)"
        )
    return np.flatnonzero(true)


def _sample_ids(column: pd.Series) -> tuple[str, ...]:
    try:
        return unique_ids(column)
    except ValueError as error:
        raise ValueError(
            f"column {column.name!r}, read as the sample ids (sample_id_column chooses another): "
            f"{error}"
        ) from error

"""Concepts from a data frame with one 0/1 column a concept."""

from __future__ import annotations

import numbers
from typing import TYPE_CHECKING

import numpy as np

from invert_captum._validation import listed, nearest_names
from invert_captum.concepts.labels import labels_from_columns
from invert_captum.concepts.names import duplicates

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from numpy.typing import NDArray

    from invert_captum.concepts.concept_set import ConceptSet


def from_dataframe(frame: pd.DataFrame, *, sample_id_column: str | None = None) -> ConceptSet:
    """Read concepts from a data frame with one row a sample and one column a concept.

    Args:
        frame: Every column other than ``sample_id_column`` holds booleans or the numbers 0 and 1,
            none of them missing.
        sample_id_column: The column with the sample ids. None takes the index as sample ids,
            unless it merely counts the rows from 0.

    Returns:
        *ConceptSet*: the concepts, in the order of the columns.

    Raises:
        TypeError: If ``frame`` is not a data frame, or a column label is not a string.
        ValueError: If a value is neither true nor false, columns or sample ids come twice, or
            there is no column for a concept.

    Examples:
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"dog": [1, 0], "cat": [False, True]}, index=["a.png", "b.png"])
        >>> concepts = from_dataframe(frame)
        >>> concepts.names, concepts.sample_ids
        (('dog', 'cat'), ('a.png', 'b.png'))
    """
    from invert_captum.concepts.concept_set import ConceptSet

    sample_ids = _sample_ids(frame, sample_id_column)
    positions = [i for i, label in enumerate(frame.columns) if label != sample_id_column]
    if not positions:
        raise ValueError("frame has no column for a concept; expected one 0/1 column a concept")
    columns = [_positives(frame.iloc[:, position]) for position in positions]
    names = [frame.columns[position] for position in positions]
    return ConceptSet(labels_from_columns(columns, len(frame)), names, sample_ids=sample_ids)


def _sample_ids(frame: pd.DataFrame, sample_id_column: str | None) -> Iterable[str | int] | None:
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"frame is a {type(frame).__name__}; expected a pandas DataFrame")
    labels = list(frame.columns)
    for label in labels:
        if not isinstance(label, str):
            raise TypeError(f"frame has the column label {label!r}; expected strings")
    if repeated := duplicates(labels):
        raise ValueError(f"frame has several columns named {listed(repeated)}; expected one each")
    if sample_id_column is not None:
        if sample_id_column not in labels:
            raise ValueError(
                f"sample_id_column is {sample_id_column!r}, which frame does not have; "
                f"nearest columns: {nearest_names(str(sample_id_column), labels)}"
            )
        ids: list[str | int] = frame[sample_id_column].tolist()
        return ids
    # The index that pandas makes by itself; one with a name was set by somebody.
    plain = isinstance(frame.index, pd.RangeIndex) and frame.index.name is None
    if plain and frame.index.equals(pd.RangeIndex(len(frame))):
        return None
    index: list[str | int] = frame.index.tolist()
    return index


def _positives(column: pd.Series) -> NDArray[np.intp]:
    """Return the rows in which ``column`` is true, or raise if a value is neither."""
    values = column.to_numpy()
    if values.dtype.kind in "biuf":
        true, false = values == 1, values == 0
    else:
        plain = [value if isinstance(value, (numbers.Real, np.bool_)) else None for value in values]
        true = np.array([value is not None and bool(value == 1) for value in plain], dtype=bool)
        false = np.array([value is not None and bool(value == 0) for value in plain], dtype=bool)
    neither = np.flatnonzero(~(true | false))
    if neither.size:
        shown = zip(column.iloc[neither[:3]].tolist(), neither, strict=False)
        rows = ", ".join(f"{value!r} in row {row}" for value, row in shown)
        raise ValueError(
            f"column {column.name!r} has {len(neither):,} values that are neither true nor false: "
            f"{rows} (rows count from 0); expected booleans, or the numbers 0 and 1 (a column of "
            "sample ids is named by sample_id_column)"
        )
    return np.flatnonzero(true)

"""The log of a training run: a table that grows line by line in a CSV file."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import torch

from invert_captum._files import replacing
from invert_captum._validation import listed

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from torch import Tensor

COLUMNS = (
    "epoch",
    "step",
    "total",
    "cross_entropy",
    "weight_decay",
    "harmonization",
    "learning_rate",
    "grad_norm",
    "seconds",
)
_WHOLE = ("epoch", "step")


class TrainingLog:
    """Rows of numbers, kept in memory and, if there is a path, in a CSV file.

    Floats are written by `repr`, so that reading gives the same bits. An empty field is no number.

    Args:
        path: The file, or None.
        columns: Names of the columns.
        rows: float64, shape (rows, columns): the rows of an earlier run.

    Attributes:
        columns: Names of the columns.

    Examples:
        >>> log = TrainingLog(None, ["epoch", "step", "total"])
        >>> log.append({"epoch": 1, "step": 1, "total": 0.5})
        >>> log.append({"epoch": 1, "step": 1, "accuracy": 0.25})
        >>> log.table()
           epoch  step  total  accuracy
        0      1     1    0.5       NaN
        1      1     1    NaN      0.25
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None,
        columns: Sequence[str] = COLUMNS,
        rows: Tensor | None = None,
    ) -> None:
        self.columns = list(columns)
        self._path = None if path is None else Path(path)
        self._rows: list[list[float]] = [] if rows is None else rows.tolist()

    def start(self) -> None:
        """Write the file with the rows so far, instead of what it held."""
        if self._path is None:
            return
        text = ",".join(self.columns) + "\n" + "".join(map(self._line, self._rows))
        with replacing(self._path) as file:
            file.write(text.encode())

    def check_own(self) -> None:
        """Refuse a file whose rows are not those of this log, as far as both go.

        Raises:
            ValueError: it is the log of another run, or something else.
        """
        if self._path is None or not self._path.exists():
            return
        with self._path.open(newline="", encoding="utf-8", errors="replace") as file:
            reader = csv.DictReader(file)
            own = set(self.columns) <= set(reader.fieldnames or ())
            # A killed run may leave half a line at the end, which is past what the log knows.
            for row, found in zip(self._rows, reader, strict=False):
                line = [found.get(column) for column in self.columns]
                own = own and line == self._fields(row)
        if not own:
            raise ValueError(
                f"log {str(self._path)!r} is not the log of the run in the checkpoint; expected "
                "that, no file, or a new path"
            )

    def append(self, row: Mapping[str, float]) -> None:
        """Add a row; columns that are new come last."""
        new = [name for name in row if name not in self.columns]
        self.columns += new
        for earlier in self._rows if new else ():
            earlier += [math.nan] * len(new)
        self._rows.append([float(row.get(name, math.nan)) for name in self.columns])
        if new:
            self.start()
        elif self._path is not None:
            with self._path.open("a", encoding="utf-8", newline="") as file:
                file.write(self._line(self._rows[-1]))

    def rows(self) -> Tensor:
        """Return all rows, float64, shape (rows, columns)."""
        return torch.tensor(self._rows, dtype=torch.float64).reshape(-1, len(self.columns))

    def table(self) -> pd.DataFrame:
        """Return all rows as a table."""
        table = pd.DataFrame(self._rows, columns=self.columns, dtype="float64")
        return table.astype(dict.fromkeys(_WHOLE, "int64"))

    def _line(self, row: Sequence[float]) -> str:
        return ",".join(self._fields(row)) + "\n"

    def _fields(self, row: Sequence[float]) -> list[str]:
        pairs = zip(self.columns, row, strict=True)
        return [repr(int(value)) if name in _WHOLE else _shown(value) for name, value in pairs]


def _shown(value: float) -> str:
    return "" if math.isnan(value) else repr(value)


def check_measures(measures: object) -> dict[str, float]:
    """Return what ``validate`` gave, or raise unless it is numbers by new names."""
    if not isinstance(measures, Mapping):
        raise TypeError(
            f"validate returned {type(measures).__name__}; expected a dict of numbers by name"
        )
    taken = [name for name in measures if name in COLUMNS]
    if taken:
        raise ValueError(f"validate returned {listed(taken)}, which the log has; rename them")
    checked = {}
    for name, value in measures.items():
        if not isinstance(name, str) or not name or set(name) & set(',"\r\n'):
            raise ValueError(f"validate returned the name {name!r}; expected text without commas")
        try:
            checked[name] = float(value)
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"validate returned {name!r} of type {type(value).__name__}; expected a number"
            ) from error
    return checked

"""What a ClickMe data set reads from, and which records fall to which process."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import Tensor


class LoadedRecord(NamedTuple):
    """A record, ready for a network.

    Attributes:
        image: float32, shape (3, size, size), from 0 to 255.
        label: The class, from 0.
        heatmap: float32, shape (size, size).
    """

    image: Tensor
    label: int
    heatmap: Tensor


class Share(NamedTuple):
    """One reader's part of the records: every process of a run and every worker has another.

    The processes deal the records out in turn; the workers of each do the same with what it got.

    Attributes:
        rank: The process, from 0.
        world_size: How many processes there are.
        worker: The process's worker, from 0.
        n_workers: How many workers it has.
    """

    rank: int
    world_size: int
    worker: int
    n_workers: int

    def holds(self, index: int) -> bool:
        """Say whether record ``index``, counted over all sources, falls to this reader."""
        turn, rank = divmod(index, self.world_size)
        return rank == self.rank and turn % self.n_workers == self.worker


class Entry(Protocol):
    """A record that is found but not decoded."""

    def load(self, size: int) -> LoadedRecord:
        """Decode the record, or raise `DamagedRecords`."""
        ...


class Source(Protocol):
    """A file or a folder of records, in a fixed order."""

    @property
    def path(self) -> Path:
        """The file or the folder."""
        ...

    def count(self) -> int:
        """Count the records, or raise `DamagedRecords`."""
        ...

    def entries(self, share: Share, first: int, *, check_all: bool) -> Iterator[Entry | None]:
        """Walk over the records.

        Args:
            share: The reader's part.
            first: The index of the source's first record over all sources.
            check_all: Check also the records of other readers, so that every reader finds the
                same damage.

        Yields:
            A record of the share, or None for one that falls to another reader.

        Raises:
            DamagedRecords: After the good records.
        """
        ...

"""A TFRecord file as a source of ClickMe records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from invert_captum.alignment.clickme.decoding import decode_record, parse_heatmap, parse_image
from invert_captum.alignment.clickme.sources import LoadedRecord
from invert_captum.alignment.clickme.tf_records import (
    count_records,
    damaged,
    read_payload,
    record_spans,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from invert_captum.alignment.clickme.sources import Share


@dataclass(frozen=True)
class RecordEntry:
    """A ClickMe record's payload, with its place."""

    path: Path
    number: int
    payload: bytes
    n_classes: int

    def load(self, size: int) -> LoadedRecord:
        """Decode the record as the reference does, or raise `DamagedRecords`."""
        try:
            record = decode_record(self.payload, n_classes=self.n_classes)
        except ValueError as error:
            raise damaged(self.path, self.number, str(error)) from error
        image, heatmap = parse_image(record.image, size), parse_heatmap(record.heatmap, size)
        return LoadedRecord(image, record.label, heatmap)


@dataclass(frozen=True)
class RecordFile:
    """A TFRecord file of ClickMe records."""

    path: Path
    n_classes: int

    def count(self) -> int:
        """Count the records, from their headers."""
        return count_records(self.path)

    def entries(self, share: Share, first: int, *, check_all: bool) -> Iterator[RecordEntry | None]:
        """Read the payloads of the share, and of all records if they are to be checked."""
        with self.path.open("rb") as file:
            for span in record_spans(file, self.path):
                mine = share.holds(first + span.number)
                if not mine and not check_all:
                    yield None
                    continue
                payload = read_payload(file, self.path, span)
                yield RecordEntry(self.path, span.number, payload, self.n_classes) if mine else None

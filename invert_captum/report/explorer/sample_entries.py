"""The block of samples: what is shown of each, embedded once, up to a limit of size."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from invert_captum._log import progress, warn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from invert_captum.report.explorer.shown_samples import Entry, ShownSamples

_BYTES_A_MEGABYTE = 1_000_000


@dataclass(frozen=True)
class SampleEntries:
    """What the page holds of samples.

    Attributes:
        entries: By the sample's index.
        n_left_out: Of how many samples there is only the name, because they did not fit.
    """

    entries: dict[int, Entry]
    n_left_out: int = 0


def embed_samples(
    wanted: Sequence[int],
    shown: ShownSamples | None,
    names: Sequence[str] | None,
    *,
    thumbnail: int,
    max_megabytes: float,
    show_progress: bool = False,
) -> SampleEntries:
    """Return what the page holds of samples, the first ones first, until the limit is reached.

    Args:
        wanted: Indices of samples, the most important first; repeated ones count once.
        shown: What is seen of them; None: only their names, if they have any.
        names: A name for each of the n samples; None: ``row 0`` …
        thumbnail: The longer side of pictures, in pixels.
        max_megabytes: The most that the samples may take together, in 10⁶ bytes; of those that do
            not fit the page has the names.
        show_progress: Draw a progress bar.

    Warns:
        InvertCaptumWarning: If some are left out.
    """
    if shown is None and names is None:
        return SampleEntries({})
    indices = list(dict.fromkeys(wanted))
    left = max_megabytes * _BYTES_A_MEGABYTE
    entries: dict[int, Entry] = {}
    n_left_out = 0
    for place, index in enumerate(progress(indices, show=show_progress, description="samples")):
        entry = {} if shown is None else shown.entry(index, thumbnail)
        entry["name"] = sample_name(names, index)
        left -= len(json.dumps(entry))
        if left < 0:
            n_left_out = len(indices) - place
            break
        entries[index] = entry
    if n_left_out:
        rest = indices[len(indices) - n_left_out :]
        entries.update({index: {"name": names[index]} for index in rest if names is not None})
        warn(
            f"{n_left_out:,} of {len(indices):,} samples are not on the page, which would be "
            f"larger than max_megabytes={max_megabytes:g} allows; a larger max_megabytes, a "
            "smaller thumbnail or a smaller n_shown keeps them"
        )
    return SampleEntries(entries, n_left_out)


def sample_name(names: Sequence[str] | None, index: int) -> str:
    """Return the name of a sample: its id, or its row."""
    return f"row {index}" if names is None else names[index]

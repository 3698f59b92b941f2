"""WordNet 3.0 above the classes of ImageNet, read from what two packages install.

ImageNet's class ids are WordNet 3.0 noun offsets. ``data.noun`` comes from Debian's
``wordnet-base``, the list of classes from ``timm``, whose code is not imported.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

DEBIAN_FOLDER = "/usr/share/wordnet"
SYNSETS_OF_TIMM = "timm/data/_info/imagenet_synsets.txt"


@dataclass(frozen=True)
class Synset:
    """One noun of WordNet.

    Attributes:
        lemma: Its first word, with underscores.
        hypernyms: The offsets of its direct hypernyms, of classes (``@``) and instances (``@i``).
    """

    lemma: str
    hypernyms: tuple[str, ...]


def imagenet_offsets() -> list[str]:
    """Return the WordNet offsets of ImageNet's 1,000 classes, in the order of their index.

    Raises:
        RuntimeError: If ``timm`` is not installed, or without its list.
    """
    try:
        path = Path(str(metadata.distribution("timm").locate_file(SYNSETS_OF_TIMM)))
        wnids = path.read_text(encoding="ascii").split()
    except (metadata.PackageNotFoundError, FileNotFoundError) as error:
        raise RuntimeError(
            f"the list of ImageNet's classes is {SYNSETS_OF_TIMM} of the package timm, which is "
            "not installed: pip install timm"
        ) from error
    return [wnid.removeprefix("n") for wnid in wnids]


def read_nouns() -> dict[str, Synset]:
    """Return every noun of WordNet by its offset, from ``data.noun``.

    The folder is ``$WNSEARCHDIR`` where that is set, as for WordNet's own programs, else Debian's.

    Raises:
        RuntimeError: If the file does not exist.
    """
    path = Path(os.environ.get("WNSEARCHDIR", DEBIAN_FOLDER)) / "data.noun"
    if not path.is_file():
        raise RuntimeError(
            f"{path} does not exist: install WordNet 3.0 (apt-get install wordnet-base), or set "
            "WNSEARCHDIR to the folder of its data.noun"
        )
    lines = path.read_text(encoding="ascii").splitlines()
    return dict(
        _parse(line) for line in lines if not line.startswith(" ")
    )  # the licence is indented


def _parse(line: str) -> tuple[str, Synset]:
    """Parse a line of ``data.noun``; its format is in the manual page wndb(5WN)."""
    fields = line.partition(" | ")[0].split()
    after_words = 4 + 2 * int(fields[3], 16)
    first, n_pointers = after_words + 1, int(fields[after_words])
    pointers = [fields[first + 4 * i : first + 4 * i + 2] for i in range(n_pointers)]
    hypernyms = tuple(offset for symbol, offset in pointers if symbol in ("@", "@i"))
    return fields[0], Synset(fields[4], hypernyms)


def with_hypernyms(offset: str, nouns: dict[str, Synset]) -> set[str]:
    """Return a synset and all that is above it, up to and with ``entity``."""
    found: set[str] = set()
    waiting = [offset]
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            waiting.extend(nouns[current].hypernyms)
    return found

"""A folder's numbered TFRecord files: which belong to a split, and whether one is missing."""

from __future__ import annotations

import re
from collections import defaultdict
from itertools import islice
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from invert_captum._validation import listed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Split: TypeAlias = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")

# How many missing shards a message names.
_NAMED = 5
_SUFFIX = r"\.tfrecords?"
_NUMBERED = re.compile(rf"(?P<stem>.*?)(?P<number>\d+)(-of-(?P<total>\d+))?(?P<suffix>{_SUFFIX})?")
# The reference's loader keeps its downloads under names such as clickme_val_3.
_DOWNLOADED = re.compile(r"clickme_(train|val|test)_\d+")
_SPLIT = re.compile(r"(clickme[-_])?(?P<split>train|val|test)(?![A-Za-z])")


class _Shard(NamedTuple):
    path: Path
    stem: str
    digits: str
    total: int
    suffix: str

    @property
    def number(self) -> int:
        return int(self.digits or 0)


def shard_files(folder: Path, split: Split | None) -> list[Path]:
    """List a folder's TFRecord files, those of one split or all.

    Known names are those of ClickMe's publication (``train-17.tfrecords``), of the downloads that
    the reference's loader keeps (``clickme_train_17``), and TensorFlow's
    (``train-00017-of-00318.tfrecord``). Other files of the folder are passed over, unless they end
    in ``.tfrecord`` or ``.tfrecords``.

    Args:
        folder: The folder. If it has a folder named ``split``, all files of that one are taken.
        split: Takes the files whose names begin with it. None takes all.

    Returns:
        The files, by name and then by number.

    Raises:
        FileNotFoundError: A number is missing between the first, which is 0 or 1, and the last.
        ValueError: No file is found, or two files have one number.

    Examples:
        >>> import pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as name:
        ...     for number in range(11):
        ...         pathlib.Path(name, f"val-{number}.tfrecords").touch()
        ...     found = shard_files(pathlib.Path(name), "val")
        >>> found[2].name, found[-1].name
        ('val-2.tfrecords', 'val-10.tfrecords')
    """
    if split is not None and (folder / split).is_dir():
        folder, wanted = folder / split, None
    else:
        wanted = split
    shards = [
        _shard(path)
        for path in sorted(folder.iterdir())
        if path.is_file()
        and (re.fullmatch(_SUFFIX, path.suffix) or _DOWNLOADED.fullmatch(path.name))
        and not path.name.startswith(".")
        and wanted in (None, _split_of(path.name))
    ]
    if not shards:
        _refuse_empty(folder, wanted)
    sequences = defaultdict[str, list[_Shard]](list)
    for shard in shards:
        sequences[shard.stem].append(shard)
    for sequence in sequences.values():
        _check_sequence(folder, [shard for shard in sequence if shard.digits])
    ordered = sorted(shards, key=lambda shard: (shard.stem, shard.number, shard.path.name))
    return [shard.path for shard in ordered]


def _shard(path: Path) -> _Shard:
    match = _NUMBERED.fullmatch(path.name)
    if match is None:
        return _Shard(path, path.stem, "", 0, path.suffix)
    total = int(match["total"] or 0)
    return _Shard(path, match["stem"], match["number"], total, match["suffix"] or "")


def _split_of(name: str) -> str | None:
    match = _SPLIT.match(name)
    return match["split"] if match else None


def _check_sequence(folder: Path, shards: Sequence[_Shard]) -> None:
    # A lone file such as pixels-224.tfrecord need not be one of many.
    if not shards or (len(shards) == 1 and _split_of(shards[0].path.name) is None):
        return
    by_number: dict[int, _Shard] = {}
    for shard in shards:
        other = by_number.setdefault(shard.number, shard)
        if other is not shard:
            raise ValueError(
                f"{folder} holds {other.path.name!r} and {shard.path.name!r}; expected one shard "
                f"{shard.number}"
            )
    last = max(by_number)
    total = max(shard.total for shard in shards)
    # Where the names tell how many shards there are, a last number below that began at 0.
    first = min(1, *by_number) if last >= total else 0
    expected = range(first, max(last + 1, first + total))
    # Dates as numbers leave gaps of millions.
    if missing := list(islice((n for n in expected if n not in by_number), _NAMED)):
        # A number such as 07 shows that all are written with as many digits.
        padded = any(shard.digits[0] == "0" < shard.digits for shard in shards)
        names = ", ".join(repr(_name(n, by_number[last], padded=padded)) for n in missing)
        n_missing = len(expected) - len(by_number)
        more = f" and {n_missing - _NAMED:,} more" if n_missing > _NAMED else ""
        raise FileNotFoundError(
            f"{folder} lacks {names}{more}: shards are numbered without a gap from 0 or 1; to read "
            "a part of them, give the files themselves"
        )


def _name(number: int, like: _Shard, *, padded: bool) -> str:
    width = len(like.digits) if padded else 0
    of = re.search(r"-of-\d+", like.path.name)
    return f"{like.stem}{number:0{width}d}{of[0] if of else ''}{like.suffix}"


def _refuse_empty(folder: Path, split: str | None) -> None:
    names = sorted(path.name for path in folder.iterdir())
    held = f"it holds {listed(names)}" if names else "it is empty"
    kind = f"{split}-0.tfrecords" if split else "train-0.tfrecords"
    raise ValueError(
        f"{folder} has no TFRecord files{f' of split {split!r}' if split else ''}: {held}; "
        f"expected names like {kind!r}, or folders 'images' and 'heatmaps'"
    )

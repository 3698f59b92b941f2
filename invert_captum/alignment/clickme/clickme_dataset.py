"""ClickMe's pictures with maps of where people look, as a PyTorch data set."""

from __future__ import annotations

from multiprocessing.context import get_spawning_popen
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from invert_captum._log import warn
from invert_captum._validation import check_choice, check_integer
from invert_captum.alignment.clickme.picture_pairs import PicturePairs
from invert_captum.alignment.clickme.shard_files import SPLITS
from invert_captum.alignment.clickme.shuffling import shuffled
from invert_captum.alignment.clickme.source_paths import clickme_sources
from invert_captum.alignment.clickme.sources import Share
from invert_captum.alignment.clickme.tf_records import DamagedRecords

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from torch import Tensor

    from invert_captum.alignment.clickme.shard_files import Split
    from invert_captum.alignment.clickme.source_paths import AnyPath
    from invert_captum.alignment.clickme.sources import Entry, LoadedRecord, Source

OnDamage: TypeAlias = Literal["raise", "warn"]


class ClickMeItem(NamedTuple):
    """A picture, its class and where people look in it.

    Attributes:
        image: float32, shape (3, size, size), from 0 to 255 unless it was transformed.
        label: The class, from 0.
        heatmap: float32, shape (size, size), not negative.
        token: 1 if the heat map counts, 0 if there is none; float32, because a plain number would
            become float64 in a batch, which some devices lack.
    """

    image: Tensor
    label: int
    heatmap: Tensor
    token: Tensor


class ClickMeDataset(IterableDataset[ClickMeItem]):
    """Reads ClickMe's published TFRecord files, or one's own pictures and maps, without TensorFlow.

    A path is one of

    - a TFRecord file of ClickMe records. Pictures and maps are resized and the maps blurred as by
      the reference, see `parse_image` and `parse_heatmap`;
    - a folder of such files, named as published (``train-17.tfrecords``, see `shard_files`);
    - a folder of ``images/<class>/<name>.png`` and ``heatmaps/<class>/<name>.png`` or ``.npy``,
      see `picture_pairs`; with a split, these lie in a folder of its name, and all splits must
      give a class the same label;
    - a NumPy archive ``.npz`` of ``images``, uint8, (n, H, W, 3), ``heatmaps``, (n, H, W), and
      ``labels``, (n,). Every process that reads it holds it in memory.

    The maps of picture folders and archives are taken as finished: resized, but not blurred.
    Pictures that are not square are stretched, with their maps.

    Every record is read once, over all processes of a distributed run and all workers of a
    `DataLoader`: the processes deal the records out in turn, and the workers of each do so again.
    Some processes therefore have one record more than others, and may have more batches too, also
    with ``drop_last``. Where processes wait for each other, as in DistributedDataParallel, they
    have to agree on the end of an epoch, as in ``examples/train_harmonized.py``. Without
    ``shuffle`` the order is that of the paths and of the files. There is no length, because workers
    round their last batches up on their own; `count_records` counts.

    Args:
        paths: A file or a folder, or several.
        split: What to take of a folder: "train", "val" or "test". None takes all.
        transform: Is given the image alone, float32, (3, size, size), from 0 to 255. It must not
            move the picture, because the heat map stays.
        size: The side of images and heat maps, in pixels.
        n_classes: The number of classes; labels must be below it.
        rank: This process's number; by default that of `torch.distributed`, if that is set up.
        world_size: How many processes share the records. Given with ``rank`` or not at all.
        on_damage: What happens at a record that cannot be read: "raise" raises `DamagedRecords`
            after the good records before it. "warn" leaves it out with one warning, given by the
            reader to which the record falls; where the file's frame is damaged, so that no later
            record can be trusted, the rest of the file is left out too.
        shuffle: How many records to hold, undecoded, to draw from in random order; the files are
            shuffled too. None keeps the order.
        seed: Fixes the order, together with `set_epoch`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: An argument is out of range, a file or a folder is empty, or not laid out as it
            must be.
        FileNotFoundError: A path does not exist, or a numbered shard is missing.

    Source: the loader of the released code of Fel et al., NeurIPS 2022.

    Examples:
        Labels and maps, with the images normalised as torchvision's networks expect:

        >>> import pathlib, tempfile
        >>> import numpy as np
        >>> import torch
        >>> from torchvision.transforms import Normalize
        >>> folder = tempfile.TemporaryDirectory()
        >>> path = pathlib.Path(folder.name, "own.npz")
        >>> images = np.full((2, 64, 64, 3), 124, np.uint8)
        >>> np.savez(path, images=images, heatmaps=np.ones((2, 64, 64)), labels=np.array([7, 8]))
        >>> normalize = Normalize(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
        >>> dataset = ClickMeDataset(path, transform=normalize)
        >>> loader = torch.utils.data.DataLoader(dataset, batch_size=2)
        >>> images, labels, heatmaps, tokens = next(iter(loader))
        >>> images.shape, labels, heatmaps.shape
        (torch.Size([2, 3, 224, 224]), tensor([7, 8]), torch.Size([2, 224, 224]))
        >>> dataset.count_records(), dataset.classes  # only folders name their classes
        (2, {})

        Each epoch in another order, the same one in every run:

        >>> dataset = ClickMeDataset(path, size=8, shuffle=100, seed=0)
        >>> for epoch in (1, 2):
        ...     dataset.set_epoch(epoch)
        ...     [item.label for item in dataset]
        [8, 7]
        [7, 8]
        >>> folder.cleanup()
    """

    def __init__(
        self,
        paths: AnyPath | Iterable[AnyPath],
        split: Split | None = None,
        *,
        transform: Callable[[Tensor], Tensor] | None = None,
        size: int = 224,
        n_classes: int = 1000,
        rank: int | None = None,
        world_size: int | None = None,
        on_damage: OnDamage = "raise",
        shuffle: int | None = None,
        seed: int = 0,
    ) -> None:
        check_choice("split", split, (None, *SPLITS))
        check_choice("on_damage", on_damage, ("raise", "warn"))
        if transform is not None and not callable(transform):
            raise TypeError(f"transform is of type {type(transform).__name__}; expected a function")
        self.transform = transform
        self.size = check_integer("size", size, minimum=1)
        self.n_classes = check_integer("n_classes", n_classes, minimum=1)
        self.process = _given_process(rank, world_size)
        self.on_damage = on_damage
        self.shuffle = None if shuffle is None else check_integer("shuffle", shuffle, minimum=1)
        self.seed = check_integer("seed", seed, minimum=0)
        self.sources = clickme_sources(paths, split, self.n_classes)
        # In shared memory, workers that outlive an epoch see the next one.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()  # type: ignore[no-untyped-call]

    @property
    def classes(self) -> dict[str, int]:
        """The labels by the names of class folders; empty for records and archives."""
        folders = [source for source in self.sources if isinstance(source, PicturePairs)]
        return {name: label for folder in folders for name, label in folder.classes.items()}

    def count_records(self) -> int:
        """Count the records over all processes and workers, from headers and names alone.

        Returns:
            *int*: the number of records, including any whose content is damaged.

        Raises:
            DamagedRecords: A file is damaged so that its records cannot be counted.
        """
        return sum(source.count() for source in self.sources)

    def set_epoch(self, epoch: int) -> None:
        """Change the random order, in all processes alike; without ``shuffle`` nothing changes.

        Args:
            epoch: The number of the pass over the records that begins next, at least 0.

        Raises:
            TypeError: ``epoch`` is no integer.
            ValueError: ``epoch`` is negative.
        """
        self._epoch.fill_(check_integer("epoch", epoch, minimum=0))

    def __iter__(self) -> Iterator[ClickMeItem]:
        rank, world_size = self.process or _running_process()
        worker = get_worker_info()
        worker_id, n_workers = (worker.id, worker.num_workers) if worker else (0, 1)
        share = Share(rank, world_size, worker_id, n_workers)
        for entry in self._ordered_entries(share):
            record = self._loaded(entry)
            if record is not None:
                image = self.transform(record.image) if self.transform else record.image
                yield ClickMeItem(image, record.label, record.heatmap, torch.tensor(1.0))

    def _ordered_entries(self, share: Share) -> Iterator[Entry]:
        if self.shuffle is None:
            return self._entries(self.sources, share)
        common, own = (
            np.random.default_rng(
                np.random.SeedSequence([self.seed, int(self._epoch)], spawn_key=key)
            )
            for key in ((), (share.rank, share.worker))
        )
        # All readers must agree on the files' order, because they count records through it.
        order = common.permutation(len(self.sources))
        entries = self._entries([self.sources[i] for i in order], share)
        return shuffled(entries, self.shuffle, own)

    def _entries(self, sources: Sequence[Source], share: Share) -> Iterator[Entry]:
        first = 0
        for source in sources:
            n_read = 0
            walk = source.entries(share, first, check_all=self.on_damage == "warn")
            try:
                for entry in walk:
                    n_read += 1
                    if entry is not None:
                        yield entry
            except DamagedRecords as damage:
                if self.on_damage == "raise":
                    raise
                if share.holds(first + n_read):
                    warn(f"{damage}; it and the rest of the file are left out")
            first += n_read

    def _loaded(self, entry: Entry) -> LoadedRecord | None:
        try:
            return entry.load(self.size)
        except DamagedRecords as damage:
            if self.on_damage == "raise":
                raise
            warn(f"{damage}; it is left out")
            return None

    def __getstate__(self) -> dict[str, Any]:
        # Workers that are not forked do not know of torch.distributed; they are told by pickling.
        # A copy for any other end, such as another rank, asks for itself where it is used.
        running = _running_process() if get_spawning_popen() is not None else (0, 1)
        process = self.process or (running if running[1] > 1 else None)
        return {**self.__dict__, "process": process}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        # A copy that was not made for a worker has left the shared memory.
        if not self._epoch.is_shared():
            self._epoch.share_memory_()


def _given_process(rank: int | None, world_size: int | None) -> tuple[int, int] | None:
    if rank is None and world_size is None:
        return None
    if rank is None or world_size is None:
        raise ValueError(f"rank is {rank} and world_size is {world_size}; expected both or neither")
    world_size = check_integer("world_size", world_size, minimum=1)
    if check_integer("rank", rank, minimum=0) >= world_size:
        raise ValueError(f"rank is {rank}; expected it below world_size, which is {world_size}")
    return rank, world_size


def _running_process() -> tuple[int, int]:
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1

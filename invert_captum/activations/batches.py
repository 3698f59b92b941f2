"""What users pass as ``inputs``, cut into batches whose rows stay in a known order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    SequentialSampler,
    Subset,
)

from invert_captum.activations.batch import Batch
from invert_captum.activations.tensor_rows import TensorRows

Inputs = Tensor | tuple[Tensor, ...] | DataLoader[Any] | Dataset[Any]

SAMPLE_IDS = "sample_ids"


def check_inputs(inputs: object) -> None:
    """Raise unless ``inputs`` is tensors, a data loader, or a map-style data set."""
    if isinstance(inputs, DataLoader):
        return
    if isinstance(inputs, Dataset):
        _check_dataset(inputs)
        return
    tensors = inputs if isinstance(inputs, tuple) else (inputs,)
    expected = "expected a tensor, a tuple of tensors, or a torch.utils.data.DataLoader or Dataset"
    if not tensors:
        raise ValueError(f"inputs is an empty tuple; {expected}")
    for tensor in tensors:
        if not isinstance(tensor, Tensor):
            inside = "a tuple with " if isinstance(inputs, tuple) else ""
            raise TypeError(f"inputs is {inside}{type(tensor).__name__}; {expected}")
        if not tensor.ndim:
            raise ValueError("inputs has a tensor without axes; expected one row per sample")
    lengths = [len(tensor) for tensor in tensors]
    if len(set(lengths)) > 1:
        raise ValueError(f"inputs has tensors with {lengths} rows; expected the same number")
    if not lengths[0]:
        raise ValueError("inputs has no samples; expected at least one")


def _check_dataset(dataset: Dataset[Any]) -> None:
    if isinstance(dataset, IterableDataset) or not hasattr(dataset, "__len__"):
        raise TypeError(
            f"inputs is {type(dataset).__name__}, a data set without random access and length; "
            "expected a map-style one, or a torch.utils.data.DataLoader"
        )
    if not len(dataset):
        raise ValueError("inputs has no samples; expected at least one")


def count_samples(inputs: Inputs) -> int | None:
    """Return how many samples ``inputs`` holds, if that is known without reading them."""
    if isinstance(inputs, tuple):
        return len(inputs[0])
    if not isinstance(inputs, DataLoader):
        return len(inputs)  # type: ignore[arg-type]
    sampler = _in_order_sampler(inputs)
    if sampler is None:
        return None
    n_samples, size = len(sampler.sampler), sampler.batch_size  # type: ignore[arg-type]
    return n_samples // size * size if sampler.drop_last else n_samples


def count_batches(inputs: Inputs, batch_size: int) -> int | None:
    """Return how many batches ``inputs`` makes, if that is known without reading them."""
    if not isinstance(inputs, DataLoader):
        return -(-(count_samples(inputs) or 0) // batch_size)
    try:
        return len(inputs)
    except TypeError:
        return None


def keeps_order(inputs: Inputs) -> bool:
    """Return whether the rows of ``inputs`` come in an order that the caller knows.

    That is so for tensors, for loaders that read their dataset from first to last, and for
    iterable datasets, which have no order but the one in which they come.
    """
    if not isinstance(inputs, DataLoader):
        return True
    if inputs.num_workers and not getattr(inputs, "in_order", True):
        return False
    if isinstance(inputs.dataset, IterableDataset):
        return True
    if inputs.batch_sampler is None:
        return type(inputs.sampler) is SequentialSampler
    return _in_order_sampler(inputs) is not None


def input_batches(
    inputs: Inputs, batch_size: int, additional_forward_args: object = None
) -> Iterator[Batch]:
    """Yield the batches of ``inputs``, with checked sample ids.

    Args:
        inputs: A tensor or a tuple of tensors (arguments of the model by position), or a map-style
            data set, cut into batches of ``batch_size``; or a loader, whose batches are taken as
            they come. A batch of a loader is a tensor, a mapping of arguments by name, or a tuple
            or list whose first item is one of these. Sample ids stand under ``"sample_ids"`` in
            that mapping, or in any mapping among the other items.
        batch_size: How many samples of tensors and data sets go into a batch.
        additional_forward_args: Further arguments by position after the inputs. Of whole tensors,
            those with one row per sample are cut along.

    Raises:
        TypeError: ``inputs`` or a batch is of no such type.
        ValueError: there are no samples; the loader shuffles and gives no sample ids; ids are
            missing in some batches, not one per sample, or not unique.
    """
    check_inputs(inputs)
    extra = further_arguments(additional_forward_args)
    if isinstance(inputs, (Tensor, tuple)):
        return TensorRows.of(inputs, extra).batches(batch_size)
    if isinstance(inputs, DataLoader):
        return _checked_ids(_loader_batches(inputs, extra), needed=not keeps_order(inputs))
    return dataset_batches(inputs, range(len(inputs)), batch_size, extra)  # type: ignore[arg-type]


def dataset_batches(
    dataset: Dataset[Any], rows: range, batch_size: int, extra: tuple[object, ...]
) -> Iterator[Batch]:
    """Yield the batches of some rows of a map-style data set, with checked sample ids."""
    loader = DataLoader(Subset(dataset, rows), batch_size)
    return _checked_ids(_loader_batches(loader, extra), needed=False)


def further_arguments(additional_forward_args: object) -> tuple[object, ...]:
    """Return ``additional_forward_args`` as a tuple, empty if there are none."""
    if additional_forward_args is None:
        return ()
    more = additional_forward_args
    return more if isinstance(more, tuple) else (more,)


def _in_order_sampler(loader: DataLoader[Any]) -> BatchSampler | None:
    """Return the loader's batch sampler if it goes through a dataset from first to last."""
    sampler = loader.batch_sampler
    # A subclass may pick rows in any order.
    if type(sampler) is not BatchSampler or isinstance(loader.dataset, IterableDataset):
        return None
    return sampler if type(sampler.sampler) is SequentialSampler else None


def _loader_batches(loader: DataLoader[Any], extra: tuple[object, ...]) -> Iterator[Batch]:
    for item in loader:
        first, *rest = item if isinstance(item, (tuple, list)) and item else (item,)
        ids = next(
            (r[SAMPLE_IDS] for r in rest if isinstance(r, Mapping) and SAMPLE_IDS in r), None
        )
        if isinstance(first, Tensor):
            batch = Batch((first, *extra))
        elif isinstance(first, Mapping):
            if extra:
                raise ValueError(
                    "additional_forward_args came with batches of keyword inputs; expected "
                    "them to be in the mapping"
                )
            ids = first.get(SAMPLE_IDS, ids)
            batch = Batch((), {name: first[name] for name in first if name != SAMPLE_IDS})
        else:
            raise TypeError(
                f"inputs gives batches of type {type(item).__name__} with first item "
                f"{type(first).__name__}; expected a tensor, a mapping of keyword inputs, or a "
                "tuple or list whose first item is one of these"
            )
        yield Batch(batch.positional, batch.keywords, None if ids is None else _id_strings(ids))


def _id_strings(ids: Any) -> list[str]:
    """Return sample ids as strings; integers become their decimal digits."""
    values = ids.tolist() if hasattr(ids, "tolist") else ids
    values = [values] if isinstance(values, (str, int)) else list(values)
    for value in values:
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise TypeError(f"sample_ids holds {value!r}; expected strings or integers")
    return [str(value) for value in values]


def _checked_ids(batches: Iterator[Batch], *, needed: bool) -> Iterator[Batch]:
    seen: set[str] = set()
    given = None
    for index, batch in enumerate(batches):
        ids = batch.sample_ids
        if ids is None and needed and not index:
            raise ValueError(
                "inputs is a DataLoader that does not read its dataset in order, so that its "
                "rows cannot be matched with concepts; expected shuffle=False, or batches "
                f"with {SAMPLE_IDS!r} such as (images, {{{SAMPLE_IDS!r}: ids}})"
            )
        if given not in (None, ids is not None):
            raise ValueError(
                f"inputs gives {SAMPLE_IDS} in some batches only (not in batch "
                f"{0 if given is False else index}); expected them in all or none"
            )
        given = ids is not None
        _add_unique(ids or [], seen, batch)
        yield batch


def check_ids_of_parts(parts: Sequence[Sequence[str] | None]) -> None:
    """Raise `ValueError` unless all parts of the inputs have sample ids or none, each only once."""
    with_ids = [part for part in parts if part is not None]
    if 0 < len(with_ids) < len(parts):
        raise ValueError(f"inputs gives {SAMPLE_IDS} for some samples only; expected all or none")
    counts = Counter(one for part in with_ids for one in part)
    for one, count in counts.most_common(1):
        if count > 1:
            raise ValueError(f"{SAMPLE_IDS} holds {one!r} twice; expected unique ids")


def _add_unique(ids: list[str], seen: set[str], batch: Batch) -> None:
    if batch.sample_ids is not None and len(ids) != batch.n_samples:
        raise ValueError(
            f"inputs has a batch of {batch.n_samples} samples with {len(ids)} {SAMPLE_IDS}; "
            "expected one each"
        )
    for one in ids:
        if one in seen:
            raise ValueError(f"{SAMPLE_IDS} holds {one!r} twice; expected unique ids")
        seen.add(one)

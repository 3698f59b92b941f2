"""Work units: ranges of rows that any `concurrent.futures.Executor` computes on its own.

A unit is pure: it depends on nothing but what it is given, so that it may run twice.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import multiprocessing.context
import pickle
import threading
from concurrent.futures import BrokenExecutor, as_completed, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from invert_captum._log import progress
from invert_captum.activations.batches import (
    Inputs,
    check_ids_of_parts,
    check_inputs,
    count_samples,
    dataset_batches,
    further_arguments,
)
from invert_captum.activations.forward import Recipe, forward_pass
from invert_captum.activations.store.bits import dtype_name, from_bits, to_bits
from invert_captum.activations.tensor_rows import TensorRows

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
    from concurrent.futures import Executor, Future

    from numpy.typing import NDArray
    from torch import nn

    from invert_captum.activations.batch import Batch

# Units that only come back to memory have about so many rows.
_ROWS_IN_MEMORY = 1024


@dataclass(frozen=True)
class Job:
    """What all units of an extraction have in common.

    Args:
        model: The model.
        layers: Names of its layers.
        recipe: How activations are made.
        dataset: Map-style data set; None if the units bring rows of tensors.
        extra: Further arguments of the model after those of the data set.
    """

    model: nn.Module
    layers: tuple[str, ...]
    recipe: Recipe
    dataset: Dataset[Any] | None
    extra: tuple[object, ...]

    def batches(self, rows: range, tensors: TensorRows | None) -> Iterator[Batch]:
        """Yield the batches of some rows."""
        if tensors is not None:
            return tensors.batches(self.recipe.batch_size)
        dataset = cast("Dataset[Any]", self.dataset)  # where no tensors come; see `Units.of`
        return dataset_batches(dataset, rows, self.recipe.batch_size, self.extra)

    def modules(self) -> dict[str, nn.Module]:
        """Return the layers by name."""
        return {name: self.model.get_submodule(name) for name in self.layers}


class SharedJob:
    """A job as bytes: pickled once for all units, and unpickled once in every thread.

    Threads need models of their own, because the hooks of one would see the calls of another.

    Args:
        job: The job.

    Raises:
        TypeError: it cannot be pickled.
    """

    def __init__(self, job: Job) -> None:
        try:
            self._content = pickle.dumps(job)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise TypeError(
                "executor needs a model, a reduction and a data set that can be pickled, such as "
                f"classes and functions on the top level of a module: {error}"
            ) from error
        self._key = hashlib.sha256(self._content).hexdigest()

    def job(self) -> Job:
        """Return the job."""
        with _LOCK:
            for key in set(_OPENED) - {self._key}:
                del _OPENED[key]
            threads = _OPENED.setdefault(self._key, {})
        here = threading.get_ident()
        if here not in threads:
            threads[here] = pickle.loads(self._content)  # noqa: S301 - in transit to a worker
        return threads[here]


# By job and thread. Of one job only: models are large.
_OPENED: dict[str, dict[int, Job]] = {}
_LOCK = threading.Lock()


@dataclass(frozen=True)
class Units:
    """The inputs of an extraction, of which any range of rows can be had.

    Args:
        job: What all units have in common.
        tensors: All rows, if the inputs are tensors.
        n_samples: Number of rows.
    """

    job: Job
    tensors: TensorRows | None
    n_samples: int

    @classmethod
    def of(
        cls,
        model: nn.Module,
        layers: Mapping[str, nn.Module],
        inputs: Inputs,
        recipe: Recipe,
        additional_forward_args: object,
    ) -> Units:
        """Prepare inputs that have random access.

        Raises:
            TypeError: ``inputs`` has none.
        """
        check_inputs(inputs)
        if isinstance(inputs, DataLoader):
            raise TypeError(
                "inputs is a DataLoader, whose batches come one after the other; with executor "
                "expected a map-style torch.utils.data.Dataset, or tensors"
            )
        extra = further_arguments(additional_forward_args)
        n_samples = count_samples(inputs) or 0
        if isinstance(inputs, (Tensor, tuple)):
            job = Job(model, tuple(layers), recipe, None, ())
            return cls(job, TensorRows.of(inputs, extra), n_samples)
        return cls(Job(model, tuple(layers), recipe, inputs, extra), None, n_samples)

    def rows(self, start: int, stop: int) -> tuple[range, TensorRows | None]:
        """Return a range of rows, with their tensors."""
        stop = min(stop, self.n_samples)
        tensors = None if self.tensors is None else self.tensors.between(start, stop)
        return range(start, stop), tensors


def run_units(
    executor: Executor,
    units: Iterable[tuple[Callable[..., Any], tuple[Any, ...]]],
    *,
    show_progress: bool,
    advice: str,
) -> list[Any]:
    """Run functions with arguments on ``executor`` and return what they give, in order.

    Raises:
        RuntimeError: workers died, so that the executor works no more; ``advice`` tells what to
            do.
    """
    futures: list[Future[Any]] = []
    try:
        futures.extend(executor.submit(function, *given) for function, given in units)
        done = progress(
            as_completed(futures), show=show_progress, description="row blocks", total=len(futures)
        )
        for future in done:
            future.result()
        return [future.result() for future in futures]
    except BrokenExecutor as error:
        raise RuntimeError(f"a worker of the executor died ({error}); {advice}") from error
    finally:
        # Units that run cannot be cancelled, and must not write after the call has ended.
        wait([future for future in futures if not future.cancel()])
        _OPENED.clear()


def share_job(executor: Executor, job: Job) -> Any:
    """Return the job as units get it.

    An executor of dask gets it once and keeps it where its workers find it, also after one of
    them has died; other executors send it with every unit.
    """
    shared = SharedJob(job)
    submit = getattr(getattr(executor, "_client", None), "submit", None)
    return shared if submit is None else submit(_same, shared)


def _same(shared: SharedJob) -> SharedJob:
    return shared


def extract_in_units(
    executor: Executor,
    model: nn.Module,
    layers: Mapping[str, nn.Module],
    inputs: Inputs,
    recipe: Recipe,
    additional_forward_args: object,
    show_progress: bool,
) -> Generator[tuple[list[Tensor], list[str] | None]]:
    """Yield the activations of all layers and the sample ids of ranges of rows, in order."""
    units = Units.of(model, layers, inputs, recipe, additional_forward_args)
    shared = share_job(executor, units.job)
    step = max(_ROWS_IN_MEMORY // recipe.batch_size, 1) * recipe.batch_size
    calls = [
        (compute_rows, (shared, *units.rows(start, start + step)))
        for start in range(0, units.n_samples, step)
    ]
    advice = "give the call a store, and it can be resumed"
    found = run_units(executor, calls, show_progress=show_progress, advice=advice)
    check_ids_of_parts([ids for _, ids in found])
    for layers_found, ids in found:
        yield [from_bits(bits, dtype) for bits, dtype in layers_found], ids


def compute_rows(
    shared: SharedJob, rows: range, tensors: TensorRows | None
) -> tuple[list[tuple[NDArray[Any], str]], list[str] | None]:
    """Return the activations of some rows as bits and dtype, by layer, and their sample ids."""
    if isinstance(multiprocessing.current_process(), multiprocessing.context.ForkProcess):
        # The threads that torch had before the fork are not there, but it would wait for them.
        torch.set_num_threads(1)
    job = shared.job()
    blocks: list[list[Tensor]] = []
    ids: list[str] = []
    with forward_pass(job.model, job.modules(), job.recipe) as activations:
        for batch in job.batches(rows, tensors):
            blocks.append(activations(batch))
            ids += batch.sample_ids or []
    layers = [torch.cat(parts) for parts in zip(*blocks, strict=True)]
    # Arrays, because tensors would travel through shared memory.
    return [(to_bits(rows), dtype_name(rows)) for rows in layers], ids or None

"""Concepts from Captum's own: each brings the inputs that show it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from invert_captum._log import progress
from invert_captum._validation import as_list, listed
from invert_captum.concepts.labels import is_tensor, labels_from_columns
from invert_captum.concepts.names import check_names

if TYPE_CHECKING:
    from collections.abc import Iterable

    import torch
    from captum.concept import Concept

    from invert_captum.concepts.concept_set import ConceptSet


def from_captum(
    concepts: Iterable[Concept], *, show_progress: bool = False
) -> tuple[torch.Tensor, ConceptSet]:
    """Read inputs and labels from ``captum.concept.Concept`` objects.

    An input counts as negative for the concepts that it was not listed under: leave out concepts
    for which that would be wrong. Inputs whose bytes are equal are one sample, so an input listed
    under two concepts is positive for both (and one listed twice under a concept counts once); a
    random augmentation inside ``data_iter`` hides that they are equal.

    Each ``data_iter`` is read once, and inputs and labels come from that one pass: a loader that
    shuffles is fine here, as long as the returned inputs, and no second pass, go to the model.

    Args:
        concepts: Concepts with unique names, each with a ``data_iter``. Its batches are tensors
            (b, ...), or tuples or lists whose first item is such a tensor (all else is ignored).
        show_progress: Whether to draw a progress bar.

    Returns:
        *tuple[Tensor, ConceptSet]*: the distinct inputs (n, ...), in the order in which they came,
        and the concepts, whose rows are these inputs.

    Raises:
        TypeError: If an item of ``concepts`` is no concept, or a batch holds no tensor.
        ValueError: If ``concepts`` is empty, names come twice, a ``data_iter`` is None or yields
            nothing, or inputs differ in shape, dtype or device.

    Examples:
        >>> import torch
        >>> from captum.concept import Concept
        >>> striped = Concept(0, "striped", [torch.tensor([[1.0, 2.0], [3.0, 4.0]])])
        >>> zebra = Concept(1, "zebra", [torch.tensor([[3.0, 4.0]])])
        >>> inputs, concepts = from_captum([striped, zebra])
        >>> tuple(inputs.shape), concepts.labels.toarray().tolist()
        ((2, 2), [[True, False], [True, True]])
    """
    import torch

    from invert_captum.concepts.concept_set import ConceptSet

    iterables = _checked(concepts)
    known: dict[bytes, int] = {}
    distinct: list[torch.Tensor] = []
    columns = []
    for name, batches in progress(iterables.items(), show=show_progress, description="Concepts"):
        rows: list[int] = []
        for batch in batches:
            inputs = _inputs(name, batch, distinct[0] if distinct else None)
            digests = [_digest(item) for item in inputs]
            first = [i for i, digest in enumerate(digests) if _is_new(digest, known)]
            if first:
                distinct.append(inputs[first])
            rows.extend(known[digest] for digest in digests)
        if not rows:
            raise ValueError(
                f"the data_iter of concept {name!r} yields no inputs; expected at least one "
                "(an iterator that was read before is used up: pass a DataLoader or a list)"
            )
        columns.append(sorted(set(rows)))
    labels = labels_from_columns(columns, len(known))
    return torch.cat(distinct), ConceptSet(labels, list(iterables))


def _checked(concepts: object) -> dict[str, Iterable[object]]:
    items: list[Any] = as_list("concepts", concepts)
    if not items:
        raise ValueError("concepts is empty; expected at least one captum.concept.Concept")
    for position, item in enumerate(items):
        if not (hasattr(item, "name") and hasattr(item, "data_iter")):
            raise TypeError(
                f"concepts[{position}] is a {type(item).__name__}; "
                "expected a captum.concept.Concept"
            )
    names = check_names([item.name for item in items], len(items))
    iterables = {name: item.data_iter for name, item in zip(names, items, strict=True)}
    if empty := [name for name, batches in iterables.items() if batches is None]:
        raise ValueError(f"data_iter is None for {listed(empty)}; expected an iterable of batches")
    return iterables


def _inputs(name: str, batch: object, earlier: torch.Tensor | None) -> torch.Tensor:
    first = batch[0] if isinstance(batch, (tuple, list)) and batch else batch
    if not is_tensor(first):
        raise TypeError(
            f"a batch of concept {name!r} is a {type(batch).__name__}; expected a tensor, "
            "or a tuple or list whose first item is one"
        )
    if first.ndim == 0:
        raise ValueError(f"a batch of concept {name!r} is a single number; expected shape (b, ...)")
    if earlier is not None:
        kind = (tuple(first.shape[1:]), first.dtype, first.device)
        expected = (tuple(earlier.shape[1:]), earlier.dtype, earlier.device)
        if kind != expected:
            raise ValueError(
                f"inputs of concept {name!r} have shape {kind[0]}, {kind[1]} on {kind[2]}; "
                f"earlier inputs have shape {expected[0]}, {expected[1]} on {expected[2]}: "
                "expected one kind"
            )
    return first.detach()


def _digest(item: torch.Tensor) -> bytes:
    import torch

    flat = item.cpu().contiguous().reshape(-1).view(torch.uint8)
    return hashlib.sha256(flat.numpy().tobytes()).digest()


def _is_new(digest: bytes, known: dict[bytes, int]) -> bool:
    """Give ``digest`` the next row, unless it has one."""
    count = len(known)
    return known.setdefault(digest, count) == count

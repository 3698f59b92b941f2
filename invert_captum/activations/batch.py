"""Batches: the arguments of one call of the model, and which samples they are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """One call of the model: its arguments, and which samples they are.

    Args:
        positional: Arguments of the model by position.
        keywords: Arguments of the model by name.
        sample_ids: One id per sample, or None.
    """

    positional: tuple[object, ...] = ()
    keywords: Mapping[str, object] = field(default_factory=dict)
    sample_ids: list[str] | None = None

    @property
    def n_samples(self) -> int:
        """Length of the first axis of the first tensor."""
        for value in (*self.positional, *self.keywords.values()):
            if isinstance(value, Tensor) and value.ndim:
                return len(value)
        raise TypeError("inputs has a batch without any tensor; expected at least one")

    def to(self, device: torch.device | None) -> Batch:
        """Return the batch with its tensors on ``device`` (None: where they are)."""
        positional = tuple(to_device(value, device) for value in self.positional)
        keywords = {name: to_device(value, device) for name, value in self.keywords.items()}
        return Batch(positional, keywords, self.sample_ids)


def to_device(value: Any, device: torch.device | None) -> Any:
    """Return ``value`` with every tensor inside tuples, lists and mappings on ``device``."""
    if isinstance(value, Tensor):
        return value if device is None else value.to(device)
    if isinstance(value, Mapping):
        return {key: to_device(item, device) for key, item in value.items()}
    if type(value) in (tuple, list):
        return type(value)(to_device(item, device) for item in value)
    return value


def batch_digest(batch: Batch) -> str:
    """Return the SHA-256 of what the model gets: names, dtypes, shapes and bytes of all tensors.

    Numbers, strings and the like count by their value, data classes by their fields.

    Raises:
        TypeError: there is an object whose content is not known.

    Examples:
        >>> one, other = Batch((torch.zeros(2),)), Batch((torch.zeros(2, dtype=torch.int32),))
        >>> batch_digest(one) == batch_digest(other)
        False
    """
    digest = hashlib.sha256()
    for part in _parts((batch.positional, batch.keywords)):
        digest.update(part)
    return digest.hexdigest()


def _parts(value: Any) -> Iterator[bytes]:
    if isinstance(value, Tensor) or (isinstance(value, np.ndarray) and not value.dtype.hasobject):
        yield f"{value.dtype}{tuple(value.shape)};".encode()
        yield _bytes_of(value) if isinstance(value, Tensor) else value.tobytes()
    elif isinstance(value, Mapping):
        yield f"{len(value)} by name;".encode()
        for name in sorted(value, key=str):
            yield from _parts(name)
            yield from _parts(value[name])
    elif isinstance(value, (tuple, list)):
        yield f"{len(value)} in order;".encode()
        for item in value:
            yield from _parts(item)
    elif isinstance(value, _PLAIN) and not isinstance(value, np.object_):
        yield f"{type(value).__qualname__} {value!r};".encode()
    elif is_dataclass(value) and not isinstance(value, type):
        yield f"{type(value).__qualname__};".encode()
        yield from _parts({one.name: getattr(value, one.name) for one in fields(value)})
    else:
        kind = type(value).__qualname__
        kind = f"array of dtype {value.dtype}" if isinstance(value, np.ndarray) else kind
        raise TypeError(
            f"inputs or additional_forward_args holds {kind}, whose content a store cannot tell "
            "from others; expected tensors, arrays, numbers, strings, None, and data classes, "
            "tuples, lists and mappings of these"
        )


_PLAIN = (
    *(str, bytes, int, float, complex, type(None), np.generic),
    *(torch.dtype, torch.device, torch.Size),
)


def _bytes_of(tensor: Tensor) -> bytes:
    dense = tensor.detach().to("cpu").resolve_conj().resolve_neg()
    dense = dense if dense.layout == torch.strided else dense.to_dense()
    # NumPy has no bfloat16: look at the bytes.
    return dense.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()

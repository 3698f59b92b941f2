"""What permutations say of a block, as plain data for a checkpoint's JSON, exact to the bit."""

from __future__ import annotations

import base64
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from invert_captum.labeling.permutation_test import PermutedBlock

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DTYPES = {"uses_shared": "|b1", "n_used": "<i8"}


def to_plain(permuted: PermutedBlock | None) -> dict[str, Any] | None:
    """Return the arrays as text with their shapes."""
    if permuted is None:
        return None
    return {one.name: _packed(one.name, getattr(permuted, one.name)) for one in fields(permuted)}


def from_plain(content: dict[str, Any] | None, n_neurons: int) -> PermutedBlock | None:
    """Return what `to_plain` packed.

    Raises:
        KeyError, TypeError, ValueError: If it is not of ``n_neurons`` neurons.
    """
    if content is None:
        return None
    arrays: dict[str, Any] = {
        one.name: _unpacked(one.name, content[one.name]) for one in fields(PermutedBlock)
    }
    permuted = PermutedBlock(**arrays)
    lengths = {len(arrays[name]) for name in arrays if name != "null"}
    if lengths != {n_neurons} or permuted.null.shape[1] != n_neurons:
        raise ValueError("it does not have one permuted table a neuron")
    return permuted


def _packed(name: str, array: NDArray[Any]) -> dict[str, Any]:
    raw = np.ascontiguousarray(array, _DTYPES.get(name, "<f8")).tobytes()
    return {"shape": list(array.shape), "base64": base64.b64encode(raw).decode("ascii")}


def _unpacked(name: str, content: dict[str, Any]) -> NDArray[Any]:
    dtype = np.dtype(_DTYPES.get(name, "<f8"))
    raw = base64.b64decode(content["base64"], validate=True)
    return np.frombuffer(raw, dtype).reshape(content["shape"]).astype(dtype.newbyteorder("="))

"""Label matrices: any boolean matrix becomes one canonical, read-only CSR array."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from numpy.typing import ArrayLike, NDArray

    BooleanCSR: TypeAlias = sparse.csr_array[np.bool_, tuple[int, int]]
    BooleanMatrix: TypeAlias = (
        NDArray[np.bool_] | torch.Tensor | sparse.sparray[Any, Any] | sparse.spmatrix[Any]
    )

_LISTED = 5


def boolean_csr(labels: BooleanMatrix) -> BooleanCSR:
    """Return a read-only CSR copy of ``labels``: sorted, without duplicates or explicit zeros.

    Args:
        labels: Boolean matrix (samples x concepts): a numpy array, a torch tensor of any layout
            on any device, or a scipy.sparse matrix or array of any format.

    Returns:
        The same labels; two equal matrices give arrays that are equal entry for entry.

    Raises:
        TypeError: If ``labels`` is something else, or its dtype is not boolean.
        ValueError: If ``labels`` is not two-dimensional, or is masked.
    """
    _check_kind(labels)
    _check_dtype(labels)
    matrix = _csr_copy(labels)
    matrix.check_format(full_check=True)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    index_dtype = np.int32 if max(matrix.nnz, *matrix.shape) < 2**31 else np.int64
    return frozen_csr(
        matrix.indptr.astype(index_dtype), matrix.indices.astype(index_dtype), matrix.shape
    )


def frozen_csr(
    indptr: NDArray[np.integer[Any]], indices: NDArray[np.integer[Any]], shape: tuple[int, int]
) -> BooleanCSR:
    """Return the CSR array of canonical ``indptr`` and ``indices``, its buffers set read-only."""
    present = np.ones(len(indices), dtype=np.bool_)
    for buffer in (present, indices, indptr):
        buffer.setflags(write=False)
    return shared_csr(sparse.csr_array((present, indices, indptr), shape=shape, copy=False))


def shared_csr(matrix: BooleanCSR) -> BooleanCSR:
    """Return a new CSR array over the buffers of ``matrix``, which is in canonical format.

    Setting an item of a CSR array can replace its buffers; handing out a new array each time
    keeps the owner's own out of reach.
    """
    view = sparse.csr_array(
        (matrix.data, matrix.indices, matrix.indptr), shape=matrix.shape, copy=False
    )
    view.has_canonical_format = True
    return view


def labels_from_columns(columns: Sequence[ArrayLike], n_samples: int) -> BooleanCSR:
    """Return the label matrix whose concept ``j`` is present in the samples ``columns[j]``."""
    rows = [np.asarray(column, dtype=np.int64) for column in columns]
    indptr = np.cumsum([0, *(len(column) for column in rows)])
    indices = np.concatenate([np.empty(0, dtype=np.int64), *rows])
    present = np.ones(len(indices), dtype=np.bool_)
    return sparse.csc_array((present, indices, indptr), shape=(n_samples, len(rows))).tocsr()


def is_tensor(value: object) -> TypeGuard[torch.Tensor]:
    """Tell whether ``value`` is a torch tensor, without loading torch."""
    return isinstance(value, _tensor_type())


def _tensor_type() -> tuple[type, ...]:
    loaded = sys.modules.get("torch")
    return () if loaded is None else (loaded.Tensor,)


def _check_kind(labels: Any) -> None:
    accepted: tuple[Any, ...] = (np.ndarray, sparse.sparray, sparse.spmatrix, *_tensor_type())
    if not isinstance(labels, accepted):
        hint = ""
        if type(labels).__name__ == "DataFrame":
            hint = "; ConceptSet.from_dataframe reads data frames"
        raise TypeError(
            f"labels is a {type(labels).__name__}; expected a boolean matrix (samples x concepts) "
            f"as a numpy array, a torch tensor or a scipy.sparse array{hint}"
        )
    dimensions = tuple(labels.shape)
    if len(dimensions) != 2:
        raise ValueError(
            f"labels has shape {dimensions}; expected two dimensions, samples x concepts"
        )
    if np.ma.is_masked(labels):
        raise ValueError("labels has masked entries; expected every entry to be True or False")


def _check_dtype(labels: Any) -> None:
    if str(labels.dtype) in {"bool", "torch.bool"}:
        return
    values = _distinct_values(labels)
    if all(value in (0, 1) for value in values):
        cast = "labels.bool()" if is_tensor(labels) else "labels.astype(bool)"
        raise TypeError(
            f"labels has dtype {labels.dtype} and only the values 0 and 1; "
            f"expected dtype bool: pass {cast}"
        )
    shown = ", ".join(str(value) for value in values[:_LISTED])
    more = ", ..." if len(values) > _LISTED else ""
    raise TypeError(
        f"labels has dtype {labels.dtype} and the values {shown}{more}; expected dtype bool: "
        "say which values mean that the concept is present, for example labels == 1"
    )


def _distinct_values(labels: Any) -> list[Any]:
    values = _stored_values(labels).ravel()
    if values.size < labels.shape[0] * labels.shape[1]:
        values = np.append(values, 0)
    if values.dtype.kind in "iuf":
        distinct: list[Any] = np.unique(values).tolist()
        return distinct
    return list({repr(value): value for value in values.tolist()}.values())


def _stored_values(labels: Any) -> NDArray[Any]:
    if isinstance(labels, np.ndarray):
        return labels
    if not is_tensor(labels):
        stored: NDArray[Any] = labels.tocoo().data
        return stored
    values = labels.detach().cpu()
    if values.layout != _strided():
        values = values.to_sparse().coalesce().values()
    # numpy has no bfloat16.
    return (values.double() if values.is_floating_point() else values).numpy()


def _csr_copy(labels: Any) -> BooleanCSR:
    if not is_tensor(labels):
        return sparse.csr_array(labels, copy=True)
    tensor = labels.detach().cpu()
    if tensor.layout == _strided():
        return sparse.csr_array(tensor.numpy())
    # Counted as integers: what coalescing does to repeated booleans differs between devices.
    entries = tensor.to_sparse().to(sys.modules["torch"].int64).coalesce()
    rows, columns = entries.indices().numpy()
    return sparse.csr_array(
        (entries.values().numpy() != 0, (rows, columns)), shape=(tensor.shape[0], tensor.shape[1])
    )


def _strided() -> Any:
    return sys.modules["torch"].strided

"""The concept set file: a compressed ``.npz`` of index arrays and one JSON text, no pickle."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from invert_captum._files import replacing
from invert_captum.concepts.content import ConceptContent
from invert_captum.concepts.labels import frozen_csr
from invert_captum.concepts.names import check_descriptions, check_names, check_sample_ids

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from invert_captum.concepts.labels import BooleanCSR

FORMAT = "invert-captum concept set"
VERSION = 1


def write_concept_file(path: str | os.PathLike[str], content: ConceptContent) -> None:
    """Write ``content`` to ``path`` in one step; equal contents give equal bytes."""
    text = {
        "format": FORMAT,
        "version": VERSION,
        "names": content.names,
        "descriptions": content.descriptions,
        "sample_ids": content.sample_ids,
    }
    arrays: dict[str, Any] = {
        "indptr": content.labels.indptr.astype("<i8"),
        "indices": content.labels.indices.astype("<i8"),
        "shape": np.array(content.labels.shape, dtype="<i8"),
        "metadata": np.frombuffer(json.dumps(text).encode("ascii"), dtype=np.uint8),
    }
    # Given an open file, numpy leaves the name as it is instead of appending .npz.
    with replacing(path) as file:
        np.savez_compressed(file, **arrays)


def read_concept_file(path: str | os.PathLike[str]) -> ConceptContent:
    """Read a concept set file, checking everything before it is used.

    Raises:
        OSError: If the file cannot be opened.
        ValueError: If it is not a complete concept set file; the message names the path.
    """
    with Path(path).open("rb") as file:
        try:
            return _checked(_read_arrays(file))
        except Exception as error:
            # A damaged archive can fail in any layer below: zip, zlib, numpy's header, JSON.
            raise ValueError(
                f"{os.fspath(path)!r} is not a file that ConceptSet.save has written: {error}"
            ) from error


def _read_arrays(file: Any) -> dict[str, NDArray[Any]]:
    archive = np.load(file, allow_pickle=False)
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise TypeError("it holds a single array")
    with archive:
        return {key: archive[key] for key in ("indptr", "indices", "shape", "metadata")}


def _checked(arrays: dict[str, NDArray[Any]]) -> ConceptContent:
    metadata = arrays["metadata"]
    if metadata.dtype != np.uint8 or metadata.ndim != 1:
        raise ValueError(f"its metadata is {metadata.dtype} of shape {metadata.shape}")
    text = json.loads(metadata.tobytes().decode("utf-8"))
    if not isinstance(text, dict) or text.get("format") != FORMAT:
        raise ValueError(f"its metadata does not name the format {FORMAT!r}")
    if text.get("version") != VERSION:
        raise ValueError(
            f"it has version {text.get('version')!r} of the format, "
            f"and this version of the package reads version {VERSION}"
        )
    labels = _checked_labels(arrays["indptr"], arrays["indices"], arrays["shape"])
    n_samples, n_concepts = labels.shape
    return ConceptContent(
        labels,
        check_names(text.get("names"), n_concepts),
        check_descriptions(text.get("descriptions"), n_concepts),
        check_sample_ids(text.get("sample_ids"), n_samples),
    )


def _checked_labels(indptr: NDArray[Any], indices: NDArray[Any], shape: NDArray[Any]) -> BooleanCSR:
    for name, array in (("indptr", indptr), ("indices", indices), ("shape", shape)):
        if array.dtype.kind != "i" or array.ndim != 1:
            raise ValueError(f"its {name} is {array.dtype} of shape {array.shape}")
    if len(shape) != 2 or shape.min() < 0:
        raise ValueError(f"its shape is {shape.tolist()}")
    n_samples, n_concepts = (int(length) for length in shape)
    indptr, indices = indptr.astype(np.int64), indices.astype(np.int64)
    # Compared, not subtracted: the difference of hostile numbers can wrap around.
    if (
        len(indptr) != n_samples + 1
        or indptr[0] != 0
        or indptr[-1] != len(indices)
        or (indptr[1:] < indptr[:-1]).any()
    ):
        raise ValueError(f"its indptr does not divide {len(indices)} labels among its samples")
    if indices.size and (indices.min() < 0 or indices.max() >= n_concepts):
        raise ValueError(f"its indices point outside its {n_concepts} concepts")
    ascending = indices[1:] > indices[:-1]
    row_starts = indptr[1:-1]
    # Between two rows an index may fall; an empty last row starts past the last step.
    ascending[row_starts[(row_starts > 0) & (row_starts < len(indices))] - 1] = True
    if not ascending.all():
        raise ValueError("its indices do not ascend within each sample")
    return frozen_csr(indptr, indices, (n_samples, n_concepts))

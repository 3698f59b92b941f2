"""What a concept set holds, and what can be computed from that alone."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import sparse

from invert_captum._validation import listed
from invert_captum.concepts.labels import boolean_csr
from invert_captum.concepts.names import (
    check_descriptions,
    check_names,
    check_sample_ids,
    duplicates,
    unique_ids,
)
from invert_captum.concepts.rows import rows_at, rows_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from invert_captum.concepts.labels import BooleanCSR, BooleanMatrix


class ConceptContent(NamedTuple):
    """Labels (n, k) in canonical format, k names, k descriptions or None, n sample ids or None."""

    labels: BooleanCSR
    names: tuple[str, ...]
    descriptions: tuple[str, ...] | None
    sample_ids: tuple[str, ...] | None


def checked_content(
    labels: BooleanMatrix, names: object, descriptions: object, sample_ids: object
) -> ConceptContent:
    """Return the content of a new set, or raise for what `ConceptSet` does not allow."""
    matrix = boolean_csr(labels)
    n_samples, n_concepts = matrix.shape
    return ConceptContent(
        matrix,
        check_names(names, n_concepts),
        check_descriptions(descriptions, n_concepts),
        check_sample_ids(sample_ids, n_samples),
    )


def columns_at(content: ConceptContent, columns: ArrayLike) -> ConceptContent:
    """Return ``content`` with the concepts at ``columns`` only, in that order."""
    wanted = np.asarray(columns, dtype=np.intp)
    descriptions = content.descriptions
    return ConceptContent(
        content.labels[:, wanted],
        tuple(content.names[column] for column in wanted),
        None if descriptions is None else tuple(descriptions[column] for column in wanted),
        content.sample_ids,
    )


def samples_at(content: ConceptContent, rows: ArrayLike) -> ConceptContent:
    """Return ``content`` with the samples at ``rows`` only, in that order."""
    wanted = np.asarray(rows, dtype=np.intp)
    sample_ids = content.sample_ids
    return ConceptContent(
        content.labels[wanted],
        content.names,
        content.descriptions,
        None if sample_ids is None else tuple(sample_ids[row] for row in wanted),
    )


def taken(content: ConceptContent, sample_indices: object) -> ConceptContent:
    """Return the samples that ``sample_indices`` stands for: row numbers, or a boolean mask."""
    rows = rows_at(sample_indices, content.labels.shape[0])
    if content.sample_ids is not None and (repeated := duplicates(rows.tolist())):
        raise ValueError(
            f"sample_indices repeats {listed(repeated)}; expected each row at most once, "
            "because the set has sample ids, which are unique"
        )
    return samples_at(content, rows)


def joined(content: ConceptContent, sample_ids: object) -> ConceptContent:
    """Return the samples named ``sample_ids``, in that order."""
    if content.sample_ids is None:
        raise ValueError("the concept set has no sample_ids; expected ids to join on")
    return samples_at(content, rows_of(unique_ids(sample_ids), content.sample_ids))


def merged(first: ConceptContent, second: ConceptContent) -> ConceptContent:
    """Return the concepts of both over the samples of ``first``.

    Raises:
        ValueError: If the samples are not the same, or a concept is in both.
    """
    n_samples = first.labels.shape[0]
    if second.labels.shape[0] != n_samples:
        raise ValueError(
            f"other has {second.labels.shape[0]:,} samples, this set has {n_samples:,}; "
            "expected the same samples"
        )
    known = set(first.names)
    if shared := [name for name in second.names if name in known]:
        raise ValueError(f"both sets have {listed(shared)}; expected different concepts")
    if first.sample_ids is not None and second.sample_ids is not None:
        second = samples_at(second, rows_of(first.sample_ids, second.sample_ids))
    descriptions = None
    if first.descriptions is not None or second.descriptions is not None:
        descriptions = (first.descriptions or ("",) * len(first.names)) + (
            second.descriptions or ("",) * len(second.names)
        )
    return ConceptContent(
        sparse.hstack([first.labels, second.labels], format="csr"),
        first.names + second.names,
        descriptions,
        second.sample_ids if first.sample_ids is None else first.sample_ids,
    )


def same(first: ConceptContent, second: ConceptContent) -> bool:
    """Tell whether two contents are equal in every part."""
    return (
        first.labels.shape == second.labels.shape
        and first[1:] == second[1:]
        and np.array_equal(first.labels.indptr, second.labels.indptr)
        and np.array_equal(first.labels.indices, second.labels.indices)
    )


def fingerprint(content: ConceptContent) -> str:
    """Return the SHA-256 (hex) of shape, names and labels, whatever the index dtype."""
    digest = hashlib.sha256(json.dumps([content.labels.shape, content.names]).encode("ascii"))
    digest.update(content.labels.indptr.astype("<i8").tobytes())
    digest.update(content.labels.indices.astype("<i8").tobytes())
    return digest.hexdigest()

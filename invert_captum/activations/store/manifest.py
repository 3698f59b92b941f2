"""The manifest: what the activations of a store were computed from, and how they are kept."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from invert_captum.activations.store.layout import BITS, LayerLayout, Layout
from invert_captum.activations.store.sealed_json import sealed, unsealed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from invert_captum.activations.store.folder import Folder

KEY = "manifest.json"
_KIND = "invert-captum activation store"
_FORMAT = 1


@dataclass(frozen=True)
class Manifest:
    """Everything about a store but its row blocks.

    Args:
        origin: What must agree when an extraction goes on, plain data by name: model, layers,
            reduction and so on.
        layout: How the layers are stored.
        n_samples: Number of samples, None as long as it is not known.
        complete: Whether all row blocks were there and of one data set when the extraction ended.
        versions: Of the packages that made the store.
    """

    origin: Mapping[str, Any]
    layout: Layout
    n_samples: int | None
    complete: bool = False
    versions: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return the manifest as plain data."""
        return {
            "kind": _KIND,
            "format": _FORMAT,
            "n_samples": self.n_samples,
            "complete": self.complete,
            "origin": dict(self.origin),
            "layers": [asdict(layer) for layer in self.layout.layers],
            "block_rows": self.layout.block_rows,
            "versions": dict(self.versions),
        }

    def write(self, folder: Folder) -> None:
        """Write the manifest into the store."""
        folder.write(KEY, sealed(self.document()))
        folder.settle([KEY])

    def completed(self, n_samples: int) -> Manifest:
        """Return the manifest of the complete store."""
        return replace(self, n_samples=n_samples, complete=True)

    @cached_property
    def origin_sha256(self) -> str:
        """SHA-256 of the origin, by which records belong to this store."""
        return hashlib.sha256(json.dumps(self.origin, sort_keys=True).encode()).hexdigest()


def read_manifest(folder: Folder) -> Manifest | None:
    """Return the manifest of a store, or None if there is none.

    Raises:
        ValueError: it is damaged or was written by a later version.
    """
    try:
        content = folder.read(KEY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        document = unsealed(content)
        if document.get("kind") != _KIND:
            raise ValueError("the file is no manifest of an activation store")
        if document.get("format") != _FORMAT:
            raise ValueError(
                f"its format is {document.get('format')!r}; this version reads {_FORMAT}"
            )
        return _manifest(document)
    except ValueError as error:
        raise ValueError(f"{KEY} of {folder.location!r} cannot be used: {error}") from error


def _manifest(document: dict[str, Any]) -> Manifest:
    try:
        layers = tuple(LayerLayout(**layer) for layer in document["layers"])
        manifest = Manifest(
            document["origin"],
            Layout(layers, document["block_rows"]),
            document["n_samples"],
            document["complete"],
            document["versions"],
        )
    except (KeyError, TypeError) as error:
        raise ValueError("it lacks an entry or has one too many") from error
    sizes = [manifest.layout.block_rows]
    sizes += [size for layer in layers for size in (layer.n_neurons, layer.chunk_neurons)]
    sizes += [] if manifest.n_samples is None else [manifest.n_samples]
    whole = all(type(size) is int and size > 0 for size in sizes)
    # Array names become parts of paths.
    named = [layer.array for layer in layers] == [f"layer_{i}" for i in range(len(layers))]
    known = all(isinstance(layer.name, str) and layer.dtype in BITS for layer in layers)
    distinct = len({layer.name for layer in layers}) == len(layers) > 0
    keyed = isinstance(manifest.origin, dict) and type(manifest.origin.get("keyed_by_layer"))
    flags = keyed is type(manifest.complete) is bool
    if not (whole and named and known and distinct and flags):
        raise ValueError("an entry is not what it should be")
    return manifest

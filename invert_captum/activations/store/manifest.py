"""The manifest: what the activations of a store were computed from, and how they are kept."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from invert_captum.activations.store.layout import BITS, LayerLayout, Layout
from invert_captum.activations.store.sealed_json import sealed, unsealed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from invert_captum.activations.store.folder import Folder
    from invert_captum.activations.store.records import BlockRecord

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
        counted: How many samples the inputs said that they hold, None if they did not.
        in_order: Whether the inputs came in an order that the caller knows.
        versions: Of the packages that made the store.
        store_id: Drawn by chance, so that no writer takes another store for this one.
        inputs_sha256: Of the inputs of each row block, once the store has been complete.
        content_sha256: Of all records when the extraction ended, as long as the store is complete.
    """

    origin: Mapping[str, Any]
    layout: Layout
    n_samples: int | None
    counted: int | None = None
    in_order: bool | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    store_id: str = field(default_factory=lambda: secrets.token_hex(16))
    inputs_sha256: tuple[str, ...] = ()
    content_sha256: str | None = None

    @property
    def complete(self) -> bool:
        """Whether all row blocks were there and of one data set when the extraction ended."""
        return self.content_sha256 is not None

    def document(self) -> dict[str, Any]:
        """Return the manifest as plain data."""
        return {
            "kind": _KIND,
            "format": _FORMAT,
            "store_id": self.store_id,
            "n_samples": self.n_samples,
            "counted": self.counted,
            "in_order": self.in_order,
            "complete": self.complete,
            "inputs_sha256": list(self.inputs_sha256),
            "content_sha256": self.content_sha256,
            "origin": dict(self.origin),
            "layers": [asdict(layer) for layer in self.layout.layers],
            "block_rows": self.layout.block_rows,
            "versions": dict(self.versions),
        }

    def write(self, folder: Folder) -> None:
        """Write the manifest into the store."""
        folder.write(KEY, sealed(self.document()))
        folder.settle([KEY])

    def completed(self, n_samples: int, records: Iterable[BlockRecord]) -> Manifest:
        """Return the manifest of the complete store with these records, in order."""
        records = list(records)
        inputs = tuple(record.inputs_sha256 for record in records)
        content = content_sha256(records)
        return replace(self, n_samples=n_samples, inputs_sha256=inputs, content_sha256=content)

    def reopened(self) -> Manifest:
        """Return the manifest of the store while it lacks row blocks again."""
        return replace(self, content_sha256=None)


def content_sha256(records: Iterable[BlockRecord]) -> str:
    """Return a SHA-256 of inputs, sample ids and checksums of all row blocks."""
    digest = hashlib.sha256()
    for record in records:
        digest.update(record.sha256.encode())
    return digest.hexdigest()


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


def same_store(folder: Folder, store_id: str) -> Manifest:
    """Return the manifest of a store that is being written.

    Raises:
        RuntimeError: it is gone, or another store is in its place.
    """
    manifest = read_manifest(folder)
    if manifest is None or manifest.store_id != store_id:
        raise RuntimeError(
            f"the activation store at {folder.location!r} was deleted or replaced while it was "
            "written; expected one extraction for one store"
        )
    return manifest


def _manifest(document: dict[str, Any]) -> Manifest:
    try:
        layers = tuple(LayerLayout(**layer) for layer in document["layers"])
        manifest = Manifest(
            document["origin"],
            Layout(layers, document["block_rows"]),
            document["n_samples"],
            document["counted"],
            document["in_order"],
            document["versions"],
            document["store_id"],
            tuple(document["inputs_sha256"]),
            document["content_sha256"],
        )
    except (KeyError, TypeError) as error:
        raise ValueError("it lacks an entry or has one too many") from error
    if not (_is_layout(manifest.layout) and _is_content(manifest)):
        raise ValueError("an entry is not what it should be")
    return manifest


def _is_layout(layout: Layout) -> bool:
    layers = layout.layers
    sizes = [layout.block_rows]
    sizes += [size for layer in layers for size in (layer.n_neurons, layer.chunk_neurons)]
    texts = [text for layer in layers for text in (layer.name, layer.array, layer.dtype)]
    if not (all(map(_is_size, sizes)) and _are_texts(texts)):
        return False
    # Array names become parts of paths.
    named = [layer.array for layer in layers] == [f"layer_{i}" for i in range(len(layers))]
    distinct = len({layer.name for layer in layers}) == len(layers) > 0
    return named and distinct and all(layer.dtype in BITS for layer in layers)


def _is_content(manifest: Manifest) -> bool:
    origin, versions, content = manifest.origin, manifest.versions, manifest.content_sha256
    if not (isinstance(origin, dict) and isinstance(versions, dict)):
        return False
    if not all(one is None or _is_size(one) for one in (manifest.n_samples, manifest.counted)):
        return False
    once = manifest.n_samples is not None and len(manifest.inputs_sha256) == (
        manifest.layout.n_blocks(manifest.n_samples)
    )
    texts = [manifest.store_id, *manifest.inputs_sha256, *versions.values()]
    return (
        isinstance(origin.get("keyed_by_layer"), bool)
        and manifest.in_order in (None, False, True)
        and _are_texts(texts if content is None else [*texts, content])
        and (once if manifest.inputs_sha256 else content is None)
    )


def _is_size(value: object) -> bool:
    return type(value) is int and value > 0


def _are_texts(values: Iterable[object]) -> bool:
    return all(isinstance(value, str) for value in values)

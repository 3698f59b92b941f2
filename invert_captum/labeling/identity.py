"""What determines the outcome of every unit of a run, and how two runs differ in it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from invert_captum._version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from invert_captum.concepts import ConceptSet
    from invert_captum.labeling.block import LabeledBlock
    from invert_captum.labeling.settings import LabelingSettings
    from invert_captum.labeling.split import Split
    from invert_captum.labeling.units import Unit
    from invert_captum.neuron_columns import NeuronColumns
    from invert_captum.neuron_columns.stores import StoredMatrix

_SPLIT_SETTINGS = ("significance", "holdout_fraction", "n_folds", "seed")


def run_identity(
    settings: LabelingSettings,
    concepts: ConceptSet,
    *,
    split: Split,
    neurons: Sequence[int] | None,
    layers: Mapping[str | None, NeuronColumns],
    stored: Mapping[str | None, StoredMatrix],
) -> dict[str, Any]:
    """Return all that the outcome of a run depends on, as plain data for JSON.

    Args:
        settings: The checked arguments.
        concepts: The concepts as given.
        split: What is held out from which search.
        neurons: The columns that were chosen, or None for all.
        layers: The activations of every layer.
        stored: The same, if they are in a store, which knows their fingerprint; else empty.
            Activations in memory are told apart unit by unit, by their digests.
    """
    return {
        "package": __version__,
        # As JSON gives it back: lists for tuples.
        "settings": json.loads(json.dumps(asdict(settings))),
        "n_samples": concepts.n_samples,
        "concepts_sha256": concepts.fingerprint,
        "split_sha256": _sha256_of_split(split),
        "neurons": None if neurons is None else list(neurons),
        "layers": [
            {
                "name": name,
                "n_neurons": columns.n_neurons,
                "sha256": stored[name].store.fingerprint(stored[name].layer) if stored else None,
            }
            for name, columns in layers.items()
        ],
    }


def sha256(content: object) -> str:
    """Return the SHA-256 of plain data for JSON, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _sha256_of_split(split: Split) -> str:
    parts = (split.heldout, split.folds, split.groups)
    return sha256([None if part is None else part.tolist() for part in parts])


def differences(earlier: dict[str, Any], present: dict[str, Any]) -> list[str]:
    """Say in which respects a run is not an earlier one, by argument; empty if it is."""
    then, now = earlier["settings"], present["settings"]
    found = [
        f"{name} is {now.get(name)!r}, in the checkpoint {then.get(name)!r}"
        for name in {**now, **then}
        if then.get(name) != now.get(name)
    ]
    if earlier["package"] != present["package"]:
        found.append(
            f"invert-captum is {present['package']}, in the checkpoint {earlier['package']}"
        )
    for key, what in (
        ("n_samples", "the number of samples differs"),
        ("concepts_sha256", "concepts differ"),
        ("neurons", "neurons differ"),
    ):
        if earlier[key] != present[key]:
            found.append(what)
    same_seed = all(then.get(name) == now.get(name) for name in _SPLIT_SETTINGS)
    if same_seed and earlier["split_sha256"] != present["split_sha256"]:
        found.append("groups differ")
    return found + _differing_layers(earlier["layers"], present["layers"])


def _differing_layers(then: list[dict[str, Any]], now: list[dict[str, Any]]) -> list[str]:
    names = [[layer["name"] for layer in layers] for layers in (now, then)]
    if names[0] != names[1]:
        return [f"activations have the layers {names[0]}, in the checkpoint {names[1]}"]
    return [
        "activations differ" if new["name"] is None else f"activations[{new['name']!r}] differ"
        for old, new in zip(then, now, strict=True)
        if old != new
    ]


def fingerprints(units: Sequence[Unit], blocks: Sequence[LabeledBlock]) -> dict[str, str]:
    """Return the SHA-256 of every layer's digests."""
    digests: dict[str, Any] = {}
    for unit, block in zip(units, blocks, strict=True):
        of_layer = digests.setdefault(unit.layer or "", hashlib.sha256())
        of_layer.update(np.array(block.digests, "<u8").data)
    return {name: digest.hexdigest() for name, digest in digests.items()}

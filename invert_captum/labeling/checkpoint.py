"""Checkpoints: a folder with a manifest and one small file for every finished unit.

Every file is written aside and then renamed, and carries a SHA-256 of its content, so that a run
may be killed at any moment: what is there is whole, or it is computed again.
"""

from __future__ import annotations

import errno
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from invert_captum._files import replacing
from invert_captum._log import logger
from invert_captum._validation import listed
from invert_captum.labeling.block import LabeledBlock
from invert_captum.labeling.identity import differences, sha256
from invert_captum.labeling.permuted_content import from_plain, to_plain
from invert_captum.result import LabelingResult
from invert_captum.result.file_content import read_table
from invert_captum.result.files import as_plain_data

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from invert_captum.concepts import ConceptSet
    from invert_captum.labeling.units import Unit

_FORMAT = "invert-captum labeling checkpoint"
_VERSION = 2
_MANIFEST = "manifest.json"
_FULL = (errno.ENOSPC, errno.EDQUOT)


class Checkpoint:
    """The finished units of a run, kept in a folder.

    Args:
        folder: The folder; it is made, with its parents, if it does not exist.
        identity: What determines the outcome of the run; see `run_identity`.
        sizes: How many neurons a unit has, by layer; an earlier run's are kept.
        concepts: The concepts of the run.

    Attributes:
        folder: The folder.
        sizes: How many neurons a unit has, by layer.

    Raises:
        OSError: If the folder cannot be read or written.
        ValueError: If it holds something else, or the units of another run.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        identity: dict[str, Any],
        sizes: dict[str | None, int],
        concepts: ConceptSet,
    ) -> None:
        self.folder = Path(folder).expanduser()
        self._known = {"concepts": list(concepts.names), "n_samples": concepts.n_samples}
        manifest = self._read_manifest()
        if manifest is None:
            manifest = _sealed(
                {
                    "format": _FORMAT,
                    "version": _VERSION,
                    "run": identity,
                    "unit_sizes": list(sizes.values()),
                }
            )
            self._write(_MANIFEST, manifest)
        differing = differences(manifest["run"], identity)
        if differing:
            raise ValueError(
                f"checkpoint {str(self.folder)!r} is of another run: {'; '.join(differing)}; "
                "expected the arguments of that run, or another folder"
            )
        self.sizes = dict(zip(sizes, manifest["unit_sizes"], strict=True))
        self._run = manifest["sha256"]

    def finished(self, units: Sequence[Unit]) -> list[Unit]:
        """Return those of the run's units that have a file."""
        names = {path.name for path in self.folder.iterdir()}
        return [unit for unit in units if _name(unit) in names]

    def load(self, unit: Unit) -> LabeledBlock | None:
        """Return a finished unit, or None, with a logged warning, if its file is damaged."""
        path = self.folder / _name(unit)
        try:
            content = _unsealed(path.read_bytes())
            if content["run"] != self._run or content["unit"] != unit.number:
                raise ValueError("it belongs to another run or unit")
            explanations = read_table(content["table"], self._known)
            of_unit = [(unit.layer, neuron) for neuron in unit.neurons]
            if list(dict.fromkeys((one.layer, one.neuron) for one in explanations)) != of_unit:
                raise ValueError("it has other neurons than the unit")
            digests = tuple(int(digest, 16) for digest in content["digests"])
            if len(digests) != len(unit.neurons):
                raise ValueError("it does not have one digest a neuron")
            least = tuple(math.nan if p is None else float(p) for p in content["least_log10_p"])
            if len(least) != len(unit.neurons):
                raise ValueError("it does not have one least p-value a neuron")
            permuted = from_plain(content["permuted"], len(unit.neurons))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            logger.warning("%s is damaged, its unit is computed again: %s", path, error)
            return None
        return LabeledBlock(explanations, digests, least, permuted)

    def save(self, unit: Unit, block: LabeledBlock) -> None:
        """Keep a finished unit.

        Raises:
            OSError: If it cannot be written, such as on a full disk; what was kept before stays.
        """
        content = {
            "run": self._run,
            "unit": unit.number,
            "digests": [f"{digest:016x}" for digest in block.digests],
            "least_log10_p": [None if math.isnan(p) else p for p in block.least_log10_p],
            "permuted": to_plain(block.permuted),
            "table": as_plain_data(LabelingResult(block.explanations, {}))["table"],
        }
        self._write(_name(unit), _sealed(content))

    def other_activations(self, unit: Unit) -> ValueError:
        """Return the error for a finished unit whose activations are not those of this run."""
        which = "" if unit.layer is None else f"[{unit.layer!r}]"
        return ValueError(
            f"checkpoint {str(self.folder)!r} is of another run: activations{which} differ, "
            f"among them those of neurons {listed(unit.neurons)}; expected the arguments of "
            "that run, or another folder"
        )

    def _read_manifest(self) -> dict[str, Any] | None:
        """Return the manifest, or None where there is none yet."""
        if self.folder.exists() and not self.folder.is_dir():
            raise NotADirectoryError(f"checkpoint {str(self.folder)!r} is no folder")
        path = self.folder / _MANIFEST
        if path.exists():
            try:
                return _checked_manifest(path.read_bytes())
            except (ValueError, TypeError, KeyError, RecursionError) as error:
                raise ValueError(f"checkpoint: {str(path)!r} cannot be used: {error}") from error
        # A run that is killed before its manifest is written leaves a hidden file.
        others = sorted(p.name for p in self.folder.glob("*") if not p.name.startswith("."))
        if others:
            raise ValueError(
                f"checkpoint {str(self.folder)!r} holds no checkpoint, but {listed(others)}; "
                "expected a new or empty folder, or that of an earlier run"
            )
        return None

    def _write(self, name: str, content: dict[str, Any]) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with replacing(self.folder / name) as file:
                file.write(_as_json(content))
        except OSError as error:
            why = "the disk is full" if error.errno in _FULL else str(error.strerror or error)
            raise OSError(
                error.errno,
                f"checkpoint {str(self.folder)!r} cannot be written: {why}; the units finished so "
                "far are kept, and the same call goes on from there",
            ) from error


def _name(unit: Unit) -> str:
    return f"unit-{unit.number:08d}.json"


def _as_json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()


def _sealed(content: dict[str, Any]) -> dict[str, Any]:
    return {**content, "sha256": sha256(content)}


def _unsealed(content: bytes) -> dict[str, Any]:
    parsed = json.loads(content)
    if not isinstance(parsed, dict):
        raise TypeError("it holds no JSON object")
    if "sha256" not in parsed:
        raise ValueError(
            "it is none of a labelling's, which have a SHA-256 (an activation store is given as "
            "activations, with another folder as checkpoint)"
        )
    rest = {name: value for name, value in parsed.items() if name != "sha256"}
    if parsed.get("sha256") != sha256(rest):
        raise ValueError("its content does not have the SHA-256 that it says")
    return parsed


def _checked_manifest(content: bytes) -> dict[str, Any]:
    parsed = _unsealed(content)
    if parsed.get("format") != _FORMAT:
        raise ValueError(f"its format is not {_FORMAT!r}")
    if parsed.get("version") != _VERSION:
        version = parsed.get("version")
        raise ValueError(f"its version is {version!r}; this release reads version {_VERSION}")
    if not all(isinstance(size, int) and size > 0 for size in parsed["unit_sizes"]):
        raise ValueError("its units have no size")
    return parsed

"""The settings of a labelling: checked on the way in, written down in the result."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal, get_args

from invert_captum._validation import check_choice, check_fraction, check_integer, shown
from invert_captum._version import __version__
from invert_captum.result.packed_mask import pack_mask
from invert_captum.search import SIGNS, Sign
from invert_captum.significance import CORRECTIONS, Alternative

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from invert_captum.concepts import ConceptSet

Significance = Literal["holdout", "in_sample"]

_MAX_SEED = 2**32 - 1
_LIBRARIES = ("captum", "numpy", "scikit-learn", "scipy", "statsmodels", "torch", "torchvision")
_DIRECTIONS: dict[str, Alternative] = {
    "positive": "greater",
    "negative": "less",
    "absolute_value": "two-sided",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelingSettings:
    """The arguments of `label_neurons` that are no data, checked; it documents them.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If an argument's value is not possible.
    """

    max_length: int
    beam_width: int
    top_k: int
    min_fraction: float
    max_fraction: float
    min_positives: int
    sign: Sign
    significance: Significance | None
    alternative: Literal["two-sided"] | None
    correction: str
    alpha: float
    holdout_fraction: float
    seed: int

    def __post_init__(self) -> None:
        for name in ("max_length", "beam_width", "top_k"):
            self._keep(name, check_integer(name, getattr(self, name), minimum=1))
        self._keep("min_positives", check_integer("min_positives", self.min_positives, minimum=0))
        self._keep("seed", check_integer("seed", self.seed, minimum=0))
        if self.seed > _MAX_SEED:
            raise ValueError(f"seed is {self.seed}; expected at most {_MAX_SEED}")
        if self.top_k > self.beam_width:
            raise ValueError(
                f"top_k is {self.top_k}, but the search keeps beam_width={self.beam_width} formulas"
            )
        for name in ("min_fraction", "max_fraction"):
            self._keep(name, check_fraction(name, getattr(self, name)))
        if self.min_fraction > self.max_fraction:
            raise ValueError(
                f"min_fraction={self.min_fraction} is above max_fraction={self.max_fraction}"
            )
        check_choice("sign", self.sign, SIGNS)
        check_choice("significance", self.significance, (*get_args(Significance), None))
        check_choice("alternative", self.alternative, (None, "two-sided"))
        check_choice("correction", self.correction, CORRECTIONS)
        for name in ("alpha", "holdout_fraction"):
            self._keep(name, check_fraction(name, getattr(self, name), open_interval=True))

    def _keep(self, name: str, value: float) -> None:
        """Keep Python's own number, which a file can hold, instead of NumPy's."""
        object.__setattr__(self, name, value)

    def direction(self, auc: float) -> Alternative:
        """Return the alternative of the test of a formula that has ``auc`` where it was found."""
        if self.alternative is not None:
            return self.alternative
        if self.sign == "absolute_value" and self.significance == "holdout":
            return "greater" if auc >= 0.5 else "less"
        return _DIRECTIONS[self.sign]


def check_run_arguments(block_size: object, checkpoint: object, executor: object) -> None:
    """Check the arguments of `label_neurons` that change how it runs, but not what comes out.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If ``block_size`` is below 1.
    """
    if block_size is not None:
        check_integer("block_size", block_size, minimum=1)
    if not isinstance(checkpoint, (str, os.PathLike, type(None))):
        raise TypeError(f"checkpoint is {shown(checkpoint)}; expected the path of a folder or None")
    if isinstance(checkpoint, str) and "://" in checkpoint:
        raise ValueError(f"checkpoint is {shown(checkpoint)}; expected a local folder, no URL")
    if not isinstance(executor, (Executor, type(None))):
        raise TypeError(
            f"executor is {shown(executor)}; expected a concurrent.futures.Executor or None (of a "
            "Dask client: client.get_executor())"
        )


def describe(
    settings: LabelingSettings,
    concepts: ConceptSet,
    *,
    neurons: list[int] | None,
    groups: Sequence[object] | None,
    heldout: NDArray[np.bool_] | None,
    fingerprints: dict[str, str],
) -> dict[str, Any]:
    """Return all that is needed to repeat a labelling, as plain data for JSON.

    Args:
        settings: The checked arguments.
        concepts: The concepts as given.
        neurons: The columns that were chosen, or None for all.
        groups: The group of every sample, or None; only a fingerprint is kept.
        heldout: Which samples were held out, bool of shape (n,), or None.
        fingerprints: SHA-256 of every layer's activations.
    """
    described: dict[str, Any] = asdict(settings)
    described["neurons"] = neurons
    described["groups_sha256"] = None if groups is None else _sha256_of_groups(groups)
    described["n_samples"] = concepts.n_samples
    described["concepts"] = list(concepts.names)
    described["heldout"] = None if heldout is None else pack_mask(heldout)
    described["fingerprints"] = {"concepts": concepts.fingerprint, "activations": fingerprints}
    described["versions"] = {
        "invert-captum": __version__,
        "python": platform.python_version(),
        **{library: version(library) for library in _LIBRARIES},
    }
    return described


def _sha256_of_groups(groups: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps([str(group) for group in groups]).encode()).hexdigest()

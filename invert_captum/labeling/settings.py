"""The settings of a labelling: checked on the way in, written down in the result."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal, get_args

from invert_captum._validation import check_choice, check_fraction, check_integer, shown
from invert_captum._version import __version__
from invert_captum.result.groups import sha256_of_groups
from invert_captum.result.packed_mask import pack_folds, pack_mask
from invert_captum.search import SIGNS, Sign
from invert_captum.significance import (
    CORRECTIONS,
    FOLD_COMBINATIONS,
    FOLD_STATISTICS,
    SCORES,
    Alternative,
)

if TYPE_CHECKING:
    from invert_captum.concepts import ConceptSet
    from invert_captum.labeling.split import Split

Significance = Literal["holdout", "permutation", "in_sample"]
FoldCombination = Literal["minimum", "mean", "median", "forward_stouffer", "stouffer"]
TiedNeurons = Literal["own_null", "random_tie_breaks", "untied_approximation"]

# Max-T: each neuron's best score standardised by its own permuted scores, or as it is.
_JOINT_CORRECTIONS = ("westfall_young", "westfall_young_raw")
# A fold's number is kept in a byte.
_MOST_FOLDS = 256

_DEFAULT_HOLDOUT = 0.5
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
    n_folds: int | None
    fold_combination: FoldCombination | None
    n_permutations: int | None
    tied_neurons: TiedNeurons
    scores: Sequence[str]
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
        check_choice("correction", self.correction, (*CORRECTIONS, *_JOINT_CORRECTIONS))
        check_choice("tied_neurons", self.tied_neurons, get_args(TiedNeurons))
        for name in ("alpha", "holdout_fraction"):
            self._keep(name, check_fraction(name, getattr(self, name), open_interval=True))
        self._check_folds()
        self._check_permutations()
        self._keep("scores", _checked_scores(self.scores))

    def _check_folds(self) -> None:
        if self.n_folds is None:
            if self.fold_combination is not None:
                raise ValueError("fold_combination is given, but there are no folds: set n_folds")
            return
        self._keep("n_folds", check_integer("n_folds", self.n_folds, minimum=2))
        if self.holdout_fraction != _DEFAULT_HOLDOUT:
            raise ValueError(
                f"holdout_fraction={self.holdout_fraction} is given, but n_folds={self.n_folds} "
                "says what is held out"
            )
        if self.n_folds > _MOST_FOLDS:
            raise ValueError(f"n_folds is {self.n_folds}; expected at most {_MOST_FOLDS}")
        if self.significance not in ("holdout", "permutation"):
            raise ValueError(
                f"n_folds is given, but significance={self.significance!r} holds nothing out; "
                "expected 'holdout' or 'permutation'"
            )
        combination: Any = self.fold_combination
        if self.significance == "holdout":
            self._keep("fold_combination", combination or "minimum")
            check_choice("fold_combination", self.fold_combination, FOLD_COMBINATIONS)
        else:
            self._keep("fold_combination", combination or "stouffer")
            check_choice("fold_combination", self.fold_combination, FOLD_STATISTICS)

    def _check_permutations(self) -> None:
        if self.significance == "permutation":
            if self.n_permutations is not None:
                number = check_integer("n_permutations", self.n_permutations, minimum=1)
                self._keep("n_permutations", number)
            if self.alternative is not None:
                raise ValueError(
                    "alternative is given, but a permutation test takes its direction from sign"
                )
            if self.is_joint and self.tied_neurons != "own_null":
                raise ValueError(
                    f"tied_neurons={self.tied_neurons!r} is given, but correction="
                    f"{self.correction!r} compares every neuron with its own permuted searches"
                )
            return
        for name, default in (("n_permutations", None), ("tied_neurons", "own_null")):
            if getattr(self, name) != default:
                raise ValueError(f"{name} is given, but significance={self.significance!r}")
        if self.is_joint:
            raise ValueError(
                f"correction={self.correction!r} needs significance='permutation'; others: "
                f"{', '.join(CORRECTIONS)}"
            )

    @property
    def is_joint(self) -> bool:
        """Whether the correction compares with the greatest of all neurons' permuted scores."""
        return self.correction in _JOINT_CORRECTIONS

    @property
    def needs_activations(self) -> bool:
        """Whether anything beyond the search itself is computed from activations."""
        return self.significance in ("holdout", "permutation") or bool(self.scores)

    def _keep(self, name: str, value: object) -> None:
        """Keep what was checked: Python's own numbers, which a file can hold, not NumPy's."""
        object.__setattr__(self, name, value)

    def direction(self, auc: float) -> Alternative:
        """Return the alternative of the test of a formula that has ``auc`` where it was found."""
        if self.alternative is not None:
            return self.alternative
        if self.sign == "absolute_value" and self.significance != "in_sample":
            return "greater" if auc >= 0.5 else "less"
        return _DIRECTIONS[self.sign]


def _checked_scores(scores: object) -> tuple[str, ...]:
    if isinstance(scores, str) or not isinstance(scores, Iterable):
        raise TypeError(f"scores is {shown(scores)}; expected a sequence of {', '.join(SCORES)}")
    names = tuple(scores)
    for name in names:
        check_choice("an entry of scores", name, tuple(SCORES))
    return tuple(dict.fromkeys(names))


def check_run_arguments(
    block_size: object, checkpoint: object, null_cache: object, executor: object
) -> None:
    """Check the arguments of `label_neurons` that change how it runs, but not what comes out.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If ``block_size`` is below 1.
    """
    if block_size is not None:
        check_integer("block_size", block_size, minimum=1)
    for name, folder in (("checkpoint", checkpoint), ("null_cache", null_cache)):
        if not isinstance(folder, (str, os.PathLike, type(None))):
            raise TypeError(f"{name} is {shown(folder)}; expected the path of a folder or None")
        if isinstance(folder, str) and "://" in folder:
            raise ValueError(f"{name} is {shown(folder)}; expected a local folder, no URL")
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
    split: Split,
    fingerprints: dict[str, str],
    n_untestable: int,
    n_permutations: int | None,
) -> dict[str, Any]:
    """Return all that is needed to repeat a labelling, as plain data for JSON.

    Args:
        settings: The checked arguments.
        concepts: The concepts as given.
        neurons: The columns that were chosen, or None for all.
        groups: The group of every sample, or None; only a fingerprint is kept.
        split: What is held out from which search.
        fingerprints: SHA-256 of every layer's activations.
        n_untestable: How many neurons could not have been found significant.
        n_permutations: How many permutations there were, if any.
    """
    # As JSON gives it back: lists for tuples.
    described: dict[str, Any] = json.loads(json.dumps(asdict(settings)))
    described["neurons"] = neurons
    described["groups_sha256"] = sha256_of_groups(groups)
    described["n_samples"] = concepts.n_samples
    described["concepts"] = list(concepts.names)
    described["heldout"] = None if split.heldout is None else pack_mask(split.heldout)
    described["folds"] = None if split.folds is None else pack_folds(split.folds)
    described["fingerprints"] = {"concepts": concepts.fingerprint, "activations": fingerprints}
    described["n_untestable"] = n_untestable
    described["n_permutations"] = n_permutations
    described["versions"] = {
        "invert-captum": __version__,
        "python": platform.python_version(),
        **{library: version(library) for library in _LIBRARIES},
    }
    return described

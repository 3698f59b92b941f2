"""Labelling one block of neurons: set aside, search, test."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from invert_captum.labeling.cross_fitting import CrossFitting
from invert_captum.labeling.hold_out_test import HELD_OUT, SEARCHED, PartTests
from invert_captum.labeling.permutation_test import BestScore, PermutationTest
from invert_captum.labeling.searches import LabelSearch
from invert_captum.result import Explanation
from invert_captum.search import ActivationRows, Permutations, auc
from invert_captum.significance import mann_whitney_log10_p

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from numpy.typing import NDArray

    from invert_captum.concepts import ConceptSet
    from invert_captum.labeling.permutation_test import PermutedBlock, Procedure
    from invert_captum.labeling.settings import LabelingSettings
    from invert_captum.labeling.split import Split
    from invert_captum.search import Found, SearchedBlock


@dataclass(frozen=True, slots=True)
class LabeledBlock:
    """What came out for some neurons of a layer.

    Attributes:
        explanations: Not yet corrected for their number; one without formula for each neuron that
            was set aside.
        digests: A number for every neuron that depends on all of its activations.
        least_log10_p: float64, shape (d,): the least log10 p that each neuron's label, as rare as
            it is, could have had on the held-out samples; NaN where there is no such test.
        permuted: What permutations say, if there are any.
    """

    explanations: tuple[Explanation, ...]
    digests: tuple[int, ...]
    least_log10_p: tuple[float, ...]
    permuted: PermutedBlock | None = None


class BlockLabeler:
    """Labels blocks of neurons, each neuron on its own.

    Args:
        concepts: The concepts that have positives and negatives.
        split: What is held out from which search.
        settings: The checked arguments.
        n_permutations: How many permutations there are, if there are any.

    Attributes:
        permutation_test: The test by permutations, or None.

    Raises:
        ValueError: If no concept and no negated concept is within the limits.
    """

    def __init__(
        self,
        concepts: ConceptSet,
        split: Split,
        settings: LabelingSettings,
        n_permutations: int | None = None,
    ) -> None:
        self._settings = settings
        self._split = split
        self._search = LabelSearch(
            concepts, split.heldout, settings, top_k=settings.top_k, n_samples=concepts.n_samples
        )
        self._folds = None if split.folds is None else CrossFitting(concepts, split, settings)
        self.permutation_test: PermutationTest | None = None
        if settings.significance == "permutation" and n_permutations is not None:
            procedure: Procedure = self._folds or BestScore(self._search)
            permutations = Permutations(concepts.n_samples, settings.seed, split.groups)
            self.permutation_test = PermutationTest(
                procedure, permutations, n_permutations, settings
            )

    def label(
        self, layer: str | None, neurons: Sequence[int], activations: ActivationRows | torch.Tensor
    ) -> LabeledBlock:
        """Return the explanations of some neurons of a layer.

        Args:
            layer: The layer's name.
            neurons: Which columns of its activations are given.
            activations: Their activations, as `NeuronColumns.block` returns them.
        """
        block = self._search.run(activations)
        fields, least = self._fields(block), np.full(len(neurons), math.nan)
        permuted = None
        if self._settings.needs_activations:
            rows = _on_cpu(activations)
            self._test_parts(rows, block, fields, least)
            if self._folds is not None:
                self._test_folds(self._folds, rows, block, fields, least)
            if self.permutation_test is not None:
                permuted = self.permutation_test.run(rows, block)
        explanations = []
        for at, neuron in enumerate(neurons):
            if not block.usable[at]:
                explanations.append(Explanation(layer, neuron, 0, None))
            for rank, found in enumerate(block.found[at]):
                explanations.append(
                    Explanation(layer, neuron, rank, found.formula, **fields[at][rank])
                )
        digests = tuple(block.digests.tolist())
        return LabeledBlock(tuple(explanations), digests, tuple(least.tolist()), permuted)

    def _fields(self, block: SearchedBlock) -> list[list[dict[str, Any]]]:
        """Return the fields of every neuron's explanations that rest on the searched samples."""
        return [
            [self._of_search(one, ties) for one in found]
            for found, ties in zip(block.found, block.tie_sums, strict=True)
        ]

    def _of_search(self, found: Found, tie_sums: tuple[int, int]) -> dict[str, Any]:
        n_searched, n_positive = self._search.n_searched, sum(found.sizes)
        size, rank_sum = np.array(found.sizes[SEARCHED]), np.array(found.rank_sums[SEARCHED])
        searched_auc = float(auc(size, rank_sum, n_searched))
        log10_p = math.nan
        if self._settings.significance == "in_sample":
            log10_p = mann_whitney_log10_p(
                found.rank_sums[SEARCHED],
                found.sizes[SEARCHED],
                n_searched,
                tie_sum=tie_sums[SEARCHED],
                alternative=self._settings.direction(searched_auc),
            )
        return {
            "length": found.formula.length,
            "auc": searched_auc,
            "fraction": n_positive / (n_searched + self._search.n_heldout),
            "n_positive": n_positive,
            "log10_p": log10_p,
            "p_value": 10.0**log10_p,
        }

    def _test_folds(
        self,
        folds: CrossFitting,
        rows: ActivationRows,
        block: SearchedBlock,
        fields: list[list[dict[str, Any]]],
        least: NDArray[np.float64],
    ) -> None:
        """Add to ``fields`` what rests on the folds."""
        aucs = [of_neuron[0]["auc"] if of_neuron else math.nan for of_neuron in fields]
        for neuron, of_folds in enumerate(folds.fields(rows, block, aucs)):
            if not of_folds:
                continue
            least[neuron] = of_folds.pop("least_log10_p", math.nan)
            scores = of_folds.pop("scores") | fields[neuron][0].get("scores", {})
            fields[neuron][0] |= {**of_folds, "scores": scores}

    def _test_parts(
        self,
        rows: ActivationRows,
        block: SearchedBlock,
        fields: list[list[dict[str, Any]]],
        least: NDArray[np.float64],
    ) -> None:
        """Add to ``fields`` what rests on the held-out samples, and further scores."""
        split, has_heldout = self._split, self._search.n_heldout > 0
        if not has_heldout and not self._settings.scores:
            return
        tests = PartTests(
            self._search, self._settings, rows, block, groups=split.groups, heldout=split.heldout
        )
        for neuron, of_neuron in enumerate(fields):
            if not of_neuron:
                continue
            if has_heldout:
                for place, separation in enumerate(tests.separations(neuron, HELD_OUT)):
                    one = of_neuron[place]
                    one |= tests.heldout_fields(neuron, place, separation, one["auc"])
                    scores = tests.scores(separation, one["auc"])
                    one["scores"] = {f"heldout_{name}": score for name, score in scores.items()}
                    if place == 0:
                        least[neuron] = tests.least_log10_p(separation, one["auc"])
            if self._settings.scores:
                for place, separation in enumerate(tests.separations(neuron, SEARCHED)):
                    one = of_neuron[place]
                    scores = tests.scores(separation, one["auc"])
                    one["scores"] = scores | one.get("scores", {})


def _on_cpu(activations: ActivationRows | torch.Tensor) -> ActivationRows:
    if isinstance(activations, ActivationRows):
        return activations
    from invert_captum.neuron_columns import rows_of_tensor

    return rows_of_tensor(activations)

"""What a figure tells of one neuron, gathered and checked before anything is drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from invert_captum._validation import check_fraction, check_integer
from invert_captum.report.auc_check import check_auc
from invert_captum.report.roc import RocBand, RocCurve, roc_band
from invert_captum.result.check import check_same_data, labeled_columns
from invert_captum.result.groups import check_groups

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from invert_captum.concepts import ConceptSet
    from invert_captum.neuron_columns import Activations
    from invert_captum.result import Explanation, Key, LabelingResult


@dataclass(frozen=True)
class BootstrapChoice:
    """How a band is drawn around a ROC curve.

    Attributes:
        n_bootstrap: How many draws; 0 for no band.
        level: The share of draws that it holds at each point, in (0, 1).
        seed: Of the draws.
        groups: The groups of the labelling, if it had any.
    """

    n_bootstrap: int
    level: float
    seed: int
    groups: Sequence[object] | None

    def __post_init__(self) -> None:
        """Refuse what is out of range, also where nothing can be drawn."""
        check_integer("n_bootstrap", self.n_bootstrap, minimum=0)
        check_fraction("level", self.level, open_interval=True)
        check_integer("seed", self.seed, minimum=0)


@dataclass(frozen=True)
class NeuronView:
    """One label of one neuron, on the samples.

    Attributes:
        name: ``neuron 17``.
        explanation: The label.
        values: The activations (n,).
        members: For which samples the label holds (n,).
        heldout: Which samples the search did not see (n,); None where it saw all.
        curve: The ROC curve on these, or on all; of the negated activations where ``is_low``. None
            where these samples have no positives or no negatives.
        band: What the bootstrap says of it.
        settings: Of the labelling.
        is_low: Whether the label claims low activations; not where it fails to show high ones.
    """

    name: str
    explanation: Explanation
    values: npt.NDArray[np.float64]
    members: npt.NDArray[np.bool_]
    heldout: npt.NDArray[np.bool_] | None
    curve: RocCurve | None
    band: RocBand | None
    settings: dict[str, Any]
    is_low: bool

    @classmethod
    def of(
        cls,
        result: LabelingResult,
        neuron: Key,
        activations: Activations,
        concepts: ConceptSet,
        rank: int,
        bootstrap: BootstrapChoice,
    ) -> NeuronView:
        """Gather it.

        Raises:
            KeyError: If there is no such neuron.
            ValueError: If it has no label of this rank, or the data are not those of the result:
                sizes, concepts or groups differ, or the label has another AUC on them.
        """
        explanation = _explanation(result, neuron, rank)
        layers, concepts = labeled_columns(result, activations, concepts)
        check_same_data(result, layers, concepts)
        codes = None
        if bootstrap.n_bootstrap or bootstrap.groups is not None:
            codes = check_groups(result.settings, bootstrap.groups, concepts.n_samples)
        if explanation.formula is None:
            raise ValueError(f"neuron {neuron!r} was set aside: it has no label to draw")
        values = np.asarray(layers[explanation.layer].values(explanation.neuron), dtype=np.float64)
        members = explanation.formula.evaluate(concepts)
        part = np.ones(len(values), np.bool_) if result.heldout is None else result.heldout
        is_low = result.is_about_low_activation(explanation)
        curve, band = _curve(
            (-values if is_low else values)[part],
            members[part],
            None if codes is None else codes[part],
            bootstrap,
        )
        area = math.nan if curve is None else curve.auc
        check_auc(explanation, 1 - area if is_low else area, heldout=result.heldout is not None)
        several = len(result.layers) > 1
        name = f"{explanation.layer}[{explanation.neuron}]" if several else str(explanation.neuron)
        return cls(
            name=f"neuron {name}",
            explanation=explanation,
            values=values,
            members=members,
            heldout=result.heldout,
            curve=curve,
            band=band,
            settings=result.settings,
            is_low=is_low,
        )

    @property
    def facts(self) -> list[str]:
        """What is known of the label, a phrase each."""
        one, level = self.explanation, f"{100 * (1 - self.settings['alpha']):.4g}%"
        facts = [f"AUC {one.auc:.3f}"]
        if not math.isnan(one.heldout_auc):
            bounds = ""
            if not math.isnan(one.auc_low):
                bounds = f" ({level} interval {one.auc_low:.3f} to {one.auc_high:.3f})"
            facts.append(f"held out {one.heldout_auc:.3f}{bounds}")
        if not math.isnan(one.p_adjusted):
            facts.append(f"adjusted p {_p_text(one.p_adjusted)}")
        elif not math.isnan(one.p_value):
            facts.append(f"p {_p_text(one.p_value)}, not corrected")
        facts.append(f"{one.n_positive:,} of {len(self.values):,} samples ({one.fraction:.1%})")
        return facts

    @property
    def standing(self) -> str:
        """Whose label this is, and whether it is to be believed."""
        parts = [self.name]
        if self.explanation.rank:
            parts.append(f"label of rank {self.explanation.rank}")
        if self.explanation.significant is not None:
            verdict = "significant" if self.explanation.significant else "not significant"
            in_sample = self.settings["significance"] == "in_sample"
            parts.append(f"{verdict}{', in-sample' if in_sample else ''}")
        if self.is_low:
            parts.append("the label is about low activations")
        return "  ·  ".join(parts)


def _explanation(result: LabelingResult, neuron: Key, rank: int) -> Explanation:
    check_integer("rank", rank, minimum=0)
    explanations = result[neuron]
    if rank >= len(explanations):
        raise ValueError(
            f"rank is {rank}, but neuron {neuron!r} has {len(explanations)} "
            f"label{'s' if len(explanations) > 1 else ''}; expected 0 to {len(explanations) - 1}"
        )
    return explanations[rank]


def _curve(
    directed: npt.NDArray[np.float64],
    members: npt.NDArray[np.bool_],
    codes: npt.NDArray[np.int64] | None,
    bootstrap: BootstrapChoice,
) -> tuple[RocCurve | None, RocBand | None]:
    if members.all() or not members.any():
        return None, None
    curve = RocCurve.of(directed, members)
    if not bootstrap.n_bootstrap:
        return curve, None
    band = roc_band(
        directed,
        members,
        groups=codes,
        n_bootstrap=bootstrap.n_bootstrap,
        level=bootstrap.level,
        seed=bootstrap.seed,
    )
    return curve, band


def _p_text(p_value: float) -> str:
    if p_value < 1e-300:
        return "< 1e-300"
    return f"{p_value:.3f}" if p_value >= 0.01 else f"{p_value:.1e}"

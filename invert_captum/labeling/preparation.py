"""What comes before the work: same samples, usable concepts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invert_captum._log import warn
from invert_captum._validation import listed
from invert_captum.concepts import ConceptSet

if TYPE_CHECKING:
    from invert_captum.neuron_columns import NeuronColumns


def check_concept_set(concepts: object) -> None:
    """Raise unless ``concepts`` is a `ConceptSet`."""
    if not isinstance(concepts, ConceptSet):
        raise TypeError(f"concepts is a {type(concepts).__name__}; expected a ConceptSet")


def check_concepts(layers: dict[str | None, NeuronColumns], concepts: ConceptSet) -> None:
    """Raise unless ``concepts`` has the same number of samples as the activations."""
    n_samples = next(iter(layers.values())).n_samples
    if concepts.n_samples != n_samples:
        raise ValueError(
            f"concepts has {concepts.n_samples:,} samples, activations have {n_samples:,}: the "
            "rows must be the same inputs in the same order"
        )


def varying_concepts(concepts: ConceptSet) -> ConceptSet:
    """Leave out the concepts with no positives or no negatives, with one warning."""
    varies = (concepts.counts > 0) & (concepts.counts < concepts.n_samples)
    if varies.all():
        return concepts
    left_out = [name for name, keep in zip(concepts.names, varies, strict=True) if not keep]
    message = f"{len(left_out):,} of {len(concepts):,} concepts have no positives or no negatives"
    if len(left_out) == len(concepts):
        raise ValueError(f"concepts: {message} ({listed(left_out)}); none remains")
    warn(f"{message} and are left out: {listed(left_out)}")
    return concepts.select(
        [name for name, keep in zip(concepts.names, varies, strict=True) if keep]
    )


def report_set_aside(count: int, total: int, *, searched: str = "") -> None:
    """Warn once of the neurons that cannot be scored, or raise `ValueError` if none can."""
    if count == 0:
        return
    why = f"constant{searched}, or have NaN or infinite values"
    if count == total:
        raise ValueError(f"activations: all {total:,} neurons are {why}; none remains")
    warn(f"{count:,} of {total:,} neurons are set aside: they are {why}")

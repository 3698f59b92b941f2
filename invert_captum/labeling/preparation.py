"""What comes before the work: same samples, usable concepts, blocks of neurons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invert_captum._log import progress, warn
from invert_captum._validation import listed
from invert_captum.concepts import ConceptSet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from invert_captum.neuron_columns import NeuronColumns

# A block's ranks and what is made of them take about 32 bytes a value: 128 MB.
_VALUES_PER_BLOCK = 2**22
_MAX_BLOCK = 256


def check_concepts(layers: dict[str | None, NeuronColumns], concepts: object) -> None:
    """Raise unless ``concepts`` is a set of the same number of samples as the activations."""
    if not isinstance(concepts, ConceptSet):
        raise TypeError(f"concepts is a {type(concepts).__name__}; expected a ConceptSet")
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


def neuron_blocks(
    layers: dict[str | None, NeuronColumns],
    chosen: dict[str | None, list[int]],
    block_size: int | None,
    *,
    show: bool,
) -> Iterator[tuple[str | None, list[int]]]:
    """Yield (layer, neurons) pieces to work on at a time, in order."""
    n_samples = next(iter(layers.values())).n_samples
    size = block_size or max(1, min(_MAX_BLOCK, _VALUES_PER_BLOCK // n_samples))
    blocks = [
        (name, neurons[start : start + size])
        for name, neurons in chosen.items()
        for start in range(0, len(neurons), size)
    ]
    yield from progress(blocks, show=show, description="neurons")


def report_set_aside(count: int, total: int, *, searched: str = "") -> None:
    """Warn once of the neurons that cannot be scored, or raise `ValueError` if none can."""
    if count == 0:
        return
    why = f"constant{searched}, or have NaN or infinite values"
    if count == total:
        raise ValueError(f"activations: all {total:,} neurons are {why}; none remains")
    warn(f"{count:,} of {total:,} neurons are set aside: they are {why}")

"""What a page says about its heat maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from invert_captum.report.explorer.heat_maps import HeatMapper

_MAPS = (
    "Heat maps of {count:,} neurons are made by Captum: {method}. Each map is scaled to its own "
    "strongest value; on pictures it shows positive values only."
)
_MAPS_OF_LOW = (
    "Where the label is about low activation, heat maps still show what raises the activation, not "
    "what lowers it."
)
_NO_MAPS = "There are no heat maps: {method} gives nothing in the shape of what is shown."

_MASKS = (
    "Heat maps of {count:,} neurons are made by {method}. Each shows what has to stay of the "
    "picture for the neuron to stay as active as it is, scaled to its own strongest value."
)
_MASKS_OF_LOW = (
    "Where the label is about low activation, an activation below zero is explained by what keeps "
    "it there, but one above zero by what raises it."
)
_NEUTRAL = (
    "There is no map where nothing was found to decide between, mostly because the neuron is "
    "silent on the sample: {count:,} of all pairs of a neuron and a sample."
)
_NO_MASKS = (
    "There are no heat maps: {method} found nothing to decide between, mostly because the neurons "
    "are silent on their samples."
)


def map_notes(mapper: HeatMapper, n_neurons: int, *, any_low: bool) -> list[str]:
    """Return sentences on the maps that ``mapper`` has made.

    Args:
        mapper: After it has made them.
        n_neurons: How many neurons have maps.
        any_low: Whether a label of one of the neurons is about low activation.
    """
    method, n_neutral = mapper.method_text, mapper.n_neutral
    if not method:
        return []
    if not n_neurons:
        return [(_NO_MASKS if n_neutral else _NO_MAPS).format(method=method)]
    masks = mapper.makes_masks
    notes = [(_MASKS if masks else _MAPS).format(count=n_neurons, method=method)]
    if any_low:
        notes.append(_MASKS_OF_LOW if masks else _MAPS_OF_LOW)
    if n_neutral:
        notes.append(_NEUTRAL.format(count=n_neutral))
    return notes

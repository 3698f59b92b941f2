"""The name of a layer, for a result that was made without one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from invert_captum.result.labeling_result import LabelingResult


def name_layer(result: LabelingResult, layer: str) -> LabelingResult:
    """Return a result whose one layer has a name; as it is, if its layers have names already."""
    if result.layers != (None,):
        return result
    fingerprints = result.settings["fingerprints"]
    activations = dict(zip([layer], fingerprints["activations"].values(), strict=True))
    return replace(
        result,
        explanations=tuple(replace(one, layer=layer) for one in result.explanations),
        settings={
            **result.settings,
            "fingerprints": {**fingerprints, "activations": activations},
        },
    )

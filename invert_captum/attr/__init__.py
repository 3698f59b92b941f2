"""Networks on inputs, through Captum: where neurons fired, what carries a prediction.

`unusual_neurons` says which neurons are unusual on an input, `attribute_neuron` where in it they
fired, by Captum's neuron methods or as an up-sampled map of the layer. `ConceptContribution` splits
a prediction over the labels of a layer, `ablate` switches neurons off, and `ablation_effect`
measures, concept by concept, what that does to a model.

`GuidedFeatureInversion` finds the region of a picture that carries a prediction, and
`NeuronGuidedFeatureInversion` that of a neuron's activation. `localize` and `pointing_game` measure
where an attribution lies.

Names are resolved when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from invert_captum.attr.contribution.concept_contribution import ConceptContribution
    from invert_captum.attr.contribution.contributions import Contributions
    from invert_captum.attr.feature_inversion.guided_feature_inversion import (
        GuidedFeatureInversion,
    )
    from invert_captum.attr.feature_inversion.inversion_details import InversionDetails
    from invert_captum.attr.feature_inversion.neuron_guided_feature_inversion import (
        NeuronGuidedFeatureInversion,
    )
    from invert_captum.attr.localization.bounding_boxes import localize
    from invert_captum.attr.localization.pointing import pointing_game
    from invert_captum.attr.neuron_methods.neuron_attribution import attribute_neuron
    from invert_captum.attr.switching_off.ablation import ablate
    from invert_captum.attr.switching_off.ablation_effect import ablation_effect
    from invert_captum.attr.unusual import unusual_neurons

__all__ = [
    "ConceptContribution",
    "Contributions",
    "GuidedFeatureInversion",
    "InversionDetails",
    "NeuronGuidedFeatureInversion",
    "ablate",
    "ablation_effect",
    "attribute_neuron",
    "localize",
    "pointing_game",
    "unusual_neurons",
]

_HOME = {
    "ConceptContribution": "contribution.concept_contribution",
    "Contributions": "contribution.contributions",
    "GuidedFeatureInversion": "feature_inversion.guided_feature_inversion",
    "InversionDetails": "feature_inversion.inversion_details",
    "NeuronGuidedFeatureInversion": "feature_inversion.neuron_guided_feature_inversion",
    "ablate": "switching_off.ablation",
    "ablation_effect": "switching_off.ablation_effect",
    "attribute_neuron": "neuron_methods.neuron_attribution",
    "localize": "localization.bounding_boxes",
    "pointing_game": "localization.pointing",
    "unusual_neurons": "unusual",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
